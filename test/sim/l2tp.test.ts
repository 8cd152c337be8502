import { describe, expect, test } from "vitest";
import { long, seed } from "../seed.js";
import type { Link } from "./l2tp-network.js";
import { type Outcome, type Plan, play, verdict } from "./l2tp-pair.js";

const runs = long ? 5000 : 300;
console.log(`JUNCTOR_TEST_SEED=${seed}`);

const link = (loss: number): Link => ({ loss, duplication: loss / 2, reordering: loss, delay: 20 });
const secret = new TextEncoder().encode("secret");

/** Every combination that matters comes up, by turns. */
const planOf = (n: number): Plan => ({
  seed: seed + n,
  link: link((n % 7) * 0.05),
  tunnels: 1 + (n % 3),
  callsPerTunnel: 1 + (n % 11),
  settings: {
    ...(n % 2 === 1 && { secret, hidden: n % 4 === 1 }),
    receiveWindow: 1 + (n % 16),
    helloInterval: 20_000,
  },
  restore: 0,
  trace: false,
});

function problems({ broken, calls, lac, lns }: Outcome): string[] {
  const found = broken.slice(0, 3);
  for (const [number, { lac: caller, lns: called }] of calls) {
    if (caller.ended === undefined) found.push(`call ${number} never ended at the LAC`);
    else if (!(caller.ended.result > 0)) found.push(`call ${number} ended without a code at the LAC`);
    if (called && called.ended === undefined) found.push(`call ${number} never ended at the LNS`);
    if (caller.up && called === undefined) found.push(`call ${number} is up at the LAC alone`);
  }
  for (const { endpoint, address } of [lac, lns]) {
    if (endpoint.tunnels().length > 0) found.push(`${address} keeps a tunnel`);
    if (endpoint.deadline() !== undefined) found.push(`${address} keeps a timer`);
    const { calls: left, halfOpen } = endpoint.population();
    if (left || halfOpen) found.push(`${address} keeps ${left} calls, ${halfOpen} half-open tunnels`);
    const { outputs, tunnels, timers, dirty } = endpoint.snapshot();
    if (outputs.length + tunnels.length + timers.length + dirty.length > 0) found.push(`${address} keeps state`);
  }
  return found;
}

describe("LAC and LNS over bad links", { timeout: long ? 900_000 : 60_000 }, () => {
  test(`every call ends on both sides with a code and leaves nothing behind (${runs} seeds)`, () => {
    for (let n = 0; n < runs; n++) {
      const plan = planOf(n);
      expect(problems(play(plan)), `seed ${plan.seed}, loss ${plan.link.loss}`).toEqual([]);
    }
  });

  test("on a perfect link every call comes up on both sides", () => {
    for (let n = 0; n < 7; n++) {
      const { calls } = play({ ...planOf(n), link: link(0) });
      expect(new Set(Array.from(calls.values(), verdict))).toEqual(new Set(["up/up"]));
    }
  });

  test("outcome by loss", () => {
    const table = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3].map((loss) => {
      const counts: Record<string, number> = {};
      let datagrams = 0;
      for (let n = 0; n < 20; n++) {
        const { calls, lac, lns } = play({
          ...planOf(n),
          seed: 1000 + n,
          link: link(loss),
          tunnels: 1,
          callsPerTunnel: 10,
        });
        for (const call of calls.values()) counts[verdict(call)] = (counts[verdict(call)] ?? 0) + 1;
        for (const { endpoint } of [lac, lns]) {
          for (const [name, value] of Object.entries(endpoint.counters())) {
            if (name.startsWith("transmitted_") || name === "retransmissions") datagrams += value;
          }
        }
      }
      const columns = Object.entries(counts)
        .sort()
        .map(([name, count]) => `${name} ${count}`);
      return `loss ${(loss * 100).toFixed(0).padStart(2)} %: ${columns.join(", ")}; ${(datagrams / 200).toFixed(1)} datagrams per call`;
    });
    expect(table).toMatchSnapshot();
  });

  test("taking the state and going on from it at random steps changes nothing, to the byte", () => {
    for (let n = 0; n < (long ? 500 : 20); n++) {
      const plan = { ...planOf(n), trace: true };
      const uninterrupted = play(plan);
      const restored = play({ ...plan, restore: 0.2 });
      expect(restored.trace).toEqual(uninterrupted.trace);
      expect(restored.lac.events).toEqual(uninterrupted.lac.events);
      expect(restored.lns.events).toEqual(uninterrupted.lns.events);
      expect(problems(restored)).toEqual([]);
    }
  });
});
