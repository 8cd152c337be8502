/**
 * npm run bench -- switch [--quick] [--json] [--whole]
 *
 * Frames that the switch bridges from one L2TPv2 tunnel to another per second of its CPU, against a forwarder in C that does
 * the same on the same machine in the same minute. With --whole super-packets leave as they are, as through a NIC that
 * segments UDP itself; otherwise the sending core cuts them into frames. See docs/benchmarks.md.
 */
import { join } from "node:path";
import { allowedCores } from "./harness/cpu.js";
import { compileC } from "./harness/gcc.js";
import { createNetwork } from "./harness/network.js";
import { root } from "./harness/paths.js";
import { progress, type Result, readOptions, report } from "./harness/report.js";
import { median } from "./harness/statistics.js";
import { type Bench, type Contender, check, enter, measure, type Traffic } from "./switch/contender.js";
import { east, forwarderAddress, west } from "./switch/layout.js";

const options = readOptions(["--quick", "--json", "--whole"], process.argv.slice(2));
const { rounds, seconds } = options.quick ? { rounds: 5, seconds: 0.3 } : { rounds: 15, seconds: 0.6 };
const manySessions = 50_000;

const host = (address: string): string => address.split(":")[0]!;
const [first = 0, ...others] = allowedCores();

const forwardInC = compileC("forward");
const bench: Bench = {
  programs: { generate: compileC("generate"), sink: compileC("sink") },
  cores: { generator: first, forwarder: others.at(-1) ?? first },
  network: await createNetwork({
    segmentsUdp: options.whole,
    outside: [host(west), host(east)],
    inside: Array.from({ length: 6 }, (_, i) => forwarderAddress(i)),
  }),
};

const peerInC = (mode: string) => (local: string) => [forwardInC, mode, local, west, east, "1"];
const ours = (sessions: number, segmentation: boolean) => (local: string) => [
  process.execPath,
  join(root, ".build/bench/switch/forward.js"),
  local,
  String(sessions),
  String(segmentation),
];

progress("switch: starting the forwarders");
const contenders = {
  mmsg: await enter(bench, 0, "the switch without segmentation", ours(1, false)),
  gro: await enter(bench, 1, "the switch", ours(1, true)),
  many: await enter(bench, 2, `the switch with ${manySessions} sessions`, ours(manySessions, true)),
  mmsgInC: await enter(bench, 3, "the C forwarder (mmsg)", peerInC("mmsg")),
  groInC: await enter(bench, 4, "the C forwarder (gro)", peerInC("gro")),
  singleInC: await enter(bench, 5, "the C forwarder (single)", peerInC("single")),
};

/** The sender always segments: the forwarder then has work even where other programs take the generator's core. */
const traffic = (size: Traffic["size"], sessions = 1): Traffic => ({
  size,
  segments: Math.min(64, Math.floor(65_000 / size)),
  sessions,
});

/** In each round these take turns, those that are compared one after the other. */
const turns = [
  ...([64, 1400] as const).flatMap((size) => [
    { key: `mmsg-${size}`, contender: contenders.mmsg, traffic: traffic(size) },
    { key: `mmsg-${size} in C`, contender: contenders.mmsgInC, traffic: traffic(size) },
    { key: `single-${size} in C`, contender: contenders.singleInC, traffic: traffic(size) },
    { key: `gro-${size} in C`, contender: contenders.groInC, traffic: traffic(size) },
    { key: `gro-${size}`, contender: contenders.gro, traffic: traffic(size) },
  ]),
  { key: "sessions-50000", contender: contenders.many, traffic: traffic(64, manySessions) },
  { key: "one session", contender: contenders.gro, traffic: traffic(64) },
] satisfies readonly { key: string; contender: Contender; traffic: Traffic }[];
type Key = (typeof turns)[number]["key"];

bench.network.deliver(host(east), "stack");
for (const { contender, traffic } of turns) await check(bench, contender, traffic);
bench.network.deliver(host(east), "nobody");

const figures = new Map<Key, number[]>(turns.map(({ key }) => [key, []]));
for (let round = 0; round <= rounds; round++) {
  progress(round === 0 ? "switch: warming up" : `switch: round ${round} of ${rounds}`);
  for (const { key, contender, traffic } of turns) {
    const figure = await measure(bench, contender, traffic, seconds);
    if (round > 0) figures.get(key)!.push(figure);
  }
}

/** Medians; the ratio is the median of the rounds' ratios, whose two sides were measured within a second or two. */
function compare(name: string, goal: number, ourKey: Key, theirKey: Key, against: string): Result {
  const value = figures.get(ourKey)!;
  const theirs = figures.get(theirKey)!;
  const ratio = median(value.map((figure, i) => figure / theirs[i]!));
  const unit = "thousand frames per CPU second";
  return {
    name,
    value: median(value),
    unit,
    against: `${against}: ${median(theirs).toFixed(0)}`,
    ratio,
    goal,
    better: "higher",
  };
}

report(
  "switch",
  [
    ...["mmsg-64", "mmsg-1400"].map((name) => compare(name, 0.9, name, `${name} in C`, "C, recvmmsg and sendmmsg")),
    ...["gro-64", "gro-1400"].map((name) => compare(name, 0.85, name, `${name} in C`, "C, UDP_GRO and UDP_SEGMENT")),
    ...["64", "1400"].map((size) =>
      compare(`single-${size}`, 3, `gro-${size}`, `single-${size} in C`, "C, a frame per system call"),
    ),
    compare("sessions-50000", 0.85, "sessions-50000", "one session", "the switch with one session"),
  ],
  options,
);
process.exit(0);
