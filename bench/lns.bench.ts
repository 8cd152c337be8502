/**
 * npm run bench -- lns [--quick] [--json]
 *
 * What the LNS's data path costs: packets that subscribers send through it to the host's network, and the other way, per second of its
 * CPU, beside Debian's l2tpns in the same network with the same generators. See docs/benchmarks.md.
 */
import { allowedCores } from "./harness/cpu.js";
import { compileC } from "./harness/gcc.js";
import { startRadius } from "./harness/radius.js";
import { progress, type Result, readOptions, report } from "./harness/report.js";
import { createSpaces } from "./harness/spaces.js";
import { median } from "./harness/statistics.js";
import { type Bench, type Contender, check, enterL2tpns, enterPlane, measure, type Traffic } from "./lns/contender.js";
import { connect, dialLine, lineOf, serve, transfer } from "./lns/tcp.js";

const options = readOptions(["--quick", "--json"], process.argv.slice(2));
const { rounds, seconds } = options.quick ? { rounds: 3, seconds: 0.2 } : { rounds: 10, seconds: 0.6 };
const sessions = 100;
const manySessions = 20_000;

const [first = 0, ...others] = allowedCores();
const programs = {
  upload: compileC("upload"),
  download: compileC("download"),
  relay: compileC("relay"),
  bulk: compileC("bulk"),
};
const bench: Bench = {
  spaces: await createSpaces(),
  programs,
  cores: { generator: first, lns: others.at(-1) ?? first },
};
await startRadius(bench.spaces, first);

progress("lns: starting l2tpns");
const l2tpns = await enterL2tpns(bench, sessions);
progress("lns: starting the switch");
const plain = await enterPlane(bench, 1, sessions, { segmentation: false });
const offloading = await enterPlane(bench, 2, sessions);
const line = await enterPlane(bench, 5, 1);
const one = await enterPlane(bench, 3, 1, { segmentation: false });
const many = await enterPlane(bench, 4, manySessions, { segmentation: false });

bench.spaces.deliver("nobody");
bench.spaces.segment(false);

/** The sender always segments: the LNS then has work even where other programs take the generator's core. */
const traffic = (direction: Traffic["direction"], size: Traffic["size"]): Traffic => ({
  direction,
  size,
  segments: Math.min(64, Math.floor(65_000 / (size + 10))),
});

const kinds = (["to-tun", "from-tun"] as const).flatMap((direction) =>
  ([64, 1400] as const).map((size) => ({ name: `${direction}-${size}`, traffic: traffic(direction, size) })),
);
/** One packet for each subscriber in turn. */
const spread: Traffic = { direction: "from-tun", size: 64, segments: 1 };
/** In each round these take turns, those that are compared one after the other. */
const turns: readonly { readonly key: string; readonly contender: Contender; readonly traffic: Traffic }[] = [
  ...kinds.flatMap(({ name, traffic }) => [
    { key: name, contender: plain, traffic },
    { key: `${name} l2tpns`, contender: l2tpns, traffic },
    { key: `${name}-gso`, contender: offloading, traffic },
  ]),
  { key: "one route", contender: one, traffic: spread },
  { key: "routes-20000", contender: many, traffic: spread },
];
for (const { contender, traffic } of turns) await check(bench, contender, { ...traffic, segments: 4 });

const figures = new Map<string, number[]>(turns.map(({ key }) => [key, []]));
for (let round = 0; round <= rounds; round++) {
  progress(round === 0 ? "lns: warming up" : `lns: round ${round} of ${rounds}`);
  for (const { key, contender, traffic } of turns) {
    const figure = await measure(bench, contender, traffic, traffic === spread ? seconds * 3 : seconds);
    if (round > 0) figures.get(key)!.push(figure);
  }
}

bench.spaces.deliver("stack");
bench.spaces.segment(true);
progress("lns: connecting subscribers for TCP");
await serve(bench, programs.bulk);
const ends = {
  l2tpns: await connect(bench, programs.relay, l2tpns, await dialLine(bench, l2tpns), 0),
  ours: await connect(bench, programs.relay, line, lineOf(5), 1),
};
const bulks = (["get", "put"] as const).flatMap((direction) => {
  const name = direction === "get" ? "tcp-down" : "tcp-up";
  return [
    { key: name, end: ends.ours, direction },
    { key: `${name} l2tpns`, end: ends.l2tpns, direction },
  ];
});
for (const { key } of bulks) figures.set(key, []);
for (let round = 0; round <= rounds; round++) {
  progress(round === 0 ? "lns: TCP, warming up" : `lns: TCP, round ${round} of ${rounds}`);
  for (const { key, end, direction } of bulks) {
    const figure = await transfer(bench, programs.bulk, end, direction, seconds * 2);
    if (round > 0) figures.get(key)!.push(figure);
  }
}

const packets = "thousand packets per CPU second";
const bytes = "megabytes per CPU second";

interface Comparison {
  readonly goal: number;
  /** Keys of the two whose ratio it is, first ÷ second. */
  readonly of: readonly [string, string];
  readonly against: string;
  readonly better?: Result["better"];
  readonly unit?: string;
}

/** Medians; the ratio is the median of the rounds' ratios, whose two sides were measured right after each other. */
function compare(name: string, { goal, of, against, better = "higher", unit = packets }: Comparison): Result {
  const [over, under] = of.map((key) => figures.get(key)!) as [number[], number[]];
  return {
    name,
    value: median(figures.get(name)!),
    unit,
    against: `${against}: ${median(name === of[0] ? under : over).toFixed(0)}`,
    ratio: median(over.map((figure, i) => figure / under[i]!)),
    goal,
    better,
  };
}

report(
  "lns",
  [
    ...kinds.map(({ name }) => compare(name, { goal: 1, of: [name, `${name} l2tpns`], against: "l2tpns" })),
    ...kinds.map(({ name }) =>
      compare(`${name}-gso`, { goal: 1, of: [`${name}-gso`, `${name} l2tpns`], against: "l2tpns" }),
    ),
    ...["tcp-down", "tcp-up"].map((name) =>
      compare(name, { goal: 3, of: [name, `${name} l2tpns`], against: "l2tpns", unit: bytes }),
    ),
    compare("routes-20000", {
      goal: 1.15,
      of: ["one route", "routes-20000"],
      against: "times as dear as with one route",
      better: "lower",
    }),
  ],
  options,
);
process.exit(0);
