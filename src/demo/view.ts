/** What the demo shows while it runs: a table that is redrawn on a terminal, a line per second elsewhere. */
import type { Progress } from "../blast/index.js";
import { grouped, short } from "../blast/units.js";

export interface View {
  show(progress: Progress): void;
  end(): void;
}

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

function rows(now: Progress, before: Progress, seconds: number): readonly Row[] {
  return [row("LACs → LNSs", now.up, before.up, seconds), row("LNSs → LACs", now.down, before.down, seconds)];
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

const status = ({ phase, done, total, sessions }: Progress): string => {
  const up = `${grouped(sessions)} sessions up`;
  if (phase === "traffic") return `${Math.floor(done)} s  ${up}`;
  if (phase === "hold") return up;
  return `${phase === "tear-down" ? "hanging up" : `setting up ${phase}`}: ${grouped(done)} of ${grouped(total)}`;
};

/** Calls `draw` about once a second while there is traffic, with what was a second ago; on a new phase at once. */
function everySecond(draw: (now: Progress, before: Progress, seconds: number) => void): (progress: Progress) => void {
  let last: { readonly at: number; readonly progress: Progress } | undefined;
  return (progress) => {
    const at = performance.now();
    if (last === undefined || progress.phase !== last.progress.phase) {
      last = { at, progress };
    } else if (at - last.at >= 950) {
      draw(progress, last.progress, (at - last.at) / 1000);
      last = { at, progress };
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
  const update = everySecond((now, before, seconds) => {
    if (now.phase === "traffic") {
      table = ["", `\x1b[2m${line(columns)}\x1b[0m`, ...rows(now, before, seconds).map((each) => line(cells(each)))];
    }
  });
  return {
    show(progress) {
      update(progress);
      draw([status(progress), ...table]);
    },
    end() {},
  };
}

/** A file or a pipe: one line a second. */
export function lineView(stream: NodeJS.WritableStream): View {
  const show = everySecond((now, before, seconds) => {
    if (now.phase !== "traffic") return;
    const each = rows(now, before, seconds).map(
      ({ name, frames, lost, wrong }) =>
        `${name} ${grouped(frames)}/s, lost ${grouped(lost)}, altered ${grouped(wrong)}`,
    );
    stream.write(`${status(now)}  ${each.join("  ")}\n`);
  });
  return { show, end() {} };
}
