/**
 * The grammar of the command line, after iproute2: `junctor [OPTIONS] OBJECT [COMMAND] [ARG …] [KEY VALUE …]`. The parser, the
 * help texts, the reference, the man pages and the shell completion all come from values of these types.
 */
import type { Context } from "./context.js";

/** What stands in a place: a word for any value, or the words that it may be. */
export type Value = string | readonly string[];

export interface Operand {
  /** In capitals, as in TUNNEL. */
  readonly name: string;
  readonly value?: readonly string[];
  readonly optional?: boolean;
  readonly description: string;
}

export interface Keyword {
  readonly name: string;
  readonly value: Value;
  readonly description: string;
}

export interface Option {
  readonly short?: string;
  readonly long: string;
  /** Undefined: a flag. */
  readonly value?: string;
  readonly default?: string;
  readonly description: string;
}

export interface Command {
  /** Empty for an object that is a command by itself. */
  readonly name: string;
  /** Another word for it. */
  readonly abbreviation?: string;
  readonly summary: string;
  readonly details?: string;
  readonly operands?: readonly Operand[];
  readonly keywords?: readonly Keyword[];
  readonly options?: readonly Option[];
  /** The words after it are its own affair: neither options nor abbreviations are looked for in them. */
  readonly verbatim?: boolean;
  /**
   * What may follow, where that is more than operands and keywords with one value each: the words are then the command's to read
   * (`words.ts`), but for options. Operands and keywords explain them.
   */
  readonly usage?: string;
  readonly examples?: readonly Example[];
  run(context: Context, input: Input): Promise<number>;
}

export interface Example {
  readonly command: string;
  readonly says: string;
}

export interface ObjectSpec {
  readonly name: string;
  /** Means this one although others begin with it, too. */
  readonly abbreviation?: string;
  readonly summary: string;
  readonly details?: string;
  /** The first is the one that is meant when none is named. */
  readonly commands: readonly [Command, ...Command[]];
}

export interface Input {
  /** By their names, in lower case. */
  readonly operands: Readonly<Record<string, string>>;
  readonly keywords: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string | true>>;
  /** What follows a command that is verbatim or has a usage. */
  readonly rest: readonly string[];
}

export const shownValue = (value: Value): string => (typeof value === "string" ? value : value.join("|"));

export const shownOperand = ({ name, value, optional }: Operand): string => {
  const shown = value === undefined ? name : value.join("|");
  return optional === true ? `[${shown}]` : shown;
};

/** More than this, and a synopsis says that there are some rather than which. */
const few = 3;

/** As in `tunnel [show] [KEY VALUE …]`. */
export function synopsis(object: ObjectSpec, command: Command): string {
  const { name, options = [], operands = [], keywords = [] } = command;
  if (command.usage !== undefined) return `${object.name} ${name} ${command.usage}`.trimEnd();
  const isDefault = command === object.commands[0] && name !== "";
  const words = [
    object.name,
    isDefault ? `[${name}]` : name,
    ...(options.length > few ? ["[OPTIONS]"] : options.map(shownOption)),
    ...operands.map(shownOperand),
    ...(keywords.length > few ? ["[KEY VALUE …]"] : keywords.map((each) => `[${each.name} ${shownValue(each.value)}]`)),
  ];
  return words.filter((word) => word !== "").join(" ");
}

const shownOption = ({ short, long, value }: Option): string => {
  const flag = short === undefined ? `--${long}` : `-${short}`;
  return `[${value === undefined ? flag : `${flag} ${value}`}]`;
};
