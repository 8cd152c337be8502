// docs/cli.md: the command line, from its table.
import { exitCodes } from "../../dist/cli/exit.js";
import { globalOptions } from "../../dist/cli/globals.js";
import { shownValue, synopsis } from "../../dist/cli/grammar.js";
import { optionWords } from "../../dist/cli/help.js";
import { objects } from "../../dist/cli/table.js";
import { code, notice, parts, table } from "./text.mjs";

const introduction = `\`\`\`
junctor [OPTIONS] OBJECT [COMMAND] [ARGUMENT …] [KEY VALUE …]
\`\`\`

The grammar is iproute2's. Objects, commands and keywords may be abbreviated while that is unambiguous; \`t\`, \`s\` and
\`c\` are tunnel, session and channel: \`junctor t s\` is \`junctor tunnel show\`. The first command of an object is meant
when none is named. \`junctor help\`, \`junctor help OBJECT\` and \`junctor help OBJECT COMMAND\` explain each level.`;

const optionTable = (options) =>
  table(
    ["option", "default", "meaning"],
    options.map((option) => [code(optionWords(option)), option.default ?? "", option.description]),
  );

const commandSection = (object, command) =>
  parts(
    command.name === "" ? "" : `### ${object.name} ${command.name}`,
    `\`\`\`\njunctor ${synopsis(object, command)}\n\`\`\``,
    command.name === "" ? "" : `${command.summary}.`,
    command.details ?? "",
    table(
      ["argument", "meaning"],
      (command.operands ?? []).map(({ name, description }) => [code(name), description]),
    ),
    table(
      ["keyword", "meaning"],
      (command.keywords ?? []).map(({ name, value, description }) => [
        code(`${name} ${shownValue(value)}`),
        description,
      ]),
    ),
    optionTable(command.options ?? []),
    (command.examples ?? []).map(({ command: line, says }) => `- \`junctor ${line}\`: ${says}`).join("\n"),
  ).trimEnd();

const objectSection = (object) =>
  parts(
    `## ${object.name}`,
    `${object.summary}.`,
    object.details ?? "",
    object.commands.map((command) => commandSection(object, command)),
  ).trimEnd();

export const cli = () =>
  parts(
    notice.trimEnd(),
    "# Command line",
    introduction,
    "## Options",
    optionTable(globalOptions),
    "## Exit status",
    table(
      ["code", "meaning"],
      [...Object.values(exitCodes).map(({ code: n, meaning }) => [n, meaning]), ["128 + n", "ended by signal n"]],
    ),
    objects.map(objectSection),
  );
