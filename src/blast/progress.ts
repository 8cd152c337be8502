/** The progress line of a load run, on a terminal: redrawn in place. */
import type { Progress } from "./run.js";
import { grouped, short } from "./units.js";

const barWidth = 24;

const bar = (share: number): string => {
  const full = Math.round(Math.min(1, Math.max(0, share)) * barWidth);
  return `${"━".repeat(full)}${"─".repeat(barWidth - full)}`;
};

/** Shows progress on `stream`; `end` leaves the line empty. */
export function progressLine(stream: NodeJS.WriteStream): { show(progress: Progress): void; end(): void } {
  let phase = "";
  let last = { at: 0, sent: 0 };
  let rate: number | undefined;
  return {
    show({ phase: now, done, total, sessions, up, down }) {
      const at = performance.now();
      const sent = up.sent + down.sent;
      if (now !== phase || at - last.at > 500) {
        rate = now === phase ? ((sent - last.sent) / (at - last.at)) * 1000 : undefined;
        last = { at, sent };
        phase = now;
      }
      const wrong = up.altered + down.altered + up.misdelivered + down.misdelivered;
      const detail =
        now === "traffic"
          ? `${rate === undefined ? "" : short(rate, "pps")}${wrong > 0 ? `, ${grouped(wrong)} wrong` : ""}`
          : now === "hold"
            ? ""
            : `${grouped(done)} of ${grouped(total)}`;
      const text = `${now.padEnd(9)} ${bar(total === 0 ? 1 : done / total)} ${detail}  ${grouped(sessions)} sessions up`;
      stream.write(`\r\x1b[K${text.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
    },
    end() {
      stream.write("\r\x1b[K");
    },
  };
}
