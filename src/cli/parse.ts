/** From words to a command of the table and its input. Throws CliError `usage` for what it does not understand. */
import { usage } from "./exit.js";
import { globalOptions } from "./globals.js";
import { type Command, type Input, type ObjectSpec, type Option, shownValue } from "./grammar.js";

export type OptionValues = Readonly<Record<string, string | true>>;

export interface Parsed {
  readonly globals: OptionValues;
  /** Undefined: no words but options. */
  readonly object: ObjectSpec | undefined;
  /** Undefined: the object's help is asked for. */
  readonly command: Command | undefined;
  readonly input: Input;
}

const noInput: Input = { operands: {}, keywords: {}, options: {}, rest: [] };

export function parse(words: readonly string[], objects: readonly ObjectSpec[]): Parsed {
  const globals: Record<string, string | true> = {};
  const leading = takeOptions(words, globalOptions, globals, true);
  const [objectWord, ...afterObject] = leading;
  if (objectWord === undefined) return { globals, object: undefined, command: undefined, input: noInput };

  const object = resolve(objectWord, objects);
  if (object === undefined) {
    throw usage(`${objectWord}: no such object`, `the objects are ${names(objects)}; junctor help explains them`);
  }
  const { command, words: own } = commandOf(object, afterObject, globals);
  if (command === undefined) return { globals, object, command, input: noInput };
  if (command.verbatim === true) return { globals, object, command, input: { ...noInput, rest: own } };

  const options: Record<string, string | true> = {};
  const local = command.options ?? [];
  const rest = takeOptions(own, [...local, ...globalOptions.filter((option) => !clashes(option, local))], options);
  for (const { long } of globalOptions) {
    const value = options[long];
    if (value !== undefined && !local.some((option) => option.long === long)) globals[long] = value;
  }
  if (rest.at(-1) === "help") return { globals: { ...globals, help: true }, object, command, input: noInput };
  if (globals.help === true) return { globals, object, command, input: noInput };
  if (command.usage !== undefined) return { globals, object, command, input: { ...noInput, options, rest } };
  return { globals, object, command, input: { ...readWords(object, command, rest), options, rest: [] } };
}

/** The one that the word names or abbreviates; undefined: none. Throws when it could be several. */
export function resolve<T extends { readonly name: string; readonly abbreviation?: string }>(
  word: string,
  among: readonly T[],
): T | undefined {
  const exact = among.find(({ name, abbreviation }) => name === word || (word !== "" && abbreviation === word));
  if (exact !== undefined || word === "") return exact;
  const candidates = among.filter(({ name }) => name.startsWith(word));
  if (candidates.length > 1) throw usage(`${word}: could be ${names(candidates)}`);
  return candidates[0];
}

const names = (list: readonly { readonly name: string }[]): string => list.map(({ name }) => name).join(", ");

const clashes = (option: Option, local: readonly Option[]): boolean =>
  local.some(({ short, long }) => long === option.long || (short !== undefined && short === option.short));

function commandOf(
  object: ObjectSpec,
  words: readonly string[],
  globals: Record<string, string | true>,
): { command: Command | undefined; words: readonly string[] } {
  const [standard] = object.commands;
  if (standard.name === "") {
    const help = standard.verbatim !== true && words[0] === "help";
    return help ? { command: undefined, words: [] } : { command: standard, words };
  }
  const rest = standard.verbatim === true ? words : takeOptions(words, globalOptions, globals, true);
  const [word, ...after] = rest;
  if (word === "help" || (word === undefined && globals.help === true)) return { command: undefined, words: [] };
  const named = word === undefined ? undefined : resolve(word, object.commands);
  return named === undefined ? { command: standard, words: rest } : { command: named, words: after };
}

/** Takes options out of the words; `leading`: up to the first word that is none. `--` ends them. */
function takeOptions(
  words: readonly string[],
  known: readonly Option[],
  values: Record<string, string | true>,
  leading = false,
): readonly string[] {
  const rest: string[] = [];
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === "--") return [...rest, ...queue];
    if (word === "-" || !word.startsWith("-")) {
      rest.push(word);
      if (leading) return [...rest, ...queue];
      continue;
    }
    if (/^-[a-zA-Z]{2,}$/.test(word)) {
      // Several short flags in one word: all but the last take no value.
      queue.unshift(...[...word.slice(1)].map((letter) => `-${letter}`));
      continue;
    }
    const [, long, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const option = known.find((each) => (long === undefined ? each.short === word.slice(1) : each.long === long));
    if (option === undefined) throw usage(`${word}: no such option`, "junctor help lists the options");
    if (option.value === undefined && inline !== undefined) throw usage(`--${option.long} takes no value`);
    const value = option.value === undefined ? true : (inline ?? queue.shift());
    if (value === undefined) throw usage(`${word} lacks its value`, `${word} ${option.value}`);
    values[option.long] = value;
  }
  return rest;
}

function readWords(
  object: ObjectSpec,
  command: Command,
  words: readonly string[],
): Pick<Input, "operands" | "keywords"> {
  const rest = [...words];
  const operands: Record<string, string> = {};
  for (const { name, value, optional } of command.operands ?? []) {
    // Where an operand may be missing, a word that is a keyword is that.
    if (optional === true && command.keywords?.some((keyword) => keyword.name === rest[0])) break;
    const word = rest.shift();
    if (word === undefined) {
      if (optional === true) break;
      throw usage(`${phrase(object, command)} lacks ${name}`, hintFor(object, command));
    }
    if (value !== undefined && !value.includes(word)) throw usage(`${word}: expected ${value.join(" or ")}`);
    operands[name.toLowerCase()] = word;
  }
  const keywords: Record<string, string> = {};
  while (rest.length > 0) {
    const word = rest.shift()!;
    const keyword = resolve(word, command.keywords ?? []);
    if (keyword === undefined)
      throw usage(`${word}: not understood after ${phrase(object, command)}`, expected(object, command));
    const value = rest.shift();
    if (value === undefined)
      throw usage(`${keyword.name} lacks its value`, `${keyword.name} ${shownValue(keyword.value)}`);
    if (typeof keyword.value !== "string" && !keyword.value.includes(value)) {
      throw usage(`${keyword.name} ${value}: expected ${keyword.value.join(" or ")}`);
    }
    if (keywords[keyword.name] !== undefined) throw usage(`${keyword.name} is given twice`);
    keywords[keyword.name] = value;
  }
  return { operands, keywords };
}

const phrase = (object: ObjectSpec, command: Command): string => [object.name, command.name].join(" ").trim();

const hintFor = (object: ObjectSpec, command: Command): string => `junctor help ${phrase(object, command)}`;

function expected(object: ObjectSpec, command: Command): string {
  const keywords = names(command.keywords ?? []);
  const commands = object.commands.length > 1 ? names(object.commands) : "";
  const parts = [commands && `a command (${commands})`, keywords && `a keyword (${keywords})`].filter(
    (part) => part !== "",
  );
  return parts.length === 0 ? "nothing more was expected" : `expected ${parts.join(" or ")}`;
}
