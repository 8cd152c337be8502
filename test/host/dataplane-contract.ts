/** The data-plane contract as tests: what every engine must do, whatever moves its frames. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Dataplane, DataplaneEvent, Punt, SessionCreate, SessionState } from "../../src/dataplane/index.js";
import { type DataHeader, encodeData } from "../../src/wire/l2tp2.js";

/** A bare UDP end that keeps what it receives. */
export interface Peer {
  readonly address: string;
  readonly received: string[];
  send(to: string, bytes: Uint8Array): void;
  close(): void;
}

/** An engine under test, with one port and peers that can reach it. */
export interface Rig {
  readonly plane: Dataplane;
  readonly port: { readonly port: number; readonly local: string; readonly device: number };
  peer(): Promise<Peer>;
  /** Lets time go by until the condition holds; fails after a few seconds. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  /** Long enough for anything that is under way to arrive. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const frame = (text: string): Uint8Array => Buffer.from(`ff03c021${Buffer.from(text).toString("hex")}`, "hex");
const control = Buffer.from("c802000c00000000000000008008", "hex").subarray(0, 12);

export function contractSuite(name: string, open: () => Promise<Rig>): void {
  describe(`data-plane contract: ${name}`, () => {
    let rig: Rig;
    let punts: Punt[];
    let nextTunnelId = 1;

    beforeEach(async () => {
      rig = await open();
      punts = [];
      rig.plane.onPunt((batch) => punts.push(...batch));
    });
    afterEach(() => rig.close());

    interface Leg {
      readonly peer: Peer;
      readonly tunnel: number;
      readonly tunnelId: number;
      readonly session: SessionState;
      readonly channel: number;
      /** The peer sends a PPP frame. */
      send(payload: Uint8Array, header?: Partial<DataHeader>): void;
      /** What the peer should see of a PPP frame. */
      expected(payload: Uint8Array, header?: Partial<DataHeader>): string;
    }

    async function leg(attributes: Partial<SessionCreate> = {}): Promise<Leg> {
      const { plane, port } = rig;
      const peer = await rig.peer();
      const tunnelId = nextTunnelId++;
      const { tunnel } = await plane.tunnel.create({
        port: port.port,
        remote: peer.address,
        tunnelId,
        peerTunnelId: tunnelId + 1000,
      });
      const session = await plane.session.create({ tunnel, sessionId: 5, peerSessionId: 0xff05, ...attributes });
      return {
        peer,
        tunnel,
        tunnelId,
        session,
        channel: session.channel!,
        send: (payload, header = {}) =>
          peer.send(port.local, encodeData({ tunnelId, sessionId: 5, ...header }, payload)),
        expected: (payload, header = {}) =>
          hex(encodeData({ tunnelId: tunnelId + 1000, sessionId: 0xff05, ...header }, payload)),
      };
    }

    async function bridged(west: Partial<SessionCreate> = {}, east: Partial<SessionCreate> = {}) {
      const legs = [await leg(west), await leg(east)] as const;
      await rig.plane.channel.bridge({ channel: legs[0].channel, with: legs[1].channel });
      return legs;
    }

    const countersOf = async ({ session }: Leg) => (await rig.plane.session.get(session)).counters;

    describe("tap", () => {
      const tapped = () =>
        punts.flatMap((punt) =>
          punt.origin === "tap" ? [`${punt.channel} ${punt.direction} ${hex(punt.bytes)}`] : [],
        );

      it("shows every frame of a bridged channel, both ways, and the frames go on", async () => {
        const [west, east] = await bridged();
        const exchange = async (text: string) => {
          const seen = [west.peer.received.length, east.peer.received.length];
          west.send(frame(`${text} to the east`));
          east.send(frame(`${text} to the west`));
          await rig.until(
            () => west.peer.received.length === seen[0]! + 1 && east.peer.received.length === seen[1]! + 1,
          );
          await rig.settle();
        };
        await exchange("unseen");
        expect(punts).toEqual([]);
        const before = Date.now() * 1000;
        await rig.plane.channel.tap({ channel: east.channel, on: true });
        await exchange("seen");
        expect(tapped().sort()).toEqual(
          [
            `${east.channel} in ${hex(frame("seen to the west"))}`,
            `${east.channel} out ${hex(frame("seen to the east"))}`,
          ].sort(),
        );
        for (const punt of punts) {
          if (punt.origin !== "tap") continue;
          expect(punt.time).toBeGreaterThan(before - 1000_000);
          expect(punt.time).toBeLessThan(Date.now() * 1000 + 1000_000);
        }
        await rig.plane.channel.tap({ channel: east.channel, on: false });
        await exchange("unseen again");
        expect(punts).toHaveLength(2);
        expect(await countersOf(west)).toMatchObject({ rxPackets: 3, txPackets: 3 });
      });

      it("shows what the control thread sends and what nothing takes", async () => {
        const one = await leg();
        await rig.plane.channel.tap({ channel: one.channel, on: true });
        rig.plane.inject({ to: "channel", channel: one.channel, bytes: frame("ours") });
        await rig.until(() => one.peer.received.length === 1);
        one.send(frame("theirs"));
        await rig.until(() => punts.length === 3);
        expect(tapped()).toEqual([
          `${one.channel} out ${hex(frame("ours"))}`,
          `${one.channel} in ${hex(frame("theirs"))}`,
        ]);
      });

      it("is of a channel that is there", async () => {
        await expect(rig.plane.channel.tap({ channel: 999, on: true })).rejects.toMatchObject({ code: "ENXIO" });
      });
    });

    describe("bridge", () => {
      it("carries every frame both ways, byte for byte, with the other leg's header", async () => {
        const [west, east] = await bridged();
        west.send(frame("to the east"));
        east.send(frame("to the west"));
        await rig.until(() => west.peer.received.length === 1 && east.peer.received.length === 1);
        expect(east.peer.received).toEqual([east.expected(frame("to the east"))]);
        expect(west.peer.received).toEqual([west.expected(frame("to the west"))]);
        expect(punts).toEqual([]);
      });

      it.each<[string, Partial<SessionCreate>, Partial<DataHeader>, Partial<DataHeader>]>([
        ["the length field that the leg wants", { lengthField: true }, {}, { length: true }],
        ["no length field where none is wanted", {}, { length: true }, {}],
        ["offset padding", { offset: 3 }, { offset: 17 }, { offset: 3 }],
        ["no offset where none is wanted", {}, { offset: 0 }, {}],
        ["the priority bit", {}, { priority: true }, { priority: true }],
        [
          "all at once",
          { lengthField: true, offset: 200 },
          { priority: true, length: true },
          { priority: true, length: true, offset: 200 },
        ],
      ])("puts %s", async (_, attributes, sent, expected) => {
        const [west, east] = await bridged({}, attributes);
        for (const text of ["a", "bb", "bb", "ccc"]) west.send(frame(text), sent);
        await rig.until(() => east.peer.received.length === 4);
        expect(east.peer.received).toEqual(
          ["a", "bb", "bb", "ccc"].map((text) => east.expected(frame(text), expected)),
        );
      });

      it("keeps the order of each session when sizes and sessions alternate", async () => {
        const [west, east] = await bridged();
        const texts = Array.from({ length: 60 }, (_, index) => `${index}`.padEnd(20 + (index % 3) * (index % 5), "."));
        for (const text of texts) west.send(frame(text));
        await rig.until(() => east.peer.received.length === texts.length);
        expect(east.peer.received).toEqual(texts.map((text) => east.expected(frame(text))));
      });

      it("ignores what lies beyond the length field", async () => {
        const [west, east] = await bridged();
        const bytes = encodeData({ tunnelId: west.tunnelId, sessionId: 5, length: true }, frame("x"));
        west.peer.send(rig.port.local, Buffer.concat([bytes, Buffer.from("padding")]));
        await rig.until(() => east.peer.received.length === 1);
        expect(east.peer.received).toEqual([east.expected(frame("x"))]);
      });

      it("counts frames and bytes on both sessions, and on after it is gone", async () => {
        const [west, east] = await bridged();
        for (const text of ["one", "two"]) west.send(frame(text));
        east.send(frame("three"));
        await rig.until(() => west.peer.received.length === 1 && east.peer.received.length === 2);
        const expected = { rxPackets: 2, rxBytes: 14, txPackets: 1, txBytes: 9 };
        expect(await countersOf(west)).toMatchObject(expected);
        expect(await countersOf(east)).toMatchObject({ rxPackets: 1, rxBytes: 9, txPackets: 2, txBytes: 14 });
        await rig.plane.channel.unbridge(east);
        expect(await countersOf(west)).toMatchObject(expected);
        expect(await rig.plane.session.delete(west.session)).toMatchObject(expected);
        expect((await rig.plane.tunnel.get(west)).counters).toMatchObject(expected);
        const port = await rig.plane.port.get(rig.port);
        expect(port.counters).toMatchObject({ rxPackets: 3, txPackets: 3, txErrors: 0, rxDropped: 0 });
      });

      it("refuses as PPPIOCBRIDGECHAN does", async () => {
        const { plane } = rig;
        const [west, east] = await bridged();
        const third = await leg();
        const { unit } = await plane.unit.create({});
        const bridge = (channel: number, other: number) => plane.channel.bridge({ channel, with: other });
        await expect(bridge(west.channel, third.channel)).rejects.toMatchObject({ code: "EALREADY" });
        await expect(bridge(third.channel, east.channel)).rejects.toMatchObject({ code: "EALREADY" });
        await expect(bridge(third.channel, third.channel)).rejects.toMatchObject({ code: "EALREADY" });
        await expect(bridge(third.channel, 999)).rejects.toMatchObject({ code: "ENXIO", object: "channel 999" });
        await expect(plane.channel.unbridge(third)).rejects.toMatchObject({ code: "EINVAL" });
        await expect(plane.channel.connect({ channel: west.channel, unit })).rejects.toMatchObject({ code: "EINVAL" });
        await plane.channel.connect({ channel: third.channel, unit });
        await expect(plane.channel.connect({ channel: third.channel, unit })).rejects.toMatchObject({ code: "EINVAL" });
        await plane.channel.unbridge(west);
        await expect(bridge(west.channel, third.channel)).rejects.toMatchObject({ code: "EALREADY" });
        await plane.channel.disconnect(third);
        await expect(plane.channel.disconnect(third)).rejects.toMatchObject({ code: "EINVAL" });
        await bridge(west.channel, third.channel);
        expect(await plane.channel.get(third)).toMatchObject({ bridgedWith: west.channel });
      });

      it("ends on both sides when either session goes, and nothing crosses after that", async () => {
        const [west, east] = await bridged();
        await rig.plane.session.delete(east.session);
        expect(await rig.plane.channel.get(west)).toEqual({ channel: west.channel, session: west.session.session });
        west.send(frame("late"));
        await rig.until(() => punts.length === 1);
        expect(punts).toEqual([{ origin: "channel", channel: west.channel, bytes: new Uint8Array(frame("late")) }]);
        expect(east.peer.received).toEqual([]);
      });

      it("can be undone and done anew with another", async () => {
        const [west, east] = await bridged();
        const third = await leg();
        await rig.plane.channel.unbridge(west);
        await rig.plane.channel.bridge({ channel: third.channel, with: west.channel });
        west.send(frame("for the third"));
        await rig.until(() => third.peer.received.length === 1);
        expect(third.peer.received).toEqual([third.expected(frame("for the third"))]);
        expect(east.peer.received).toEqual([]);
      });
    });

    describe("ingress", () => {
      const refusals: [string, string, (west: Leg) => Uint8Array][] = [
        ["a datagram without a header", "too-short", () => Buffer.from("0002")],
        ["another protocol", "bad-version", () => Buffer.from("000100010005aabb", "hex")],
        ["an unknown tunnel", "unknown-tunnel", () => encodeData({ tunnelId: 40000, sessionId: 5 }, frame("x"))],
        ["an unknown session", "unknown-session", ({ tunnelId }) => encodeData({ tunnelId, sessionId: 6 }, frame("x"))],
        [
          "a length beyond the datagram",
          "bad-length",
          ({ tunnelId }) => encodeData({ tunnelId, sessionId: 5, length: true }, frame("x")).subarray(0, 10),
        ],
        [
          "an offset beyond the message",
          "bad-offset",
          ({ tunnelId }) => encodeData({ tunnelId, sessionId: 5, offset: 50 }, frame("")).subarray(0, 30),
        ],
      ];
      it.each(refusals)("drops %s and counts it as %s", async (_, reason, make) => {
        const [west, east] = await bridged();
        west.peer.send(rig.port.local, make(west));
        west.send(frame("good"));
        await rig.until(() => east.peer.received.length === 1);
        expect(rig.plane.drops()).toEqual({ [reason]: 1 });
        expect((await rig.plane.port.get(rig.port)).counters).toMatchObject({ rxPackets: 2, rxDropped: 1 });
      });

      it("drops data from elsewhere and reports a peer whose port has moved, once a second", async () => {
        const [west, east] = await bridged();
        const events = collect(rig.plane);
        const moved = await rig.peer();
        const bytes = encodeData({ tunnelId: west.tunnelId, sessionId: 5 }, frame("moved"));
        for (let count = 0; count < 3; count++) moved.send(rig.port.local, bytes);
        const floats = () => events.filter(({ type }) => type === "tunnel-float");
        await rig.until(() => floats().length > 0 && rig.plane.drops()["wrong-source"] === 3);
        await rig.settle();
        expect(floats()).toEqual([{ type: "tunnel-float", tunnel: west.tunnel, remote: moved.address }]);
        expect(east.peer.received).toEqual([]);

        await rig.plane.tunnel.modify({ tunnel: west.tunnel, remote: moved.address });
        moved.send(rig.port.local, bytes);
        east.send(frame("back"));
        await rig.until(() => east.peer.received.length === 1 && moved.received.length === 1);
        expect(moved.received).toEqual([west.expected(frame("back"))]);
      });

      it("hands control messages up whole, with the port and the sender", async () => {
        const peer = await rig.peer();
        peer.send(rig.port.local, control);
        await rig.until(() => punts.length === 1);
        const [punt] = punts;
        expect(punt).toMatchObject({ origin: "port", port: rig.port.port, remote: peer.address });
        expect(hex(punt!.bytes)).toBe(hex(control));
      });

      it("hands up some frames of a channel that nothing takes, and counts the rest", async () => {
        const west = await leg();
        for (let count = 0; count < 100; count++) west.send(frame(`${count}`));
        await rig.until(() => punts.length + (rig.plane.drops()["no-bridge"] ?? 0) === 100);
        expect(punts[0]).toEqual({ origin: "channel", channel: west.channel, bytes: new Uint8Array(frame("0")) });
      });

      it("hands up frames of a channel that is connected to a unit", async () => {
        const west = await leg();
        const { unit } = await rig.plane.unit.create({ name: "ppp7" });
        await rig.plane.channel.connect({ channel: west.channel, unit });
        west.send(frame("ip"));
        await rig.until(() => punts.length === 1);
        expect(punts).toEqual([{ origin: "unit", unit, channel: west.channel, bytes: new Uint8Array(frame("ip")) }]);
        expect(await rig.plane.unit.get({ unit })).toMatchObject({ unit, name: "ppp7", channels: [west.channel] });
        await rig.plane.unit.delete({ unit });
        expect((await rig.plane.channel.get(west)).unit).toBeUndefined();
      });
    });

    describe("inject", () => {
      it("sends messages from a port and frames on a channel", async () => {
        const west = await leg({ lengthField: true });
        const { plane, port } = rig;
        plane.inject({ to: "port", port: port.port, remote: west.peer.address, bytes: control });
        plane.inject({ to: "channel", channel: west.channel, bytes: frame("hello") });
        await rig.until(() => west.peer.received.length === 2);
        expect(west.peer.received).toEqual([hex(control), west.expected(frame("hello"), { length: true })]);
        expect(await countersOf(west)).toMatchObject({ txPackets: 1, txBytes: 9, rxPackets: 0 });
      });

      it("counts what has nowhere to go", async () => {
        const { plane } = rig;
        plane.inject({ to: "channel", channel: 77, bytes: frame("x") });
        plane.inject({ to: "port", port: 77, remote: "127.0.0.1:9", bytes: control });
        expect(plane.drops()).toEqual({ "inject-no-channel": 1, "inject-no-port": 1 });
      });
    });

    describe("sequence numbers", () => {
      const numbered = (ns: number): Partial<DataHeader> => ({ sequence: { ns, nr: 0 } });

      it("are put where they are wanted, and carried by nobody else", async () => {
        const [west, east] = await bridged({}, { sendSequence: true, lnsMode: true });
        for (let count = 0; count < 3; count++) west.send(frame(`${count}`));
        await rig.until(() => east.peer.received.length === 3);
        expect(east.peer.received).toEqual([0, 1, 2].map((ns) => east.expected(frame(`${ns}`), numbered(ns))));
      });

      it("come and go under a bridge as they are asked for", async () => {
        const [west, east] = await bridged();
        const wanted: readonly [sendSequence: boolean, header: Partial<DataHeader>][] = [
          [false, {}],
          [true, numbered(0)],
          [true, numbered(1)],
          [false, {}],
          [true, numbered(2)],
        ];
        for (const [index, [sendSequence, header]] of wanted.entries()) {
          await rig.plane.session.modify({ session: east.session.session, sendSequence });
          west.send(frame(`${index}`));
          await rig.until(() => east.peer.received.length === index + 1);
          expect(east.peer.received[index]).toBe(east.expected(frame(`${index}`), header));
        }
        expect(await countersOf(west)).toMatchObject({ rxPackets: 5 });
        expect(await countersOf(east)).toMatchObject({ txPackets: 5 });
      });

      it("a LAC follows what its LNS does", async () => {
        const [west, east] = await bridged();
        const answers = async (count: number): Promise<string | undefined> => {
          west.send(frame("answer"));
          await rig.until(() => east.peer.received.length === count);
          return east.peer.received[count - 1];
        };
        expect(await answers(1)).toBe(east.expected(frame("answer")));
        east.send(frame("numbered"), numbered(0));
        await rig.until(() => west.peer.received.length === 1);
        expect(await answers(2)).toBe(east.expected(frame("answer"), numbered(0)));
        expect((await rig.plane.session.get(east.session)).sendSequence).toBe(true);
        east.send(frame("plain"));
        await rig.until(() => west.peer.received.length === 2);
        expect(await answers(3)).toBe(east.expected(frame("answer")));
      });

      it("are required where they are, and by an LNS that sends them", async () => {
        const [west, east] = await bridged({ receiveSequence: true }, { lnsMode: true, sendSequence: true });
        west.send(frame("plain"));
        east.send(frame("plain"));
        await rig.until(() => rig.plane.drops()["sequence-missing"] === 2);
        expect(await countersOf(west)).toMatchObject({ rxPackets: 0, rxSeqDiscards: 1, rxErrors: 1 });
        expect(await countersOf(east)).toMatchObject({ rxPackets: 0, rxSeqDiscards: 1, rxErrors: 1 });
      });

      it("let nothing pass that overtook, without a reorder time-out, until five in a row agree", async () => {
        const [west, east] = await bridged();
        for (const ns of [0, 5, 6, 7, 8, 9, 10, 11]) west.send(frame(`${ns}`), numbered(ns));
        await rig.until(() => east.peer.received.length === 3);
        expect(east.peer.received).toEqual(["0", "10", "11"].map((text) => east.expected(frame(text))));
        expect(await countersOf(west)).toMatchObject({ rxSeqDiscards: 5, rxErrors: 5 });
      });

      it("put what overtook back into order", async () => {
        const [west, east] = await bridged({ reorderTimeout: 5000 });
        for (const ns of [0, 2, 4, 3, 1, 5]) west.send(frame(`${ns}`), numbered(ns));
        await rig.until(() => east.peer.received.length === 6);
        expect(east.peer.received).toEqual(["0", "1", "2", "3", "4", "5"].map((text) => east.expected(frame(text))));
        expect(await countersOf(west)).toMatchObject({ rxPackets: 6, rxOosPackets: 1, rxErrors: 0 });
      });

      it("give up on what is missing for too long, also when nothing follows", async () => {
        const [west, east] = await bridged({ reorderTimeout: 30 });
        for (const ns of [0, 2]) west.send(frame(`${ns}`), numbered(ns));
        await rig.until(() => rig.plane.drops()["reorder-timeout"] === 1);
        west.send(frame("3"), numbered(3));
        await rig.until(() => east.peer.received.length === 2);
        expect(east.peer.received).toEqual(["0", "3"].map((text) => east.expected(frame(text))));
        expect(await countersOf(west)).toMatchObject({ rxSeqDiscards: 1, rxErrors: 1 });
      });

      it("wait for the first of what waits, though what came before it has waited longer", async () => {
        // Long enough that a busy machine sends the second frame within it.
        const [west, east] = await bridged({ reorderTimeout: 1000 });
        west.send(frame("9"), numbered(9));
        await rig.settle();
        west.send(frame("5"), numbered(5));
        await rig.until(() => rig.plane.drops()["reorder-timeout"] === 2);
        west.send(frame("10"), numbered(10));
        await rig.until(() => east.peer.received.length === 1);
        expect(east.peer.received).toEqual([east.expected(frame("10"))]);
      });

      it("wrap around", async () => {
        const [west, east] = await bridged({ reorderTimeout: 5000 });
        // Two leaps of just under half the number space bring Nr to its end.
        await rig.plane.session.modify({ session: west.session.session, reorderTimeout: 1 });
        for (const ns of [32000, 64000, 65534]) {
          const before = rig.plane.drops()["reorder-timeout"] ?? 0;
          west.send(frame("leap"), numbered(ns));
          await rig.until(() => (rig.plane.drops()["reorder-timeout"] ?? 0) > before);
          west.send(frame("land"), numbered(ns + 1));
          await rig.until(async () => (await countersOf(west)).rxPackets > 0);
          await rig.settle();
        }
        const landed = east.peer.received.length;
        await rig.plane.session.modify({ session: west.session.session, reorderTimeout: 5000 });
        for (const ns of [1, 0, 2]) west.send(frame(`${ns}`), numbered(ns));
        await rig.until(() => east.peer.received.length === landed + 3);
        expect(east.peer.received.slice(landed)).toEqual(["0", "1", "2"].map((text) => east.expected(frame(text))));
      });

      it("hold nothing back across the end of a bridge", async () => {
        const [west] = await bridged({ reorderTimeout: 200 });
        const third = await leg();
        west.send(frame("held"), numbered(1));
        await rig.until(async () => (await rig.plane.port.get(rig.port)).counters.rxPackets === 1);
        await rig.plane.channel.unbridge(west);
        await rig.plane.channel.bridge({ channel: west.channel, with: third.channel });
        west.send(frame("next"), numbered(0));
        await rig.until(() => third.peer.received.length === 1);
        await rig.settle();
        expect(third.peer.received).toEqual([third.expected(frame("next"))]);
        expect(rig.plane.drops()).toEqual({ "relation-ended": 1 });
      });
    });

    describe("objects", () => {
      it("refuses with the errno that Linux gives, naming the object and what would mend it", async () => {
        const { plane, port } = rig;
        const west = await leg();
        const tunnel = { port: port.port, remote: west.peer.address, tunnelId: west.tunnelId, peerTunnelId: 1 };
        const session = { tunnel: west.tunnel, sessionId: 5, peerSessionId: 1 };
        const cases: [Promise<unknown>, string][] = [
          [plane.tunnel.create(tunnel), "EEXIST"],
          [plane.tunnel.create({ ...tunnel, tunnelId: 900, version: 3 }), "EOPNOTSUPP"],
          [plane.tunnel.create({ ...tunnel, tunnelId: 900, encap: "ip" }), "EOPNOTSUPP"],
          [plane.tunnel.create({ ...tunnel, tunnelId: 900, port: 99 }), "ENODEV"],
          [plane.tunnel.create({ ...tunnel, tunnelId: 900, remote: "[::1]:1701" }), "EINVAL"],
          [plane.tunnel.create({ ...tunnel, tunnelId: 0 }), "EINVAL"],
          [plane.tunnel.get({ tunnel: 999 }), "ENODEV"],
          [plane.tunnel.delete({ tunnel: 999 }), "ENODEV"],
          [plane.session.create(session), "EEXIST"],
          [plane.session.create({ ...session, sessionId: 6, tunnel: 999 }), "ENODEV"],
          [plane.session.create({ ...session, sessionId: 6, pseudowire: "ethernet" }), "EOPNOTSUPP"],
          [plane.session.get({ session: 999 }), "ENODEV"],
          [plane.channel.get({ channel: 999 }), "ENXIO"],
          [plane.unit.get({ unit: 999 }), "ENXIO"],
          [plane.port.get({ port: 999 }), "ENODEV"],
          [plane.port.open({ local: port.local }), "EADDRINUSE"],
          [plane.device.get({ device: 999 }), "ENODEV"],
        ];
        for (const [operation, code] of cases) await expect(operation).rejects.toMatchObject({ code });
        await expect(plane.tunnel.create({ ...tunnel, remote: "nowhere" })).rejects.toThrow(
          /remote: expected ADDRESS:PORT/,
        );
      });

      it("deletes what hangs on what is deleted, and tells in order", async () => {
        const { plane } = rig;
        const [west, east] = await bridged();
        const events = collect(plane);
        await plane.tunnel.delete(west);
        await rig.settle();
        expect(events).toEqual([
          {
            type: "channel-unbridged",
            channel: west.channel,
            with: east.channel,
            reason: "parent-deleted",
          },
          { type: "session-deleted", session: west.session.session, reason: "parent-deleted" },
          { type: "tunnel-deleted", tunnel: west.tunnel, reason: "deleted" },
        ]);
        expect(await plane.session.list()).toHaveLength(1);
        await plane.port.close(rig.port);
        expect([await plane.tunnel.list(), await plane.session.list(), await plane.port.list()]).toEqual([[], [], []]);
      });

      it("gives ids and table space back", async () => {
        const { plane } = rig;
        const west = await leg();
        for (let count = 0; count < 50; count++) {
          const { session } = await plane.session.create({ tunnel: west.tunnel, sessionId: 9, peerSessionId: 1 });
          const { counters } = await plane.session.get({ session });
          expect(counters.rxPackets).toBe(0);
          await plane.session.delete({ session });
        }
        await plane.tunnel.delete(west);
        const again = await leg();
        again.send(frame("x"));
        await rig.until(() => punts.length === 1);
      });

      it("drops at a device that is down, and what exceeds its MTU", async () => {
        const { plane, port } = rig;
        const [west, east] = await bridged();
        expect(await plane.device.set({ device: port.device, mtu: 100 })).toMatchObject({ mtu: 100, up: true });
        west.send(frame("x".repeat(100)));
        west.send(frame("short"));
        await rig.until(() => east.peer.received.length === 1);
        expect(plane.drops()).toEqual({ "mtu-exceeded": 1 });
        expect(await countersOf(east)).toMatchObject({ txPackets: 1, txErrors: 1 });
        await plane.device.set({ device: port.device, up: false });
        west.send(frame("down"));
        await rig.until(() => plane.drops()["device-down"] === 1);
        await plane.device.set({ device: port.device, up: true });
        west.send(frame("up"));
        await rig.until(() => east.peer.received.length === 2);
      });

      it("ends its event streams when it closes", async () => {
        const types: string[] = [];
        const reading = (async () => {
          for await (const { type } of rig.plane.events()) types.push(type);
        })();
        await leg();
        await rig.plane.close();
        await reading;
        expect(types).toEqual([
          "tunnel-created",
          "session-created",
          "session-deleted",
          "tunnel-deleted",
          "port-closed",
        ]);
      });
    });
  });
}

function collect(plane: Dataplane): DataplaneEvent[] {
  const events: DataplaneEvent[] = [];
  void (async () => {
    for await (const event of plane.events()) events.push(event);
  })();
  return events;
}
