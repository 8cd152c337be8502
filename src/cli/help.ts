/** Help texts at each level, from the table. */
import { exitCodes } from "./exit.js";
import { globalOptions } from "./globals.js";
import { type Command, type ObjectSpec, type Option, shownValue, synopsis } from "./grammar.js";

const lineWidth = 100;

export function overview(objects: readonly ObjectSpec[]): string {
  return [
    "usage: junctor [OPTIONS] OBJECT [COMMAND] [ARGUMENT …] [KEY VALUE …]\n",
    section(
      "objects",
      objects.map(({ name, summary }) => [name, summary]),
    ),
    section("options", globalOptions.map(optionRow)),
    section(
      "exit status",
      Object.values(exitCodes).map(({ code, meaning }) => [String(code), meaning]),
    ),
    "Objects, commands and keywords may be abbreviated while that is unambiguous; t, s and c are tunnel, session and\n" +
      "channel: junctor t s is junctor tunnel show.\n" +
      "junctor help OBJECT [COMMAND] explains more.\n",
  ].join("\n");
}

export function objectHelp(object: ObjectSpec): string {
  const [only] = object.commands;
  if (only.name === "") return commandHelp(object, only);
  return [
    `${object.summary}\n`,
    `usage: ${object.commands.map((command) => `junctor ${synopsis(object, command)}`).join("\n       ")}\n`,
    ...(object.details === undefined ? [] : [`${wrap(object.details, 0)}\n`]),
    section(
      "commands",
      object.commands.map(({ name, summary }) => [name, summary]),
    ),
    `junctor help ${object.name} COMMAND explains more.\n`,
  ].join("\n");
}

export function commandHelp(object: ObjectSpec, command: Command): string {
  const { details, operands = [], keywords = [], options = [], examples = [] } = command;
  return [
    `${command.summary}\n`,
    `usage: junctor ${synopsis(object, command)}\n`,
    ...(details === undefined ? [] : [`${wrap(details, 0)}\n`]),
    section(
      "arguments",
      operands.map(({ name, description }) => [name, description]),
    ),
    section(
      "keywords",
      keywords.map(({ name, value, description }) => [`${name} ${shownValue(value)}`, description]),
    ),
    section("options", options.map(optionRow)),
    section(
      "examples",
      examples.map(({ command: line, says }) => [`junctor ${line}`, says]),
    ),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

type Row = readonly [left: string, right: string];

export const optionWords = ({ short, long, value }: Option): string =>
  `${short === undefined ? "" : `-${short}, `}--${long}${value === undefined ? "" : ` ${value}`}`;

const optionRow = (option: Option): Row => [
  `${option.short === undefined ? "    " : ""}${optionWords(option)}`,
  option.default === undefined ? option.description : `${option.description} (default ${option.default})`,
];

/** A column of terms no wider than 32; a longer one has its text on the next line. */
function section(title: string, rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  const indent = Math.min(32, Math.max(...rows.map(([left]) => left.length))) + 4;
  const lines = rows.map(([left, right]) => {
    const text = wrap(right, indent);
    const fits = left.length + 4 <= indent;
    return fits ? `  ${left.padEnd(indent - 2)}${text.trimStart()}` : `  ${left}\n${text}`;
  });
  return `${title}:\n${lines.join("\n")}\n`;
}

function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > lineWidth) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((each) => " ".repeat(indent) + each).join("\n");
}
