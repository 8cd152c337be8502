/** Maps of programs, in bpftool's grammar. */
import type { MapEntryJson, MapJson, MapRecord } from "../../api/schemas-programs.js";
import { dumpWriter, entryJson, entryText } from "../bpf-text.js";
import type { Client } from "../client.js";
import { type Context, printJson } from "../context.js";
import { CliError, usage } from "../exit.js";
import { type Column, jsonWriter, orDash, sheet, table } from "../format.js";
import type { Command, ObjectSpec } from "../grammar.js";
import { printOne } from "../listing.js";
import { dataHelp, keyKeyword, takeKey, takeMode, takeValue, together, valueKeyword } from "../map-data.js";
import { findMap, mapKinds, mapOperand, takeReference } from "../references.js";
import { readServerSentEvents } from "../sse.js";
import { readWords, type Words, wholeNumber } from "../words.js";

const columns: readonly Column<MapJson>[] = [
  { title: "MAP", align: "right", cell: ({ map }) => String(map) },
  { title: "NAME", cell: ({ name }) => name },
  { title: "TYPE", cell: ({ type }) => type },
  { title: "KEY", align: "right", cell: ({ keySize }) => String(keySize) },
  { title: "VALUE", align: "right", cell: ({ valueSize }) => String(valueSize) },
  { title: "ENTRIES", align: "right", cell: ({ maxEntries }) => String(maxEntries) },
  { title: "FLAGS", cell: ({ flags }) => `0x${flags.toString(16)}` },
  { title: "PROGRAMS", cell: ({ programs }) => (programs.length === 0 ? "-" : programs.join(",")) },
  { title: "PIN", cell: ({ pin }) => orDash(pin) },
];

const details = (map: MapJson): string =>
  sheet([
    ["map", `${map.map}, name ${map.name}, type ${map.type}, flags 0x${map.flags.toString(16)}`],
    ["key", `${map.keySize} bytes`],
    ["value", `${map.valueSize} bytes${map.perCpu ? ", one for each CPU" : ""}`],
    ["entries", `at most ${map.maxEntries}`],
    ["types", map.btf ? "known" : "not known"],
    ["programs", map.programs.length === 0 ? "-" : map.programs.join(", ")],
    ["pin", orDash(map.pin)],
  ]);

const path = ({ map }: MapJson, what = ""): string => `/v1/maps/${map}${what}`;

/** A command on one map: MAP, and what `run` reads of the words that follow. */
const onMap = (
  spec: Omit<Command, "run" | "usage" | "operands"> & Partial<Pick<Command, "operands">>,
  rest: string,
  run: (context: Context, client: Client, map: MapJson, words: Words) => Promise<void>,
): Command => ({
  ...spec,
  usage: `MAP ${rest}`.trimEnd(),
  operands: [mapOperand, ...(spec.operands ?? [])],
  async run(context, input) {
    const words = readWords(input.rest, `map ${spec.name}`);
    const client = await context.client();
    const map = await findMap(client, takeReference(words, mapKinds, "a map"));
    await run(context, client, map, words);
    words.end();
    return 0;
  },
});

const printEntry = (context: Context, entry: MapEntryJson): void => {
  if (context.json) printJson(context, entryJson(entry));
  else context.print(entryText(entry));
};

const show: Command = {
  name: "show",
  abbreviation: "list",
  summary: "List maps, or show one",
  usage: "[MAP]",
  operands: [{ ...mapOperand, optional: true }],
  async run(context, { rest }) {
    const words = readWords(rest, "map show");
    const client = await context.client();
    if (words.more) {
      const map = await findMap(client, takeReference(words, mapKinds, "a map"));
      words.end();
      printOne(context, map, details);
      return 0;
    }
    const { maps } = await client.ask<{ maps: readonly MapJson[] }>("GET", "/v1/maps");
    if (context.json) printJson(context, maps);
    else context.print(table(columns, maps));
    return 0;
  },
};

/** Entries of one answer. */
const partSize = 500;

async function* entries(client: Client, map: MapJson): AsyncGenerator<readonly MapEntryJson[]> {
  let after: string | null = "";
  // A map that changes meanwhile may show entries twice, but not for ever.
  for (let seen = 0; after !== null && seen < Math.max(map.maxEntries, 1); ) {
    const query: string = new URLSearchParams({ limit: String(partSize), ...(after !== "" && { after }) }).toString();
    const part: { entries: readonly MapEntryJson[]; next: string | null } = await client.ask(
      "GET",
      `${path(map, "/entries")}?${query}`,
    );
    yield part.entries;
    seen += Math.max(part.entries.length, 1);
    after = part.next;
  }
}

const dump = onMap(
  {
    name: "dump",
    summary: "Print every entry of a map",
    details:
      "As bpftool does: JSON-like text where the object tells the types, else bytes. With --json, each entry has its bytes and, as `formatted`, what they mean.",
    examples: [{ command: "-p map dump name verdicts", says: "bytes and meaning, as JSON" }],
  },
  "",
  async (context, client, map, words) => {
    words.end();
    const write = context.json ? jsonWriter<object>(context.pretty) : dumpWriter(map);
    for await (const part of entries(client, map)) {
      context.print(context.json ? write.rows(part.map(entryJson)) : write.rows(part));
    }
    context.print(write.end());
  },
);

const lookup = onMap(
  {
    name: "lookup",
    summary: "Print the entry with a key",
    details: dataHelp,
    keywords: [keyKeyword],
    examples: [
      { command: "map lookup name verdicts key 2 0 0 0", says: "by the key's bytes" },
      { command: "map lookup pinned blocked key hex 20 00 00 00 0a 00 00 01", says: "in hexadecimal" },
    ],
  },
  "key DATA",
  async (context, client, map, words) => {
    const key = takeKey(words, map);
    words.end();
    printEntry(context, await client.ask<MapEntryJson>("POST", path(map, "/lookup"), key));
  },
);

const update = onMap(
  {
    name: "update",
    summary: "Write an entry",
    details: `${dataHelp} any: it may be there or not; exist, noexist: it must or must not be. A per-CPU map gets the value for every CPU.`,
    keywords: [
      keyKeyword,
      valueKeyword,
      {
        name: "any",
        value: ["exist", "noexist"],
        description: "whether the entry may be there, at the end of the line",
      },
    ],
    examples: [
      { command: "map update id 3 key 1 2 3 4 value hex 0a 00 noexist", says: "a new entry, by bytes" },
      {
        command: `map update name block4 key '{"prefixlen":24,"address":[10,0,0,0]}' value '{"action":1}'`,
        says: "shaped by the types that the object tells",
      },
      { command: "map update name jumps key 0 0 0 0 value name parse_ipv4", says: "a program for tail calls" },
    ],
  },
  "[key DATA] value DATA|MAP|PROG [any|exist|noexist]",
  async (_context, client, map, words) => {
    const key = map.keySize === 0 ? {} : takeKey(words, map);
    words.keyword("value");
    const value = await takeValue(words, map, client);
    const mode = takeMode(words);
    words.end();
    await client.ask("POST", path(map, "/update"), { ...together(key, value), ...(mode !== undefined && { mode }) });
  },
);

const remove = onMap(
  { name: "delete", summary: "Take an entry away", details: dataHelp, keywords: [keyKeyword] },
  "key DATA",
  async (_context, client, map, words) => {
    const key = takeKey(words, map);
    words.end();
    await client.ask("POST", path(map, "/delete"), key);
  },
);

const getnext = onMap(
  {
    name: "getnext",
    summary: "Print the key after a key; without one, the first",
    details: dataHelp,
    keywords: [keyKeyword],
  },
  "[key DATA]",
  async (context, client, map, words) => {
    const key = words.more ? takeKey(words, map) : {};
    words.end();
    printEntry(context, await client.ask<MapEntryJson>("POST", path(map, "/next"), key));
  },
);

const create: Command = {
  name: "create",
  summary: "Make a map by itself; it stays until `map release`",
  usage: "NAME type TYPE key BYTES value BYTES entries N [flags N] [pin NAME]",
  operands: [{ name: "NAME", description: "name of the map" }],
  keywords: [
    { name: "type", value: "TYPE", description: "as hash, array, lpm_trie, percpu_array, queue, ringbuf" },
    { name: "key", value: "BYTES", description: "size of a key; 0 where there is none" },
    { name: "value", value: "BYTES", description: "size of a value" },
    { name: "entries", value: "N", description: "most entries; of a ringbuf, its bytes" },
    { name: "flags", value: "N", description: "flags of linux/bpf.h (map_flags), as 1 for BPF_F_NO_PREALLOC" },
    { name: "pin", value: "NAME", description: "name under which it stays and is found: pinned NAME" },
  ],
  examples: [
    {
      command: "map create blocked type hash key 4 value 8 entries 1024 pin blocked",
      says: "for programs to share: program load … map name blocked pinned blocked",
    },
  ],
  async run(context, { rest }) {
    const words = readWords(rest, "map create");
    const wanted: Record<string, unknown> = { name: words.take("NAME"), keySize: 0, valueSize: 0 };
    const members = { key: "keySize", value: "valueSize", entries: "maxEntries", flags: "flags" } as const;
    while (words.more) {
      const keyword = words.keyword("type", "key", "value", "entries", "flags", "pin", "name");
      const value = words.take(`the value of ${keyword}`);
      if (keyword === "type" || keyword === "pin" || keyword === "name") wanted[keyword] = value;
      else wanted[members[keyword]] = wholeNumber(keyword, value);
    }
    for (const [member, keyword] of [
      ["type", "type TYPE"],
      ["maxEntries", "entries N"],
    ] as const) {
      if (wanted[member] === undefined) throw usage(`map create lacks ${keyword}`, "junctor help map create");
    }
    printOne(
      context,
      await (await context.client()).ask<MapJson>("POST", "/v1/maps", wanted),
      ({ map, name, type }) => {
        return `map ${map} name ${name} type ${type}\n`;
      },
    );
    return 0;
  },
};

const release = onMap(
  { name: "release", summary: "Let go of a map made by `map create`; it stays while a program or pin holds it" },
  "",
  async (_context, client, map) => client.ask("DELETE", path(map)),
);

const pin = onMap(
  {
    name: "pin",
    summary: "Give a map a name under which it stays",
    operands: [{ name: "NAME", description: "letters, digits, '_', '-', '.'" }],
  },
  "NAME",
  async (_context, client, map, words) => client.ask("PUT", path(map, "/pin"), { pin: words.take("NAME") }),
);

const unpin = onMap({ name: "unpin", summary: "Take a map's name away" }, "", async (_context, client, map) =>
  client.ask("PUT", path(map, "/pin"), { pin: null }),
);

const peek = onMap(
  { name: "peek", summary: "Print the value of a queue or stack that comes next" },
  "",
  async (context, client, map) => printEntry(context, await client.ask<MapEntryJson>("POST", path(map, "/lookup"), {})),
);

const push = onMap(
  {
    name: "push",
    abbreviation: "enqueue",
    summary: "Put a value into a queue, stack or bloom filter",
    details: dataHelp,
    keywords: [valueKeyword],
  },
  "value DATA",
  async (_context, client, map, words) => {
    words.keyword("value");
    const value = await takeValue(words, map, client);
    words.end();
    await client.ask("POST", path(map, "/push"), value);
  },
);

const pop = onMap(
  { name: "pop", abbreviation: "dequeue", summary: "Take the next value out of a queue or stack, and print it" },
  "",
  async (context, client, map) => printEntry(context, await client.ask<MapEntryJson>("POST", path(map, "/pop"))),
);

const read = onMap(
  {
    name: "read",
    abbreviation: "event_pipe",
    summary: "Print records of a ring buffer or perf event array, and frames of an xskmap, as they come",
    details: "One line for each, its bytes in hexadecimal; with --json, one JSON object a line.",
    keywords: [{ name: "count", value: "N", description: "end after so many records" }],
  },
  "[count N]",
  async (context, client, map, words) => {
    const most =
      words.more && words.keyword("count") ? wholeNumber("count", words.take("N"), 1) : Number.POSITIVE_INFINITY;
    words.end();
    let seen = 0;
    for await (const { event, data } of readServerSentEvents(await client.stream(path(map, "/records")))) {
      const record: MapRecord & { count: number } = JSON.parse(data);
      if (event === "lost") {
        context.warn(`junctor: ${record.count} records were lost\n`);
        continue;
      }
      context.print(context.json ? `${data}\n` : `${record.time} ${record.bytes.match(/../g)?.join(" ") ?? ""}\n`);
      if (++seen >= most) return;
    }
    throw new CliError("unreachable", "the daemon went away");
  },
);

export const mapObject: ObjectSpec = {
  name: "map",
  summary: "Maps of programs",
  details:
    "MAP is a map's handle, id HANDLE, pinned NAME or name NAME. Where the object tells the types (clang -g, .maps), keys and values can be given and are printed as JSON.",
  commands: [show, dump, lookup, update, remove, getnext, create, release, pin, unpin, peek, push, pop, read],
};
