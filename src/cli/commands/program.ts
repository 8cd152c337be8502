/** Programs (XDP): loaded, shown, and attached to devices. */
import type { AttachmentJson, Loaded, ProgramJson, ProgramLine } from "../../api/schemas-programs.js";
import type { Client } from "../client.js";
import { type Context, printJson } from "../context.js";
import { CliError, usage } from "../exit.js";
import { type Column, count, exact, orDash, sheet, table } from "../format.js";
import type { Command, Keyword, ObjectSpec } from "../grammar.js";
import { printOne } from "../listing.js";
import {
  fileOperand,
  isLoadWord,
  type LoadRequest,
  loadKeywords,
  loadRequest,
  loadUsage,
  loadWords,
} from "../object-file.js";
import {
  findProgram,
  findPrograms,
  isReference,
  programKinds,
  programOperand,
  type Reference,
  takeReference,
} from "../references.js";
import { readServerSentEvents } from "../sse.js";
import { readWords, type Words, wholeNumber } from "../words.js";

const perRun = ({ counters: { measured, nanoseconds } }: ProgramJson): string =>
  measured === 0 ? "-" : String(Math.round(nanoseconds / measured));

const columns: readonly Column<ProgramJson>[] = [
  { title: "PROGRAM", align: "right", cell: ({ program }) => String(program) },
  { title: "NAME", cell: ({ name }) => name },
  { title: "SECTION", cell: ({ section }) => section },
  { title: "TAG", cell: ({ tag }) => tag },
  { title: "INSNS", align: "right", cell: ({ instructions }) => String(instructions) },
  { title: "MAPS", cell: ({ maps }) => (maps.length === 0 ? "-" : maps.join(",")) },
  { title: "PIN", cell: ({ pin }) => orDash(pin) },
  { title: "RUNS", align: "right", cell: ({ counters }) => count(counters.runs) },
  { title: "PASS", align: "right", cell: ({ counters }) => count(counters.pass) },
  { title: "DROP", align: "right", cell: ({ counters }) => count(counters.drop) },
  { title: "NS/RUN", align: "right", cell: perRun },
];

const details = (program: ProgramJson): string => {
  const { counters } = program;
  return sheet([
    ["program", `${program.program}, name ${program.name}, tag ${program.tag}`],
    ["section", `${program.section} (runs as ${program.attach}), license ${program.license}`],
    ["instructions", String(program.instructions)],
    ["maps", program.maps.length === 0 ? "-" : program.maps.join(", ")],
    ["pin", orDash(program.pin)],
    ["runs", `${exact(counters.runs)}, ${perRun(program)} ns each`],
    [
      "verdicts",
      `${exact(counters.pass)} pass, ${exact(counters.drop)} drop, ${exact(counters.tx)} tx, ` +
        `${exact(counters.redirect)} redirect, ${exact(counters.aborted)} aborted, ${exact(counters.unknown)} unknown`,
    ],
  ]);
};

const attachmentColumns: readonly Column<AttachmentJson>[] = [
  { title: "ATTACHMENT", align: "right", cell: ({ attachment }) => String(attachment) },
  { title: "DEVICE", cell: ({ device }) => device },
  { title: "HOOK", cell: ({ hook }) => hook },
  { title: "PRIORITY", align: "right", cell: ({ priority }) => String(priority) },
  { title: "PROGRAM", align: "right", cell: ({ program }) => String(program) },
  { title: "RUN-ON", cell: ({ runOn }) => (runOn.length === 0 ? "-" : runOn.join(",")) },
  { title: "FRAMING", cell: ({ framing }) => orDash(framing) },
  { title: "MODE", cell: ({ mode }) => mode },
  { title: "DEVICES", align: "right", cell: ({ devices }) => String(devices) },
];

const loadedText = ({ programs, maps }: Loaded): string =>
  [
    ...programs.map(({ program, name, tag }) => `program ${program} name ${name} tag ${tag}\n`),
    ...maps.map(({ map, name, type }) => `map ${map} name ${name} type ${type}\n`),
  ].join("");

const attachmentText = ({ attachment, program, device, hook, devices }: AttachmentJson): string =>
  `attachment ${attachment}: program ${program} on ${hook} of ${device} (${devices} ${devices === 1 ? "device" : "devices"})\n`;

const show: Command = {
  name: "show",
  abbreviation: "list",
  summary: "List programs, or show one",
  details: "NS/RUN is the mean time of a run, measured while `program statistics` are on.",
  usage: "[PROG]",
  operands: [{ ...programOperand, optional: true }],
  examples: [
    { command: "program show", says: "every program" },
    { command: "program show name firewall", says: "one, with all of its counters" },
  ],
  async run(context, { rest }) {
    const words = readWords(rest, "program show");
    const client = await context.client();
    if (words.more) {
      const found = await findPrograms(client, takeReference(words, programKinds, "a program"));
      words.end();
      if (found.length === 0) throw new CliError("refused", `program ${rest.join(" ")}: there is none`);
      if (context.json) printJson(context, found.length === 1 ? found[0] : found);
      else context.print(found.map(details).join("\n"));
      return 0;
    }
    const { programs } = await client.ask<{ programs: readonly ProgramJson[] }>("GET", "/v1/programs");
    if (context.json) printJson(context, programs);
    else context.print(table(columns, programs));
    return 0;
  },
};

const load: Command = {
  name: "load",
  summary: "Load the programs of an object file, and its maps",
  details:
    "What the verifier refuses is not loaded: its log is printed, then why. Loaded programs stay until `program unload`.",
  usage: `FILE ${loadUsage}`,
  operands: [fileOperand],
  keywords: loadKeywords,
  examples: [
    { command: "program load firewall.o pin firewall", says: "its programs and maps, under a name" },
    { command: "program load limit.o program police global rate 1000000", says: "one of its programs, with a setting" },
    { command: "program load firewall.o max-entries blocked 4096", says: "with room for more in one of its maps" },
  ],
  async run(context, { rest }) {
    const words = readWords(rest, "program load");
    const request = loadRequest(words.take("FILE"));
    const client = await context.client();
    while (words.more) await request.read(words.keyword(...loadWords), words, client);
    printOne(context, await request.send(client), loadedText);
    return 0;
  },
};

/** What is said of one program: PROG and nothing else. */
const onProgram = (
  spec: Omit<Command, "run" | "usage">,
  run: (context: Context, client: Client, program: ProgramJson, words: Words) => Promise<void>,
): Command => ({
  ...spec,
  usage: ["PROG", ...(spec.operands ?? []).map(({ name }) => name)].join(" "),
  operands: [programOperand, ...(spec.operands ?? [])],
  async run(context, { rest }) {
    const words = readWords(rest, `program ${spec.name}`);
    const client = await context.client();
    const program = await findProgram(client, takeReference(words, programKinds, "a program"));
    await run(context, client, program, words);
    return 0;
  },
});

const dump: Command = {
  name: "dump",
  summary: "Print a program's instructions, with the source lines that its object tells",
  usage: "[xlated] PROG",
  operands: [
    { name: "xlated", optional: true, description: "as bpftool has it: the instructions as they are verified" },
    programOperand,
  ],
  async run(context, { rest }) {
    const words = readWords(rest, "program dump");
    if (words.peek() === "jited") throw usage("jited: what programs are compiled to is WebAssembly, not shown");
    words.has("xlated");
    const client = await context.client();
    const { program } = await findProgram(client, takeReference(words, programKinds, "a program"));
    words.end();
    printOne(context, await client.ask<{ text: string }>("GET", `/v1/programs/${program}/dump`), ({ text }) => text);
    return 0;
  },
};

const pin = onProgram(
  {
    name: "pin",
    summary: "Give a program a name under which it stays",
    operands: [{ name: "NAME", description: "letters, digits, '_', '-', '.'" }],
  },
  async (_context, client, { program }, words) => {
    const name = words.take("NAME");
    words.end();
    await client.ask("PUT", `/v1/programs/${program}/pin`, { pin: name });
  },
);

const unpin = onProgram(
  { name: "unpin", summary: "Take a program's name away" },
  async (_context, client, { program }, words) => {
    words.end();
    await client.ask("PUT", `/v1/programs/${program}/pin`, { pin: null });
  },
);

const unload = onProgram(
  { name: "unload", summary: "Let go of a program; it stays until no attachment, map or pin holds it" },
  async (_context, client, { program }, words) => {
    words.end();
    await client.ask("DELETE", `/v1/programs/${program}`);
  },
);

const attachKeywords: readonly Keyword[] = [
  {
    name: "device",
    value: "DEV",
    description: "device by name, or a pattern: unit/* means all units, those to come too",
  },
  { name: "hook", value: ["ingress", "egress"], description: "ingress, unless it is said: what enters the device" },
  { name: "priority", value: "N", description: "programs of a hook run in this order, lowest first; 50 unless said" },
  {
    name: "run-on",
    value: "VERDICT[,VERDICT]",
    description: "verdicts after which the next program runs (aborted, drop, pass, tx, redirect); pass, unless said",
  },
  {
    name: "framing",
    value: ["native", "ethernet"],
    description: "what the program sees: the frame as the device has it, or with an Ethernet header",
  },
  {
    name: "mode",
    value: ["user", "native", "generic"],
    description: "user: in the daemon; native, generic: in the kernel, on an interface of the host",
  },
];

/** One of a keyword's words. */
function choice<const W extends string>(keyword: string, word: string, among: readonly W[]): W {
  const found = among.find((each) => each === word);
  if (found === undefined) throw usage(`${keyword} ${word}: expected ${among.join(" or ")}`);
  return found;
}

type Source = { readonly reference: Reference } | { readonly request: LoadRequest };

/** PROG, or FILE. */
const takeSource = (words: Words): Source =>
  isReference(words.peek(), programKinds)
    ? { reference: takeReference(words, programKinds, "a program") }
    : { request: loadRequest(words.take("PROG or FILE")) };

/** Runs `use` with a program; one from a file stays only as long as what `use` made of it. */
async function withProgram<T>(client: Client, source: Source, use: (program: number) => Promise<T>): Promise<T> {
  if ("reference" in source) return use((await findProgram(client, source.reference)).program);
  const { request } = source;
  const { programs } = await request.send(client);
  try {
    const [only] = programs;
    if (only === undefined || programs.length > 1) {
      const names = programs.map(({ name }) => name).join(", ");
      throw usage(`${request.file} has ${programs.length} programs`, `say which: program NAME, one of ${names}`);
    }
    return await use(only.program);
  } finally {
    for (const { program } of programs) await client.ask("DELETE", `/v1/programs/${program}`);
  }
}

const attach: Command = {
  name: "attach",
  summary: "Have a program run on what enters or leaves devices",
  details:
    "From a FILE, the program is loaded, attached, and goes when it is detached, unless it is pinned. Programs of the same hook run one after the other, by priority.",
  usage: "PROG|FILE device DEV [KEY VALUE …]",
  operands: [programOperand, fileOperand],
  keywords: [...attachKeywords, ...loadKeywords],
  examples: [
    { command: "program attach name firewall device unit/* hook ingress", says: "on all units, those to come too" },
    { command: "program attach count.o device udp/192.0.2.1:1701 priority 10", says: "from a file, before others" },
    { command: "program attach xdp.o program drop device eth1 mode native", says: "in the kernel, on an interface" },
  ],
  async run(context, { rest }) {
    const words = readWords(rest, "program attach");
    const client = await context.client();
    const source = takeSource(words);
    const request = "request" in source ? source.request : undefined;
    const wanted: Record<string, unknown> = { hook: "ingress" };
    const given = new Set<string>();
    while (words.more) {
      const keyword = words.keyword(
        "device",
        "hook",
        "priority",
        "run-on",
        "framing",
        "mode",
        ...(request === undefined ? [] : loadWords),
      );
      if (isLoadWord(keyword)) {
        await request!.read(keyword, words, client);
        continue;
      }
      if (given.has(keyword)) throw usage(`${keyword} is given twice`);
      given.add(keyword);
      const value = words.take(`the value of ${keyword}`);
      const { value: among } = attachKeywords.find(({ name }) => name === keyword)!;
      if (keyword === "priority") wanted.priority = wholeNumber(keyword, value);
      else if (keyword === "run-on") wanted.runOn = value.split(",").filter((word) => word !== "" && word !== "none");
      else wanted[keyword] = typeof among === "string" ? value : choice(keyword, value, among);
    }
    if (!given.has("device")) throw usage("program attach lacks device DEV", "junctor device show lists them");
    const made = await withProgram(client, source, (program) =>
      client.ask<AttachmentJson>("POST", "/v1/attachments", { ...wanted, program }),
    );
    printOne(context, made, attachmentText);
    return 0;
  },
};

const replace: Command = {
  name: "replace",
  summary: "Have another program run in the place of one that is attached; no frame meets a gap",
  usage: `ATTACHMENT PROG|FILE [KEY VALUE …]`,
  operands: [
    { name: "ATTACHMENT", description: "handle, as `program attachments` tells it" },
    programOperand,
    fileOperand,
  ],
  keywords: loadKeywords,
  examples: [{ command: "program replace 3 count-v2.o", says: "the new version of a program" }],
  async run(context, { rest }) {
    const words = readWords(rest, "program replace");
    const attachment = wholeNumber("attachment", words.take("ATTACHMENT"), 1);
    const client = await context.client();
    const source = takeSource(words);
    if ("request" in source) {
      while (words.more) await source.request.read(words.keyword(...loadWords), words, client);
    }
    words.end();
    const made = await withProgram(client, source, (program) =>
      client.ask<AttachmentJson>("PUT", `/v1/attachments/${attachment}`, { program }),
    );
    printOne(context, made, attachmentText);
    return 0;
  },
};

const fetchAttachments = async (client: Client): Promise<readonly AttachmentJson[]> =>
  (await client.ask<{ attachments: readonly AttachmentJson[] }>("GET", "/v1/attachments")).attachments;

const detach: Command = {
  name: "detach",
  summary: "Detach a program, or all that is attached to a device; it runs on no frame any more",
  usage: "ATTACHMENT | device DEV [hook HOOK]",
  operands: [{ name: "ATTACHMENT", optional: true, description: "handle, as `program attachments` tells it" }],
  keywords: [
    { name: "device", value: "DEV", description: "device or pattern, as it was attached to" },
    { name: "hook", value: ["ingress", "egress"], description: "only this hook" },
  ],
  async run(context, { rest }) {
    const words = readWords(rest, "program detach");
    const client = await context.client();
    if (!words.has("device")) {
      const attachment = wholeNumber("attachment", words.take("ATTACHMENT or device DEV"), 1);
      words.end();
      await client.ask("DELETE", `/v1/attachments/${attachment}`);
      return 0;
    }
    const device = words.take("DEV");
    const hook =
      words.more && words.keyword("hook") ? choice("hook", words.take("HOOK"), ["ingress", "egress"]) : undefined;
    words.end();
    const found = (await fetchAttachments(client)).filter(
      (each) => each.device === device && (hook === undefined || each.hook === hook),
    );
    if (found.length === 0) throw new CliError("refused", `device ${device}: no program is attached to it`);
    for (const { attachment } of found) await client.ask("DELETE", `/v1/attachments/${attachment}`);
    return 0;
  },
};

const attachments: Command = {
  name: "attachments",
  summary: "List which programs run where",
  async run(context) {
    const all = await fetchAttachments(await context.client());
    if (context.json) printJson(context, all);
    else context.print(table(attachmentColumns, all));
    return 0;
  },
};

const lineText = ({ time, program, device, text }: ProgramLine): string =>
  `${time} ${program}${device === 0 ? "" : ` device ${device}`}: ${text}\n`;

const trace: Command = {
  name: "trace",
  abbreviation: "tracelog",
  summary: "Print what programs print (bpf_printk), and why runs were aborted, as it happens",
  keywords: [{ name: "count", value: "N", description: "end after so many lines" }],
  async run(context, { keywords }) {
    const wanted = keywords.count === undefined ? Number.POSITIVE_INFINITY : wholeNumber("count", keywords.count, 1);
    let seen = 0;
    for await (const { event, data } of readServerSentEvents(
      await (await context.client()).stream("/v1/programs/trace"),
    )) {
      if (event === "lost") {
        context.warn(`junctor: ${JSON.parse(data).count} lines were lost\n`);
        continue;
      }
      context.print(context.json ? `${data}\n` : lineText(JSON.parse(data)));
      if (++seen >= wanted) break;
    }
    return 0;
  },
};

const statistics: Command = {
  name: "statistics",
  summary: "Measure the time that programs take, or not; it costs two looks at the clock for each run",
  operands: [{ name: "STATE", value: ["on", "off"], description: "whether" }],
  async run(context, { operands }) {
    await (await context.client()).ask("PUT", "/v1/programs/statistics", { on: operands.state === "on" });
    return 0;
  },
};

export const programObject: ObjectSpec = {
  name: "program",
  abbreviation: "prog",
  summary: "XDP programs, and the devices they run on",
  details:
    "Programs are eBPF objects, made by clang -target bpf for the kernel's XDP. They run on what enters (ingress) or leaves (egress) the devices of `junctor device show`. PROG is a program's handle, id HANDLE, pinned NAME, name NAME or tag TAG.",
  commands: [show, load, dump, pin, unpin, unload, attach, replace, detach, attachments, trace, statistics],
};
