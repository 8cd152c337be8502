import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemory } from "../../system/memory.js";
import { flag, version } from "../../wire/l2tp2.js";
import { writeAddressBlock } from "./address-block.js";
import { createCounting } from "./counting.js";
import { planLayout, port as portRecord, portState, session, tunnel, way } from "./layout.js";
import { createPath } from "./path.js";
import { createSessionTable, sessionKey } from "./session-table.js";
import { createShortcut } from "./shortcut.js";
import type { Failure, Sender } from "./transmit.js";
import { segmentOf, state } from "./transmit-queue.js";

interface Frame {
  readonly flags?: number;
  readonly tunnelId?: number;
  readonly sessionId: number;
  readonly payload: string;
}

/** Sessions by slot: tunnel 1 is bridged to tunnel 2, but its third to tunnel 3 and its fourth not at all; and 3 to 2. */
const legs = [
  { slot: 1, tunnelId: 1, sessionId: 1, partner: 2 },
  { slot: 2, tunnelId: 2, sessionId: 1, partner: 1 },
  { slot: 3, tunnelId: 1, sessionId: 2, partner: 4 },
  { slot: 4, tunnelId: 2, sessionId: 2, partner: 3 },
  { slot: 5, tunnelId: 1, sessionId: 3, partner: 6 },
  { slot: 6, tunnelId: 3, sessionId: 1, partner: 5 },
  { slot: 7, tunnelId: 1, sessionId: 4, partner: 0 },
  { slot: 8, tunnelId: 3, sessionId: 2, partner: 9 },
  { slot: 9, tunnelId: 2, sessionId: 3, partner: 8 },
] as const;

const encode = ({ flags = version, tunnelId = 1, sessionId, payload }: Frame): Buffer => {
  const header = [flags, tunnelId, sessionId].flatMap((word) => [word >> 8, word & 255]);
  return Buffer.concat([Buffer.from(header), Buffer.from(payload, "latin1")]);
};

/** One thread's path between three peers, whose messages end in `sent`. */
function createRig({ short = true, segmentation = true, mtu = 65507 } = {}) {
  const layout = planLayout({ tunnels: 8, sessions: 16, ports: 1, units: 16, routes: 16 }, 0);
  const memory = createMemory(layout.bytes + (1 << 20));
  const { i32, u32, u8 } = memory;
  const table = createSessionTable(memory, layout);
  const shortcut = createShortcut(memory, layout);
  const path = createPath({ memory, layout, arena: layout.arenas[0]! }, { wake: () => {} });
  const counting = createCounting(memory, layout);
  const sent: { tunnel: number; pieces: number; datagrams: string[] }[] = [];
  const rig = {
    fault: undefined as Failure | undefined,
    /** Whether segment `index` leaves when it is sent alone. */
    passes: (_index: number): boolean => true,
  };
  const sender: Sender = {
    send(queue, first) {
      if (rig.fault !== undefined) return -1;
      const count = segmentOf(queue, first, state.segments);
      sent.push({
        tunnel: segmentOf(queue, first, state.tunnel),
        pieces: segmentOf(queue, first, state.pieces),
        datagrams: Array.from({ length: count }, (_, index) =>
          Buffer.from(queue.copySegment(first, index)).toString("latin1"),
        ),
      });
      return 1;
    },
    failed: (_result, _attempt, segments) => (segments > 1 ? rig.fault! : "tx-error"),
    sendSegment: (_queue, _message, index) => (rig.passes(index) ? 1 : -1),
  };
  i32[(layout.ports >> 2) + portRecord.state] = portState.up;
  i32[(layout.ports >> 2) + portRecord.mtu] = mtu;
  path.transmitter.attach(0, sender, segmentation);
  for (const id of [1, 2, 3]) {
    const at = layout.tunnels + id * tunnel.size;
    const address = at + tunnel.firstBlock;
    writeAddressBlock(memory, address, { port: 0, remote: `192.0.2.${id}:1701`, local: undefined });
    u32[(at + tunnel.block) >> 2] = address;
  }
  const wayOf = (slot: number): number => (layout.ways >> 2) + slot * way.words;
  for (const { slot, tunnelId, sessionId, partner } of legs) {
    const at = (layout.sessions >> 2) + slot * session.words;
    i32[wayOf(slot) + way.key] = sessionKey(tunnelId, sessionId);
    i32[wayOf(slot) + way.header] = version;
    i32[at + session.peer] = sessionKey(tunnelId + 0x40, sessionId + 0x60);
    i32[at + session.relation] = partner;
    table.insert(sessionKey(tunnelId, sessionId), slot);
  }
  for (const { slot, partner } of legs) {
    if (partner === 0 || !short) continue;
    shortcut.prepare(slot, partner);
    shortcut.open(slot, partner);
  }
  path.begin(0);
  const buffer = layout.bytes + 65536;
  const name = layout.tunnels + tunnel.size + tunnel.firstBlock;
  let next = buffer;
  return {
    rig,
    sent,
    shortcut,
    counting,
    /** Whether the short way from a session is open. */
    isShort: (slot: number) => i32[wayOf(slot) + way.onward] !== 0,
    header(slot: number, bits: number) {
      i32[wayOf(slot) + way.header] = version | bits;
    },
    /** Receives a super-packet; all but the last have one size. */
    receive(...frames: readonly Frame[]) {
      const parts = frames.map(encode);
      const bytes = Buffer.concat(parts);
      const at = next + 64;
      next = at + bytes.length;
      u8.set(bytes, at);
      path.receive(0, at, bytes.length, parts[0]!.length, name, 0, 64);
    },
    flush() {
      path.end();
      path.begin(0);
      next = buffer;
    },
  };
}

const times = (count: number, sessionId: number, payload: string): Frame[] =>
  Array.from({ length: count }, () => ({ sessionId, payload }));
/** The same frame as it leaves: peers' ids are 0x40 and 0x60 beyond ours. */
const out = (tunnelId: number, sessionId: number, payload: string, flags = version): string =>
  encode({ flags, tunnelId: tunnelId + 0x40, sessionId: sessionId + 0x60, payload }).toString("latin1");

describe("the short way over a bridge", () => {
  it("takes a whole super-packet as one piece of one message", () => {
    const { receive, flush, sent, counting } = createRig();
    receive(...["aaa", "bbb", "ccc"].map((payload) => ({ sessionId: 1, payload })));
    flush();
    const datagrams = ["aaa", "bbb", "ccc"].map((payload) => out(2, 1, payload));
    expect(sent).toEqual([{ tunnel: 2, pieces: 1, datagrams }]);
    expect(counting.session(1)).toMatchObject({
      rxPackets: 3,
      rxBytes: 9,
      forwardedPackets: 3,
      forwardedBytes: 9,
      rxErrors: 0,
    });
    expect(counting.port(0)).toMatchObject({ txPackets: 3, txBytes: 27 });
  });

  it("splits at 64 segments and at 65000 bytes", () => {
    const { receive, flush, sent, counting } = createRig();
    receive(...times(130, 1, "x"));
    receive(...times(50, 3, "y".repeat(1394)));
    flush();
    expect(sent.map(({ tunnel, datagrams }) => [tunnel, datagrams.length])).toEqual([
      [2, 64],
      [2, 64],
      [2, 2],
      [3, 46],
      [3, 4],
    ]);
    expect(new Set(sent.flatMap(({ datagrams }) => datagrams))).toEqual(
      new Set([out(2, 1, "x"), out(3, 1, "y".repeat(1394))]),
    );
    expect(counting.session(5)).toMatchObject({ rxPackets: 50, forwardedBytes: 50 * 1394 });
  });

  it("goes on in the message that is open for the tunnel, and begins another for another size", () => {
    const { receive, flush, sent } = createRig();
    receive(...times(3, 1, "aaa"));
    receive(...times(2, 2, "bbb"));
    receive(...times(2, 1, "cccc"));
    flush();
    expect(sent.map(({ pieces, datagrams }) => ({ pieces, datagrams }))).toEqual([
      { pieces: 2, datagrams: [...Array(3).fill(out(2, 1, "aaa")), ...Array(2).fill(out(2, 2, "bbb"))] },
      { pieces: 1, datagrams: Array(2).fill(out(2, 1, "cccc")) },
    ]);
  });

  it("lets sessions take turns within one message if they share the tunnel, and no others", () => {
    const { receive, flush, sent, counting } = createRig();
    receive(...[1, 2, 1, 3, 3, 2].map((sessionId) => ({ sessionId, payload: `no${sessionId}` })));
    flush();
    expect(sent).toEqual([
      {
        tunnel: 2,
        pieces: 2,
        datagrams: [out(2, 1, "no1"), out(2, 2, "no2"), out(2, 1, "no1"), out(2, 2, "no2")],
      },
      { tunnel: 3, pieces: 1, datagrams: [out(3, 1, "no3"), out(3, 1, "no3")] },
    ]);
    for (const slot of [1, 3, 5]) expect(counting.session(slot)).toMatchObject({ rxPackets: 2, forwardedBytes: 6 });
  });

  it("ends a message with a shorter last segment", () => {
    const { receive, flush, sent } = createRig();
    receive(...times(2, 1, "aaa"), { sessionId: 1, payload: "z" });
    receive(...times(2, 1, "bbb"));
    flush();
    expect(sent.map(({ datagrams }) => datagrams)).toEqual([
      [out(2, 1, "aaa"), out(2, 1, "aaa"), out(2, 1, "z")],
      [out(2, 1, "bbb"), out(2, 1, "bbb")],
    ]);
  });

  it("keeps the priority bit and clears reserved ones", () => {
    const { receive, flush, sent } = createRig();
    const flags = [version, version | flag.priority, version | 0x2000, version];
    receive(...flags.map((each) => ({ flags: each, sessionId: 1, payload: "p" })));
    flush();
    expect(sent.flatMap(({ datagrams }) => datagrams)).toEqual([
      out(2, 1, "p"),
      out(2, 1, "p", version | flag.priority),
      out(2, 1, "p"),
      out(2, 1, "p"),
    ]);
  });

  it("stops at a control message, at a stranger's frame, and at what nothing takes, and goes on behind it", () => {
    const { receive, flush, sent, counting } = createRig();
    const between: readonly Frame[] = [
      { flags: version | flag.type | flag.length, sessionId: 1, payload: "c" },
      { sessionId: 9, payload: "c" },
      { tunnelId: 2, sessionId: 1, payload: "c" },
      { tunnelId: 3, sessionId: 2, payload: "c" },
      { sessionId: 4, payload: "c" },
      { flags: 3, sessionId: 1, payload: "c" },
    ];
    receive(...between.flatMap((frame) => [{ sessionId: 1, payload: "a" }, frame]), { sessionId: 1, payload: "a" });
    flush();
    expect(sent.flatMap(({ datagrams }) => datagrams)).toEqual(Array(7).fill(out(2, 1, "a")));
    expect(counting.drops()).toEqual({ "unknown-session": 1, "wrong-source": 2, "bad-version": 1 });
    expect(counting.session(1)).toMatchObject({ rxPackets: 7, forwardedPackets: 7 });
    expect(counting.session(7)).toMatchObject({ rxPackets: 1, forwardedPackets: 0 });
  });

  it("is left when the partner's header becomes longer, and open again only when that is bare", () => {
    const { receive, flush, sent, shortcut, header, isShort } = createRig();
    header(2, flag.length);
    shortcut.closeTo(2);
    shortcut.open(1, 2);
    expect([isShort(1), isShort(2)]).toEqual([false, true]);
    receive(...times(2, 1, "ab"));
    flush();
    const long = "\x40\x02\x00\x0a\x00\x42\x00\x61ab";
    expect(sent.flatMap(({ datagrams }) => datagrams)).toEqual([long, long]);
    header(2, 0);
    shortcut.open(1, 2);
    expect(isShort(1)).toBe(true);
  });

  it("is not opened where there is no bridge, or another one", () => {
    const { shortcut, isShort } = createRig({ short: false });
    shortcut.open(1, 4);
    shortcut.open(7, 2);
    expect([isShort(1), isShort(7)]).toEqual([false, false]);
  });

  it("takes back what was not sent, to the frame, for each session of a message", () => {
    const { rig, receive, flush, counting } = createRig();
    rig.fault = "resegment";
    rig.passes = (index) => index < 2 || index === 4;
    receive(...times(3, 1, "aaa"), ...times(3, 2, "bbb"));
    flush();
    expect(counting.drops()).toEqual({ "segmentation-refused": 1, "tx-error": 3 });
    const errors = (slot: number) => counting.session(slot);
    expect(errors(1)).toMatchObject({ rxPackets: 3, rxBytes: 9, forwardedPackets: 2, forwardErrors: 1 });
    expect(errors(3)).toMatchObject({ rxPackets: 3, forwardedPackets: 1, forwardedBytes: 3, forwardErrors: 2 });
    rig.fault = "tx-no-buffers";
    receive(...times(4, 1, "aaa"));
    flush();
    expect(errors(1)).toMatchObject({ rxPackets: 7, rxBytes: 21, forwardedPackets: 2, forwardErrors: 5 });
  });

  it("counts a frame that the port does not take as received and as an error", () => {
    const { receive, flush, sent, counting } = createRig({ mtu: 8 });
    receive(...times(3, 1, "abc"), { sessionId: 1, payload: "ab" });
    flush();
    expect(sent.flatMap(({ datagrams }) => datagrams)).toEqual([out(2, 1, "ab")]);
    expect(counting.drops()).toEqual({ "mtu-exceeded": 3 });
    expect(counting.session(1)).toMatchObject({ rxPackets: 4, rxBytes: 11, forwardedPackets: 1, forwardErrors: 3 });
  });
});

describe("any super-packets", () => {
  const superPacket = fc
    .record({
      size: fc.integer({ min: 0, max: 4 }),
      sessions: fc.array(
        fc.record({ sessionId: fc.constantFrom(1, 1, 1, 2, 3, 4, 9), repeat: fc.integer({ min: 1, max: 70 }) }),
        { minLength: 1, maxLength: 8 },
      ),
      flags: fc.constantFrom(version, version, version | flag.priority, version | flag.sequence, 3),
      oddAt: fc.nat(200),
      last: fc.nat(4),
    })
    .map(({ size, sessions, flags, oddAt, last }) => {
      const ids = sessions.flatMap(({ sessionId, repeat }) => Array<number>(repeat).fill(sessionId));
      return ids.map((sessionId, index): Frame => {
        const length = index === ids.length - 1 ? Math.min(size, last) : size;
        return {
          sessionId,
          flags: index === oddAt ? flags : version,
          payload: String.fromCharCode(97 + (index % 26)).repeat(length),
        };
      });
    });

  it("leave as they would frame by frame the long way, and count as much", () => {
    fc.assert(
      fc.property(fc.array(superPacket, { minLength: 1, maxLength: 5 }), fc.boolean(), (packets, segmentation) => {
        const short = createRig({ segmentation });
        const long = createRig({ short: false, segmentation });
        for (const frames of packets) {
          short.receive(...frames);
          for (const frame of frames) long.receive(frame);
        }
        short.flush();
        long.flush();
        for (const id of [2, 3]) {
          const leaving = ({ sent }: typeof short) =>
            sent.filter(({ tunnel }) => tunnel === id).map(({ datagrams }) => datagrams);
          expect(leaving(short)).toEqual(leaving(long));
        }
        for (const { slot } of legs) expect(short.counting.session(slot)).toEqual(long.counting.session(slot));
        expect(short.counting.drops()).toEqual(long.counting.drops());
      }),
      { numRuns: 150 },
    );
  });
});
