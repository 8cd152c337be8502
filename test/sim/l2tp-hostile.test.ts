/** Noise, mutated and replayed control messages against an endpoint with live tunnels. */

import { describe, expect, test } from "vitest";
import { sessionIdOf } from "../../src/l2tp/core.js";
import type { Datagram } from "../../src/l2tp/types.js";
import { seededNumbers } from "../../src/random.js";
import { encodeMessage } from "../../src/wire/l2tp2-encode.js";
import { messageNames } from "../../src/wire/l2tp2-message.js";
import { long, seed } from "../seed.js";
import { randomBytes } from "./l2tp-network.js";
import { call, lacAddress, last, lnsAddress, open, type Pair, pair } from "./l2tp-two.js";

const messages = long ? 1_000_000 : 30_000;
console.log(`JUNCTOR_TEST_SEED=${seed}`);

/** What crossed the wire in a whole life of a tunnel, to be mutated. */
function corpus(): Uint8Array[] {
  const both = pair();
  both.network.trace = [];
  const tunnel = open(both);
  const id = call(both, tunnel);
  both.lac.endpoint.closeCall(id, { result: 1, cause: { code: 16, message: 1 } }, both.network.now);
  both.lac.endpoint.closeTunnel(tunnel, { result: 6 }, both.network.now);
  both.network.settle(both.lac);
  both.network.run(1000);
  const seen = both.network.trace.map((line) => Uint8Array.from(Buffer.from(line.split(" ")[2]!, "hex")));
  return [...seen, ...messageNames.map((name) => encodeMessage(name, 1, 1, {}).slice())];
}

const limits = { halfOpen: 100, halfOpenPerPeer: 50, tunnels: 400, tunnelsPerPeer: 300, callsPerTunnel: 20 };

/** Three tunnels with a call each, which the attacker does not own. Nobody delivers a HELLO while the attack goes on. */
function victims(): Pair {
  const both = pair({ helloInterval: 0 }, { limits });
  for (let i = 0; i < 3; i++) call(both, open(both));
  return both;
}

function attack(both: Pair, from: (n: number) => string, tunnels: readonly number[]): void {
  const number = seededNumbers(seed);
  const random = randomBytes(number);
  const below = (n: number): number => Math.floor(number() * n);
  const samples = corpus();
  const { endpoint } = both.lns;
  for (let n = 0; n < messages; n++) {
    const bytes = number() < 0.1 ? random(below(80)) : samples[below(samples.length)]!.slice();
    if (bytes.length >= 12 && number() < 0.9) {
      bytes.set([0xc8, 0x02, bytes.length >> 8, bytes.length]);
      const tunnel = number() < 0.3 ? 0 : tunnels[below(tunnels.length)]!;
      bytes.set([tunnel >> 8, tunnel], 4);
      if (number() < 0.5) bytes.set([0, below(8), 0, below(4)], 8);
    }
    for (let i = below(4); i > 0 && bytes.length > 0; i--) bytes[below(bytes.length)] = below(256);
    const datagram: Datagram = { port: 1, remote: from(n), bytes };
    endpoint.handle(datagram, both.network.now);
    if (n % 50 === 0) {
      both.network.now += 10;
      endpoint.expire(both.network.now);
    }
    if (n % 8 === 0) both.network.settle(both.lns);
    if (n % 500 === 0) bounded(both);
  }
  both.network.settle(both.lns);
}

function bounded({ lns }: Pair): void {
  const { tunnels, halfOpen } = lns.endpoint.population();
  expect(halfOpen).toBeLessThanOrEqual(limits.halfOpen);
  expect(tunnels).toBeLessThanOrEqual(limits.tunnels);
  for (const tunnel of lns.endpoint.tunnels()) expect(tunnel.calls).toBeLessThanOrEqual(limits.callsPerTunnel);
}

describe("hostile input", { timeout: long ? 900_000 : 60_000 }, () => {
  test("from elsewhere: no exception, bounded state, live tunnels and calls untouched", () => {
    const both = victims();
    const before = both.lns.endpoint.tunnels().map(({ tunnel, transport }) => [tunnel, transport.nr]);
    const ids = before.map(([tunnel]) => tunnel!);
    attack(both, (n) => `203.0.113.${n % 200}:${1024 + (n % 40_000)}`, [...ids, 1, 0xffff]);
    const after = both.lns.endpoint.tunnels().filter(({ tunnel }) => ids.includes(tunnel));
    expect(after.map(({ tunnel, transport }) => [tunnel, transport.nr])).toEqual(before);
    expect(after.every(({ state, calls }) => state === "established" && calls === 1)).toBe(true);
    const drops = Object.values(both.lns.endpoint.drops()).reduce((sum, count) => sum + count, 0);
    expect(drops).toBeGreaterThan(messages / 2);

    both.network.run(100_000);
    expect(both.lns.endpoint.population()).toMatchObject({ tunnels: 3, halfOpen: 0, calls: 3 });
    call(both, ids.length > 0 ? both.lac.endpoint.tunnels()[0]!.tunnel : 0);
    expect(sessionIdOf(last(both.lns, "call-up").call)).toBeGreaterThan(0);
  });

  test("from the peer's own address: no exception, bounded state, and everything passes", () => {
    const both = victims();
    const ids = both.lns.endpoint.tunnels().map(({ tunnel }) => tunnel);
    attack(both, () => lacAddress, [...ids, 1]);
    both.network.nodes.delete(lacAddress);
    both.network.run(300_000);
    expect(both.lns.endpoint.population()).toMatchObject({ tunnels: 0, halfOpen: 0, calls: 0 });
    expect(both.lns.endpoint.deadline()).toBeUndefined();
    expect(both.lns.address).toBe(lnsAddress);
  });

  test("in sequence, from a peer that is let in: no exception, bounded state, no call without an end", () => {
    const number = seededNumbers(seed);
    const below = (n: number): number => Math.floor(number() * n);
    const samples = corpus().filter(({ length }) => length > 20);
    const both = pair({ helloInterval: 0 }, { limits });
    const { endpoint } = both.lns;
    let tunnels = 0;
    for (let n = 0; n < messages; n++) {
      const tunnel = endpoint.tunnels().find(({ state }) => state === "established");
      if (tunnel === undefined) {
        both.network.run(40_000);
        open(both);
        tunnels++;
        continue;
      }
      const bytes = samples[below(samples.length)]!.slice();
      // A StopCCN would end most tunnels at once.
      if (bytes[19] === 4 && number() < 0.95) continue;
      bytes.set([tunnel.tunnel >> 8, tunnel.tunnel], 4);
      const calls = endpoint.calls(tunnel.tunnel);
      const { sessionId } = calls[below(calls.length)] ?? { sessionId: 0 };
      if (number() < 0.8) bytes.set([sessionId >> 8, sessionId], 6);
      else bytes.set([0, 0], 6);
      for (let i = below(3); i > 0; i--) bytes[12 + below(bytes.length - 12)] = below(256);
      const { nr, ns } = tunnel.transport;
      bytes.set([nr >> 8, nr, ns >> 8, ns], 8);
      endpoint.handle({ port: 1, remote: lacAddress, bytes }, both.network.now);
      both.network.settle(both.lns);
      if (n % 500 === 0) bounded(both);
    }
    expect(tunnels).toBeGreaterThan(3);
    both.network.nodes.delete(lacAddress);
    both.network.run(300_000);
    for (const { tunnel } of endpoint.tunnels()) endpoint.closeTunnel(tunnel, { result: 6 }, both.network.now);
    both.network.settle(both.lns);
    both.network.run(300_000);
    expect(endpoint.population()).toMatchObject({ tunnels: 0, halfOpen: 0, calls: 0 });
    const count = (type: string): number => both.lns.events.filter((event) => event.type === type).length;
    expect(count("call-request")).toBeGreaterThan(100);
    expect(count("call-down")).toBe(count("call-request"));
    expect(count("tunnel-down")).toBe(count("tunnel-request"));
  });
});
