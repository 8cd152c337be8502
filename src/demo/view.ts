/** What the demo shows while it runs: a table that is redrawn on a terminal, a line per second elsewhere. */
import { type Phase, type Progress, phases } from "../blast/index.js";
import { grouped, short } from "../blast/units.js";

/** The two fates of a session in the demo. */
export const halves = ["switched", "terminated"] as const;
export type Half = (typeof halves)[number];

export interface View {
  show(half: Half, progress: Progress): void;
}

/** Where both halves are. */
type Both = Readonly<Record<Half, Progress>>;

/** What a direction did in the last second. */
interface Row {
  readonly name: string;
  readonly frames: number;
  readonly bits: number;
  readonly received: number;
  readonly lost: number;
  readonly wrong: number;
}

type Flow = Progress["up"];

const arrived = (flow: Flow): number => flow.received + flow.altered + flow.misdelivered;

function row(name: string, now: Flow, before: Flow, seconds: number): Row {
  return {
    name,
    frames: (now.received - before.received) / seconds,
    bits: ((now.receivedBytes - before.receivedBytes) * 8) / seconds,
    received: now.received,
    // What was sent a second ago has arrived by now, or is lost.
    lost: Math.max(0, before.sent - arrived(now)),
    wrong: now.altered + now.misdelivered + now.stray,
  };
}

function rows(now: Both, before: Both, seconds: number): readonly Row[] {
  return [
    row("LACs → LNSs", now.switched.up, before.switched.up, seconds),
    row("LNSs → LACs", now.switched.down, before.switched.down, seconds),
    row("pings", now.terminated.up, before.terminated.up, seconds),
  ];
}

const columns = ["", "frames/s", "rate", "received", "lost", "altered"] as const;
const cells = ({ name, frames, bits, received, lost, wrong }: Row): readonly string[] => [
  name,
  grouped(frames),
  short(bits, "bit/s"),
  grouped(received),
  grouped(lost),
  grouped(wrong),
];
const line = (texts: readonly string[]): string =>
  texts.map((text, column) => (column === 0 ? text.padEnd(13) : text.padStart(12))).join("");

/** The half that is behind says where both are. */
const behind = ({ switched, terminated }: Both): Progress =>
  phases.indexOf(switched.phase) <= phases.indexOf(terminated.phase) ? switched : terminated;

const doing: Readonly<Record<Phase, string>> = {
  tunnels: "opening tunnels",
  sessions: "setting up sessions",
  traffic: "",
  hold: "",
  "tear-down": "hanging up",
};

function status(both: Both): string {
  const { phase, done } = behind(both);
  const sessions = `${grouped(both.switched.sessions)} sessions switched, ${grouped(both.terminated.sessions)} terminated`;
  return phase === "traffic" ? `${Math.floor(done)} s  ${sessions}` : `${doing[phase]}: ${sessions}`;
}

/**
 * Calls `update` whenever a half is further, once both have begun; about once a second while there is traffic also with what
 * was a second ago.
 */
function watch(update: (now: Both, second: { readonly before: Both; readonly seconds: number } | undefined) => void) {
  const latest: { -readonly [half in Half]?: Progress } = {};
  let last: { readonly at: number; readonly both: Both } | undefined;
  return (half: Half, progress: Progress): void => {
    latest[half] = progress;
    const { switched, terminated } = latest;
    if (!switched || !terminated) return;
    const both = { switched, terminated };
    const at = performance.now();
    const phase = behind(both).phase;
    if (last === undefined || phase !== behind(last.both).phase) {
      last = { at, both };
      update(both, undefined);
    } else if (switched.phase === "traffic" && terminated.phase === "traffic" && at - last.at >= 950) {
      update(both, { before: last.both, seconds: (at - last.at) / 1000 });
      last = { at, both };
    } else {
      update(both, undefined);
    }
  };
}

/** A terminal: the table stays where it is. */
export function tableView(stream: NodeJS.WriteStream): View {
  let drawn = 0;
  let table: readonly string[] = [];
  const draw = (lines: readonly string[]): void => {
    const up = drawn === 0 ? "" : `\x1b[${drawn}A`;
    stream.write(`${up}\r${lines.map((text) => `\x1b[2K${text}\n`).join("")}`);
    drawn = lines.length;
  };
  const show = watch((now, second) => {
    if (second) {
      const lines = rows(now, second.before, second.seconds).map((each) => line(cells(each)));
      table = ["", `\x1b[2m${line(columns)}\x1b[0m`, ...lines];
    }
    draw([status(now), ...table]);
  });
  return { show };
}

/** A file or a pipe: one line a second. */
export function lineView(stream: NodeJS.WritableStream): View {
  const show = watch((now, second) => {
    if (!second) return;
    const each = rows(now, second.before, second.seconds).map(
      ({ name, frames, lost }) => `${name} ${grouped(frames)}/s, lost ${grouped(lost)}`,
    );
    stream.write(`${status(now)}  ${each.join("  ")}\n`);
  });
  return { show };
}
