// Measures what each example costs a frame: compiled and interpreted by junctor/xdp, and as root by the kernel that runs here.
//
//   node examples/xdp/cost.mjs [--rounds N] [--json | --write]
//
// Builds the examples into a temporary folder (clang, make). A round is 20 000 runs on one frame, that is placed anew each
// time unless the compiled program passes it. The fastest round counts, once N rounds in a row (default 20) bring nothing better, less what a program costs that
// does nothing. The kernel's figures are those of PROG_TEST_RUN. --write puts the figures into the examples' READMEs.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { assembleXdp, loadObject, loadXdp, writeValue } from "junctor/xdp";

const runs = 20_000;
/** Milliseconds at most for one figure, and at least for a round in vain: what runs often is compiled better in the background. */
const [most, inVainLeast] = [3000, 20];
const here = dirname(fileURLToPath(import.meta.url));

const ethernet = (type, packet) => Buffer.concat([Buffer.from("020000000000020000000001", "hex"), type, packet]);
const ipv4 = (text) => ethernet(Buffer.from("0800", "hex"), Buffer.from(text, "hex"));
const ipv6 = (text) => ethernet(Buffer.from("86dd", "hex"), Buffer.from(text, "hex"));
const data = "5a".repeat(64);
/** From 10.1.0.7 to 198.51.100.9, UDP 4096 to 4097, 64 bytes of data. */
const udp4 = `4500005c00004000401106430a010007c633640910001001004800 00${data}`.replace(/ /g, "");
/** The same from 2001:db8:7::1 to 2001:db8:ff::9. */
const udp6 = `60000000004811 4020010db8000700000000000000000001 20010db800ff00000000000000000009 1000100100480000${data}`;
const syn4 = "45000028000040004006068e0a010007c6336409100000500000000100000000500203e800000000";
const v4 = ipv4(udp4);
const v6 = ipv6(udp6.replace(/ /g, ""));
const syn = ipv4(syn4);
const ppp = Buffer.concat([Buffer.from("ff030021", "hex"), Buffer.from(udp4, "hex")]);

/** /24 prefixes all over the address space, as a list has them besides the one that matters. */
const many = Array.from({ length: 10_000 }, (_, n) => {
  const mixed = Math.imul(n + 1, 0x9e3779b1) >>> 8;
  return [mixed >>> 16, (mixed >>> 8) & 255, mixed & 255, 0];
});
const anybody = { whose: 0, number: 0 };
const device = 1;

/** What is measured. `set(map, key, value)` fills maps before. */
const cases = [
  {
    example: "firewall",
    program: "from_subscriber",
    what: "no policy: nothing to do",
    frame: v4,
    fill: () => {},
  },
  {
    example: "firewall",
    program: "from_subscriber",
    what: "IPv4, user's policy, 10 000 blocked prefixes, ports closed",
    frame: v4,
    tags: { user: 7, device },
    fill(set) {
      for (const who of [{ whose: 1, number: 7 }, anybody]) set("policies", who, { from: 3, to: 3, list: 0 });
      for (const address of many) set("blocked4", { prefixlen: 24, address }, 0n);
    },
  },
  {
    example: "firewall",
    program: "to_subscriber",
    what: "IPv6, everybody's policy, 1 blocked prefix, ports closed",
    frame: v6,
    fill(set) {
      set("policies", anybody, { from: 3, to: 3, list: 0 });
      set("blocked6", { prefixlen: 48, address: [0x20, 1, 0xd, 0xb8, 0, 8, ...new Array(10).fill(0)] }, 0n);
    },
  },
  {
    example: "source-validation",
    program: "validate_source",
    what: "IPv4, 10 000 prefixes of other devices",
    frame: v4,
    tags: { device },
    fill(set) {
      for (const [n, address] of many.entries()) set("sources4", { prefixlen: 56, device: 2 + n, address }, 1);
      set("sources4", { prefixlen: 64, device, address: [10, 1, 0, 7] }, 1);
    },
  },
  {
    example: "dscp",
    program: "mark",
    what: "IPv4, by the policy's tag",
    frame: v4,
    tags: { session: 5, policy: 3, device },
    fill(set) {
      for (const whom of [
        { by: 2, number: 3 },
        { by: 3, number: device },
      ])
        set("classes", whom, 46);
    },
  },
  {
    example: "syn-limiter",
    program: "limit_syn",
    what: "no SYN",
    frame: v4,
    fill: () => {},
  },
  {
    example: "syn-limiter",
    program: "limit_syn",
    what: "SYN, limited by source, destination and in all",
    frame: syn,
    fill(set) {
      for (const limit of [0, 1]) set("limits", limit, { interval: 1n, burst: 10n ** 18n });
      set("all", 0, { lock: { val: 0 }, rate: 1_000_000_000, burst: 10n ** 9n, tokens: 10n ** 18n, filled: 0n });
    },
  },
  {
    example: "sampling",
    program: "sample_frames",
    what: "1 in 100",
    frame: v4,
    fill: (set) => set("settings", 0, { rate: 100, snap: 128 }),
    drain: "samples",
  },
  {
    example: "balance",
    program: "balance_ppp",
    what: "UDP in PPP, its bucket has no device",
    frame: ppp,
    fill: () => {},
  },
  {
    example: "balance",
    program: "count_sent",
    what: "the devmap's program",
    frame: ppp,
    fill: () => {},
    info: { egressIfindex: device },
  },
];

function argument(name, fallback) {
  const at = process.argv.indexOf(name);
  return at === -1 ? fallback : Number(process.argv[at + 1]);
}
const rounds = argument("--rounds", 20);

function build() {
  const out = mkdtempSync(join(tmpdir(), "junctor-xdp-cost-"));
  execFileSync("make", ["-s", "-C", here, `OUT=${out}`], { stdio: ["ignore", 2, 2] });
  return out;
}

/** The fastest round, in nanoseconds a run. */
function fastest(round) {
  let best = Number.POSITIVE_INFINITY;
  let inVain = 0;
  const began = performance.now();
  for (
    let time = 0;
    (inVain < rounds || time < rounds * inVainLeast) && time < most;
    time = performance.now() - began
  ) {
    const took = round();
    inVain = took < best * 0.99 ? 0 : inVain + 1;
    best = Math.min(best, took);
  }
  return best;
}

function measureHere(object, { program, frame, tags, info = {}, drain }, engine, inPlace = true) {
  const found = object.program(program);
  const options = { engine, tags, ingressIfindex: device, ...info };
  const repeat = engine === "jit" ? runs : runs / 10;
  const round = () => {
    const time = found.measure(frame, { ...options, repeat, inPlace });
    if (drain !== undefined) object.map(drain).consume();
    return time;
  };
  return fastest(round);
}

/** The kernel's toolchain of the built package; undefined where it cannot be used. */
async function kernelTools() {
  try {
    const load = (path) => import(pathToFileURL(join(here, "../../dist", path)).href);
    const [{ loadKernelObject }, { bpfMissing, runBpfProgram }] = [
      await load("dataplane/linux/bpf/index.js"),
      await load("system/bpf.js"),
    ];
    if (bpfMissing() !== undefined) return undefined;
    return { loadKernelObject, runBpfProgram };
  } catch {
    return undefined;
  }
}

/** Bytes of a key or value, shaped by the types that the object tells. */
function encode({ btf }, type, size, value) {
  if (value instanceof Uint8Array) return value;
  const bytes = new Uint8Array(size);
  if (btf !== undefined && type) writeValue(btf, type, new DataView(bytes.buffer), 0, value);
  else new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function measureKernel(kernel, bytes, { program, frame, fill }) {
  // Where Junctor's kfuncs are not there, and XDP wants Ethernet.
  const object = kernel.loadKernelObject(loadObject(bytes));
  try {
    fill((name, key, value) => {
      const map = object.maps.get(name);
      const { spec } = map;
      const shaped = encode(spec, spec.valueType, spec.valueSize, value);
      map.update(encode(spec, spec.keyType, spec.keySize, key), shaped);
    });
    const { fd } = object.programs.get(program);
    const round = () => kernel.runBpfProgram(fd, { data: frame, repeat: runs, output: false }).duration;
    return fastest(round);
  } finally {
    object.close();
  }
}

const machine = `${cpus()[0]?.model ?? "unknown processor"}, Node ${process.version}`;

function tableOf(rows) {
  const lines = rows.map(({ program, what, instructions, jit, interpreter, kernel }) =>
    ["", `\`${program}\``, what, instructions, jit, interpreter, kernel ?? "-", ""].join(" | ").trim(),
  );
  const head = [
    "| program | frame | instructions | compiled | interpreted | kernel |",
    "|---|---|---:|---:|---:|---:|",
  ];
  return [...head, ...lines].join("\n");
}

/** The last section of the example's README. */
function write(example, rows) {
  const file = join(here, example, "README.md");
  const [before] = readFileSync(file, "utf8").split("## Cost\n");
  const table = tableOf(rows.filter((row) => row.example === example));
  const text = `Nanoseconds a frame, by \`node ../cost.mjs\` on ${machine}:`;
  writeFileSync(file, `${before}## Cost\n\n${text}\n\n${table}\n`);
}

const idle = { program: "idle", frame: v4 };
const out = build();
try {
  const kernel = await kernelTools();
  const nothing = loadXdp(assembleXdp({ idle: "r0 = 2\nexit" }));
  const engines = ["jit", "interpreter"];
  // The last one is for verdicts after which a frame has to be placed anew.
  const floors = () => [
    ...engines.map((engine) => measureHere(nothing, idle, engine)),
    measureHere(nothing, idle, "jit", false),
  ];
  const lowest = (one, other) => one.map((value, index) => Math.min(value, other[index]));
  let floor = floors();
  const rows = [];
  for (const each of cases) {
    const bytes = new Uint8Array(readFileSync(join(out, each.example, `${each.example}.o`)));
    const object = loadXdp(bytes);
    each.fill((map, key, value) => object.map(map).set(key, value));
    const row = {
      example: each.example,
      program: each.program,
      what: each.what,
      instructions: object.program(each.program).spec.insns.length,
      verdict: object.program(each.program).run(each.frame, { tags: each.tags, ingressIfindex: device, ...each.info })
        .action,
    };
    row.times = engines.map((engine) => measureHere(object, each, engine));
    // A devmap's program has no frame of its own in PROG_TEST_RUN.
    const possible = kernel !== undefined && each.info === undefined;
    row.kernel = possible ? measureKernel(kernel, bytes, each) : undefined;
    rows.push(row);
  }
  floor = lowest(floor, floors());
  for (const row of rows) {
    const [jit, interpreter, anew] = floor;
    const below = [row.verdict === "pass" ? jit : anew, interpreter];
    [row.jit, row.interpreter] = row.times.map((time, index) => Math.max(0, Math.round(time - below[index])));
  }
  if (process.argv.includes("--json")) {
    console.log(JSON.stringify({ machine, floor, rows }, undefined, 2));
  } else {
    console.log(`${machine}; ns a frame\n\n${tableOf(rows)}`);
    const examples = process.argv.includes("--write") ? new Set(rows.map((row) => row.example)) : [];
    for (const example of examples) write(example, rows);
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
