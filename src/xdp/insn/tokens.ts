/** Words of assembly text, with where they stand. */

export interface Token {
  readonly kind: "word" | "number" | "sign" | "end";
  readonly text: string;
  /** Count from 1. */
  readonly column: number;
}

const pattern =
  /([+-]?(?:0[xX][0-9a-fA-F]+|\d+)(?![\w.$]))|([A-Za-z_.$][\w.$]*)|<<=|>>=|[-+*/|&^%<>=!]=|[-+*/|&^<>=()[\],:#!]/y;

/** Operators that begin with a letter, which would otherwise be taken for the start of a word. */
const signedOperator = /s(?:>>=|<=|>=|\/=|%=|<|>)/y;

/** The tokens of a line from `start` (an index) on, closed by one of kind `end`. A character that begins none is a token of its own. */
export function tokenize(line: string, start: number): Token[] {
  const tokens: Token[] = [];
  let at = start;
  const push = (kind: Token["kind"], text: string) => {
    tokens.push({ kind, text, column: at + 1 });
    at += text.length;
  };
  for (;;) {
    while (at < line.length && /\s/.test(line[at] as string)) {
      at += 1;
    }
    if (at >= line.length) {
      push("end", "");
      return tokens;
    }
    signedOperator.lastIndex = at;
    const operator = signedOperator.exec(line);
    if (operator !== null) {
      push("sign", operator[0]);
      continue;
    }
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (match === null) {
      push("sign", line[at] as string);
    } else {
      push(match[1] !== undefined ? "number" : match[2] !== undefined ? "word" : "sign", match[0]);
    }
  }
}
