// docs/man: junctor.8 and one page for each object from the command table, junctor.yaml.5 from the configuration's schema.
import { exitCodes } from "../../dist/cli/exit.js";
import { globalOptions } from "../../dist/cli/globals.js";
import { shownValue, synopsis } from "../../dist/cli/grammar.js";
import { objects } from "../../dist/cli/table.js";
import { mappings } from "./configuration.mjs";
import { defaultOf, typeOf } from "./json-schema.mjs";

/** Text as roff takes it: its escape character, hyphens that are to stay, and lines that look like requests. */
const roff = (text) =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("…", "...")
    .replaceAll("–", "\\(en")
    .replaceAll("§", "\\(sc")
    .replaceAll("“", '"')
    .replaceAll("`", "'")
    .replace(/^([.'])/gm, "\\&$1");

const bold = (text) => `\\fB${roff(text)}\\fR`;
const heading = (text) => `.SH ${roff(text.toUpperCase())}`;
const paragraph = (text) => (text === undefined ? [] : [".PP", roff(text)]);
const tagged = (tag, text) => [".TP", tag, roff(text)];

const optionTag = ({ short, long, value }) =>
  [
    short === undefined ? [] : bold(`-${short}`),
    `${bold(`--${long}`)}${value === undefined ? "" : ` \\fI${roff(value)}\\fR`}`,
  ]
    .flat()
    .join(", ");

const optionsOf = (options) =>
  options.flatMap((option) =>
    tagged(
      optionTag(option),
      option.default === undefined ? `${option.description}.` : `${option.description}. Default: ${option.default}.`,
    ),
  );

const page = (name, section, summary, ...body) =>
  `${[`.TH ${name.toUpperCase()} ${section} "" Junctor "Junctor manual"`, ".SH NAME", `${roff(name)} \\- ${roff(summary)}`, ...body.flat(3)].join("\n")}\n`;

const usage = (object, command) => [".PP", `${bold("junctor")} ${roff(synopsis(object, command))}`];

const commandBody = (command) => [
  ...(command.operands ?? []).flatMap(({ name, description }) => tagged(`\\fI${roff(name)}\\fR`, `${description}.`)),
  ...(command.keywords ?? []).flatMap(({ name, value, description }) =>
    tagged(`${bold(name)} \\fI${roff(shownValue(value))}\\fR`, `${description}.`),
  ),
  ...optionsOf(command.options ?? []),
];

const exampleBody = ({ commands }) => {
  const examples = commands.flatMap((command) => command.examples ?? []);
  if (examples.length === 0) return [];
  return [
    heading("examples"),
    ...examples.flatMap(({ command, says }) => tagged(bold(`junctor ${command}`), `${says}.`)),
  ];
};

const seeAlso = [heading("see also"), `${bold("junctor")}(8)`];

const lower = (text) => text.replace(/^[A-Z](?![A-Z0-9])/, (letter) => letter.toLowerCase());

const objectPage = (object) =>
  page(
    `junctor-${object.name}`,
    8,
    lower(object.summary),
    heading("synopsis"),
    object.commands.flatMap((command) => usage(object, command)),
    object.details === undefined ? [] : [heading("description"), roff(object.details)],
    object.commands.flatMap((command) => [
      heading(command.name === "" ? "description" : `junctor ${object.name} ${command.name}`),
      roff(`${command.summary}.`),
      ...paragraph(command.details),
      ...commandBody(command),
    ]),
    exampleBody(object),
    seeAlso,
  );

const mainPage = () =>
  page(
    "junctor",
    8,
    "a programmable tunnel switch",
    heading("synopsis"),
    `${bold("junctor")} ${roff("[OPTIONS] OBJECT [COMMAND] [ARGUMENT …] [KEY VALUE …]")}`,
    heading("description"),
    roff(
      "Junctor accepts L2TPv2 tunnels and joins each session in them to a session in another tunnel, as its configuration says. This command runs the daemon and asks and steers it over its API. The grammar is that of ip(8): objects, commands and keywords may be abbreviated while that is unambiguous, and the first command of an object is meant when none is named.",
    ),
    heading("objects"),
    objects.flatMap(({ name, summary }) => tagged(bold(name), `${summary}. See junctor-${name}(8).`)),
    heading("options"),
    optionsOf(globalOptions),
    heading("exit status"),
    Object.values(exitCodes).flatMap(({ code, meaning }) => tagged(bold(String(code)), `${meaning}.`)),
    tagged(bold("128+n"), "ended by signal n."),
    heading("files"),
    tagged("\\fI/etc/junctor/junctor.yaml\\fR", "configuration of the daemon."),
    tagged("\\fI/run/junctor/api.sock\\fR", "the API's socket."),
    heading("see also"),
    [`${bold("junctor.yaml")}(5)`, ...objects.map(({ name }) => `${bold(`junctor-${name}`)}(8)`)].join(",\n"),
  );

const plain = (text) => text.replaceAll("`", "").replaceAll("**", "");

const keyBody =
  (required) =>
  ([name, schema]) => {
    const standard = defaultOf(schema, required.has(name));
    const notes = [
      plain(typeOf(schema)),
      ...(standard === "" ? [] : [standard.startsWith("*") ? "required" : `default ${plain(standard)}`]),
    ];
    return tagged(`${bold(name)} (${roff(notes.join("; "))})`, `${schema.description ?? ""}.`);
  };

const configurationPage = () =>
  page(
    "junctor.yaml",
    5,
    "configuration of the tunnel switch Junctor",
    heading("description"),
    roff(
      "A YAML file. A duration is a number of seconds, or a number with a unit, as 500ms, 60s, 2m, 1h. Files are relative to the configuration file. junctor check FILE tells each mistake with its line and column.",
    ),
    mappings().flatMap(({ path, keys, required }) => [
      heading(path === "" ? "the file" : path),
      keys.flatMap(keyBody(required)),
    ]),
    heading("see also"),
    `${bold("junctor")}(8)`,
  );

/** By file name. */
export const manPages = () => ({
  "junctor.8": mainPage(),
  "junctor.yaml.5": configurationPage(),
  ...Object.fromEntries(objects.map((object) => [`junctor-${object.name}.8`, objectPage(object)])),
});
