/** Reads the words of commands whose grammar is more than operands and keywords. */
import { usage } from "./exit.js";
import { resolve } from "./parse.js";

export interface Words {
  /** The next word, which stays. */
  peek(): string | undefined;
  /** Takes the next word; `what` is what it should have been. */
  take(what: string): string;
  /** Takes the next word if it is this one. */
  has(word: string): boolean;
  /** Takes a keyword, or its beginning. Throws when it is none of these. */
  keyword<const K extends string>(...among: readonly K[]): K;
  readonly more: boolean;
  /** Throws when there are words left. */
  end(): void;
}

/** `phrase`: the command, for messages. */
export function readWords(words: readonly string[], phrase: string): Words {
  const rest = [...words];
  const hint = `junctor help ${phrase}`;
  return {
    peek: () => rest[0],
    take(what) {
      const word = rest.shift();
      if (word === undefined) throw usage(`${phrase} lacks ${what}`, hint);
      return word;
    },
    has(word) {
      if (rest[0] !== word) return false;
      rest.shift();
      return true;
    },
    keyword(...among) {
      const word = rest.shift();
      if (word === undefined) throw usage(`${phrase} lacks ${among.join(" or ")}`, hint);
      const found = resolve(
        word,
        among.map((name) => ({ name })),
      );
      if (found === undefined) throw usage(`${word}: not understood after ${phrase}`, `expected ${among.join(", ")}`);
      return found.name;
    },
    get more() {
      return rest.length > 0;
    },
    end() {
      if (rest.length > 0) throw usage(`${rest[0]}: not understood after ${phrase}`, "nothing more was expected");
    },
  };
}

/** A whole number of at least `least`. */
export function wholeNumber(what: string, word: string, least = 0): number {
  const value = /^(\d{1,15}|0x[\da-f]{1,12})$/i.test(word) ? Number(word) : Number.NaN;
  if (!(value >= least)) throw usage(`${what} ${word}: expected a number from ${least}`);
  return value;
}

/** A value as JSON, or else as the text that it is. */
export function jsonOrText(word: string): unknown {
  try {
    return JSON.parse(word);
  } catch {
    return word;
  }
}
