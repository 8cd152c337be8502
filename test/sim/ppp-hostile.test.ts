/** Peers that do not want to agree, that hear themselves, or that send whatever comes to mind. */
import { describe, expect, test } from "vitest";
import { seededNumbers } from "../../src/random.js";
import { putU16 } from "../../src/wire/octets.js";
import { encodeFrame, parseFrame, pppProtocol } from "../../src/wire/ppp.js";
import { dataAt, encodeControl, parseControl } from "../../src/wire/ppp-control.js";
import { long, seed } from "../seed.js";
import { createEnd, type End, utf8 } from "./ppp-end.js";
import { client, server } from "./ppp-plans.js";
import { createWire } from "./ppp-wire.js";

const downOf = (end: End) => end.events.filter((event) => event.type === "down");

/** Runs an end alone: what it says goes to `peer`, whose answers come back at once. At most `most` frames. */
function confront(end: End, peer: (frame: Uint8Array) => readonly Uint8Array[], most = 500): number {
  let now = 0;
  end.open(now);
  while (end.sent.length <= most) {
    const said = end.collect(now);
    for (const answer of said.flatMap(peer)) {
      end.receive(answer, ++now);
    }
    if (said.length > 0) continue;
    const deadline = end.deadline();
    if (deadline === undefined) return now;
    now = Math.max(now, deadline);
    end.expire(now);
  }
  return now;
}

const control = (frame: Uint8Array) => {
  const packet = parseControl(frame, 4);
  if ("malformed" in packet) throw new Error("we send nothing malformed");
  return packet;
};

const protocolIn = (frame: Uint8Array): number => parseFrame(frame)!.protocol;

/** Answers each Configure-Request by a packet of `code` with the same options, changed by `change`. */
const answering =
  (code: number, change: (data: Uint8Array) => Uint8Array = (data) => data) =>
  (frame: Uint8Array): readonly Uint8Array[] => {
    const { code: said, identifier, data } = control(frame);
    return said === 1 ? [encodeControl(protocolIn(frame), { code, identifier, data: change(data) })] : [];
  };

describe("loops end", () => {
  test("a link that hears only itself", () => {
    const end = server(seed, { link: { authenticate: [] } });
    const wire = createWire([end], seed);
    end.open(0);
    wire.run(100_000);
    expect(downOf(end)).toMatchObject([{ reason: "loop" }]);
    expect(end.sent.length).toBeLessThan(30);
  });

  test("a link that hears only itself, without magic numbers, after a while", () => {
    const end = server(seed, { link: { authenticate: ["pap"], magicNumber: false } });
    const wire = createWire([end], seed);
    end.open(0);
    wire.run(1_000_000);
    expect(downOf(end)).toHaveLength(1);
    expect(end.sent.length).toBeLessThan(100);
  });

  test("a link that begins to be looped back when it is open", () => {
    const [a, b] = [server(seed), client(seed + 1)];
    const wire = createWire([a, b], seed);
    a.open(0);
    b.open(0);
    wire.run(1000);
    const loop = createWire([a], seed);
    loop.now = wire.now;
    loop.run(100_000);
    expect(downOf(a)).toMatchObject([{ reason: "loop" }]);
  });

  test("a peer that Naks all that we ask for, for ever", () => {
    const end = server(seed, { link: { authenticate: [] } });
    confront(end, answering(3));
    expect(downOf(end)).toMatchObject([{ reason: "no-agreement" }]);
    expect(end.sent.length).toBeLessThan(30);
  });

  test("a peer that Naks the authentication that we need", () => {
    const end = server(seed);
    confront(
      end,
      answering(3, () => Uint8Array.of(3, 4, 0xc2, 0x27)),
    );
    expect(downOf(end)).toMatchObject([{ reason: "no-agreement" }]);
    expect(end.sent.length).toBeLessThan(10);
  });

  test("a peer that rejects all that we ask for is taken without, but not without authentication", () => {
    const free = server(seed, { link: { authenticate: [] } });
    confront(free, answering(4));
    expect(free.sent.map((frame) => frame.length - dataAt)).toContain(0);
    const strict = server(seed);
    confront(strict, answering(4));
    expect(downOf(strict)).toMatchObject([{ reason: "no-agreement" }]);
  });

  test("a peer that never accepts what it is to ask for is told no, then left", () => {
    const request = encodeControl(pppProtocol.lcp, { code: 1, identifier: 1, data: Uint8Array.of(1, 4, 0, 10) });
    const end = server(seed, { link: { authenticate: [] } });
    const answers: number[] = [];
    confront(
      end,
      (frame) => {
        const { code } = control(frame);
        if (code === 3 || code === 4) answers.push(code);
        if (code === 1) return [encodeControl(pppProtocol.lcp, { ...control(frame), code: 2 }), request];
        return code === 3 || code === 4 ? [request] : [];
      },
      200,
    );
    expect(answers.slice(0, 7)).toEqual([3, 3, 3, 3, 3, 4, 4]);
  });

  test("two servers, each with an address for the other that the other has not", () => {
    const of = (local: string, peer: string, n: number) =>
      createEnd({ seed: seed + n, addresses: { ipv4: { local, peer, dns: [], nbns: [] } } });
    const ends = [of("10.0.0.1", "10.0.0.2", 0), of("10.0.0.3", "10.0.0.4", 1)];
    const wire = createWire(ends, seed);
    for (const end of ends) end.open(0);
    wire.run(100_000);
    expect(wire.delivered).toBeLessThan(60);
    expect(wire.now).toBe(100_000);
  });

  test("two clients that both want an address", () => {
    const ends = [
      client(seed, { link: { credentials: undefined } }),
      client(seed + 1, { link: { credentials: undefined } }),
    ];
    const wire = createWire(ends, seed);
    for (const end of ends) end.open(0);
    wire.run(300_000);
    expect(wire.delivered).toBeLessThan(300);
  });

  test("a storm of Configure-Requests is answered, three frames for one at most, and kept nowhere", () => {
    const end = server(seed);
    end.open(0);
    end.collect(0);
    const size = JSON.stringify(end.link.snapshot()).length;
    const rounds = 10_000;
    for (let n = 0; n < rounds; n++) {
      end.receive(encodeControl(pppProtocol.lcp, { code: 1, identifier: n & 255, data: new Uint8Array(0) }), n);
      end.collect(n);
    }
    expect(end.sent.length).toBeLessThanOrEqual(3 * rounds + 1);
    expect(JSON.stringify(end.link.snapshot()).length).toBeLessThan(size + 200);
  });

  test("a peer that negotiates anew for ever does not put its authentication off", () => {
    const end = server(seed);
    end.open(0);
    for (let now = 0; now < 200_000; now += 500) {
      for (const frame of end.collect(now)) {
        if (protocolIn(frame) !== pppProtocol.lcp || control(frame).code !== 1) continue;
        end.receive(encodeControl(pppProtocol.lcp, { ...control(frame), code: 2 }), now);
      }
      end.receive(
        encodeControl(pppProtocol.lcp, { code: 1, identifier: (now / 500) & 255, data: new Uint8Array(0) }),
        now,
      );
      if ((end.deadline() ?? Number.POSITIVE_INFINITY) <= now) end.expire(now);
    }
    expect(downOf(end)).toMatchObject([{ reason: "authentication-timeout" }]);
  });
});

/** Frames of a whole call, as both sides sent them. */
function corpus(): readonly Uint8Array[] {
  const ends = [
    server(1, {
      network: { mpls: true },
      link: { multilink: { mrru: 1500, shortSequence: true, discriminator: { class: 1, address: utf8("a") } } },
    }),
    client(2, { network: { mpls: true, client: true } }),
  ];
  const wire = createWire(ends, 3);
  for (const end of ends) end.open(0);
  wire.run(30_000);
  ends[0]!.link.tell("identification", "junctor", wire.now);
  ends[0]!.link.tell("time-remaining", 60, wire.now);
  ends[0]!.link.rejectProtocol(0x80fd, utf8("compress"), wire.now);
  ends[1]!.close(wire.now + 1);
  wire.run(60_000);
  return ends.flatMap(({ sent }) => sent);
}

const protocols = [...Object.values(pppProtocol), 0x0000, 0xffff, 0xc025, 0x4021];

/** A frame that never was, or one that was and has changed a little. */
function mutant(number: () => number, from: readonly Uint8Array[]): Uint8Array {
  const below = (n: number): number => Math.floor(number() * n);
  const octets = (length: number): Uint8Array => Uint8Array.from({ length }, () => below(256));
  if (number() < 0.2) return octets(below(40));
  if (number() < 0.3) {
    const packet = octets(4 + below(60));
    packet[0] = below(17);
    if (number() < 0.8) putU16(packet, 2, packet.length);
    return encodeFrame(protocols[below(protocols.length)]!, packet);
  }
  const frame = from[below(from.length)]!.slice();
  for (let changes = below(4); changes > 0; changes--) frame[below(frame.length)] = below(256);
  const cut = number();
  if (cut < 0.1) return frame.subarray(0, below(frame.length));
  if (cut < 0.2) return Uint8Array.of(...frame, ...octets(below(300)));
  return frame;
}

describe("hostile peers", { timeout: long ? 900_000 : 60_000 }, () => {
  const frames = long ? 1_000_000 : 20_000;
  const perLink = 200;

  test(`mutated frames, ${frames} of them: nothing is thrown, little is kept, every link ends`, () => {
    const valid = corpus();
    let longest = 0;
    let largest = 0;
    for (let run = 0; run * perLink < frames; run++) {
      const number = seededNumbers(seed + run);
      const end = run % 2 === 0 ? server(seed + run) : client(seed + run, { link: { authenticate: ["pap"] } });
      const other =
        run % 2 === 0
          ? client(seed + run + 1)
          : server(seed + run + 1, { link: { credentials: { password: utf8("secret"), allow: ["pap"] } } });
      const wire = createWire([end, other], seed + run);
      end.open(0);
      other.open(0);
      // The machines meet what comes next in any state.
      wire.run(Math.floor(number() * 200));
      let now = wire.now;
      for (let n = 0; n < perLink; n++) {
        now += Math.floor(number() * 300);
        const before = end.sent.length;
        end.receive(mutant(number, valid), now);
        end.collect(now);
        longest = Math.max(longest, end.sent.length - before);
        if ((end.deadline() ?? Number.POSITIVE_INFINITY) <= now) end.expire(now);
        end.collect(now);
      }
      largest = Math.max(largest, JSON.stringify([end.link.snapshot(), end.network?.snapshot()]).length);
      end.close(now);
      for (let step = 0; step < 100 && end.deadline() !== undefined; step++) {
        end.collect(now);
        now = Math.max(now, end.deadline() ?? now);
        end.expire(now);
      }
      end.collect(now);
      expect(end.link.status().phase, `seed ${seed + run}`).toBe("dead");
      expect(downOf(end), `seed ${seed + run}`).toHaveLength(1);
    }
    expect(longest).toBeLessThanOrEqual(8);
    expect(largest).toBeLessThan(6000);
  });
});
