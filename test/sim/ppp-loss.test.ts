/** A client dials in over wires that lose, duplicate and reorder. */
import { describe, expect, test } from "vitest";
import { seededNumbers } from "../../src/random.js";
import { long, seed } from "../seed.js";
import type { End } from "./ppp-end.js";
import { client, server } from "./ppp-plans.js";
import { createWire, type Wire } from "./ppp-wire.js";

const runs = long ? 5000 : 300;
console.log(`JUNCTOR_TEST_SEED=${seed}`);

interface Call {
  readonly ends: readonly [End, End];
  readonly wire: Wire;
  readonly trace: string[];
}

function dial(of: number, loss: number): Call {
  const ends = [server(of), client(of + 1)] as const;
  const wire = createWire(ends, of + 2, { loss, duplication: loss / 2, reordering: loss });
  const trace: string[] = [];
  wire.watch = (from, frame) => trace.push(`${wire.now} ${from} ${Buffer.from(frame).toString("hex")}`);
  for (const end of ends) end.open(0);
  return { ends, wire, trace };
}

const isUp = ({ link, network }: End): boolean =>
  link.status().phase === "network" && Object.values(network?.status().protocols ?? {}).every((s) => s === "opened");

/** RFC 1661 §4.1, TO- in Ack-Sent: the peer, which may be in Opened, is not told. */
const gaveUp = ({ network }: End): boolean => Object.values(network?.status().protocols ?? {}).includes("stopped");

const last = (end: End, type: string) => end.events.findLast((event) => event.type === type);

function problems({ ends, wire }: Call): string[] {
  const found: string[] = [];
  const [atServer, atClient] = ends;
  if (isUp(atServer) && isUp(atClient)) {
    const theirs = last(atServer, "ipv4-up");
    const ours = last(atClient, "ipv4-up");
    if (theirs?.type !== "ipv4-up" || ours?.type !== "ipv4-up") found.push("up without addresses");
    else if (theirs.local !== ours.peer || theirs.peer !== ours.local) found.push("they disagree on addresses");
    const [a, b] = ends.map(({ link }) => link.status().agreement);
    if (JSON.stringify([a?.local, a?.peer]) !== JSON.stringify([b?.peer, b?.local])) found.push("LCP disagrees");
  } else if ((isUp(atServer) && !gaveUp(atClient)) || (isUp(atClient) && !gaveUp(atServer))) {
    found.push("one side alone is up");
  }
  for (const end of ends) {
    end.close(wire.now);
    wire.run(wire.now + 60_000);
    const downs = end.events.filter(({ type }) => type === "down").length;
    if (downs !== 1) found.push(`${end.options.link?.name} went down ${downs} times`);
    if (end.link.status().phase !== "dead") found.push(`${end.options.link?.name} is not dead`);
    if (end.deadline() !== undefined) found.push(`${end.options.link?.name} keeps a timer`);
  }
  return found;
}

describe("client and server over bad wires", { timeout: long ? 900_000 : 60_000 }, () => {
  test(`they come up and agree, or both end, and leave nothing (${runs} seeds)`, () => {
    for (let n = 0; n < runs; n++) {
      const loss = (n % 7) * 0.05;
      const call = dial(seed + n, loss);
      call.wire.run(200_000);
      // What was lost last is settled on a wire that is whole again.
      call.wire.conditions = { loss: 0, duplication: 0, reordering: 0 };
      call.wire.run(400_000);
      expect(problems(call), `seed ${seed + n}, loss ${loss}`).toEqual([]);
    }
  });

  test("restored from snapshots at any step, they go on as if nothing had been", () => {
    for (let n = 0; n < runs / 10; n++) {
      const plain = dial(seed + n, 0.1);
      const restored = dial(seed + n, 0.1);
      const number = seededNumbers(seed + n);
      restored.wire.stepped = () => {
        if (number() < 0.3) restored.ends[number() < 0.5 ? 0 : 1]!.restore();
      };
      for (const { wire, ends } of [plain, restored]) {
        wire.run(60_000);
        ends[1].close(wire.now);
        wire.run(120_000);
      }
      expect(restored.trace, `seed ${seed + n}`).toEqual(plain.trace);
      expect(restored.ends.map(({ events }) => events)).toEqual(plain.ends.map(({ events }) => events));
    }
  });

  test("outcome by loss", () => {
    const table = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3].map((loss) => {
      const outcomes: Record<string, number> = {};
      let frames = 0;
      let milliseconds = 0;
      for (let n = 0; n < 50; n++) {
        const { ends, wire, trace } = dial(1000 + 3 * n, loss);
        let upAt: number | undefined;
        wire.stepped = () => {
          if (upAt === undefined && ends.every(isUp)) upAt = wire.now;
        };
        wire.run(60_000);
        const outcome = ends.map((end) => (isUp(end) ? "up" : end.link.status().phase)).join("/");
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        frames += trace.length;
        milliseconds += upAt ?? 60_000;
      }
      const columns = Object.entries(outcomes)
        .sort()
        .map(([name, count]) => `${name} ${count}`)
        .join(", ");
      const percent = `${Math.round(loss * 100)}%`.padStart(3);
      return `${percent}  ${Math.round(milliseconds / 50)} ms until up, ${(frames / 50).toFixed(1)} frames in a minute: ${columns}`;
    });
    expect(table.join("\n")).toMatchSnapshot();
  });
});
