import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { seeds } from "../../../test/seed.js";
import { seededNumbers } from "../../random.js";
import { createMemory, createRegion } from "../../system/memory.js";
import { encode, flag, flagsOf, modulus, sequenceOf } from "../../wire/multilink.js";
import { createCounting } from "./counting.js";
import { planLayout } from "./layout.js";
import { createBundles } from "./multilink-bundles.js";
import { bundle } from "./multilink-layout.js";
import { mostWaiting, patience } from "./multilink-queue.js";
import { createReassembler } from "./multilink-receive.js";
import { createFragmentSender } from "./multilink-send.js";
import { compiledUrl } from "./worker-url.js";

const unit = 3;

interface Options {
  readonly short?: boolean;
  readonly mrru?: number;
  readonly links?: number;
  readonly fragment?: number;
  readonly linkMru?: number;
}

/** A bundle whose links are the sessions 1, 2, …: what it puts together is in `packets`, what it sends in `frames`. */
function createBundle({ short = false, mrru = 1500, links = 2, fragment = 0, linkMru = 1500 }: Options = {}) {
  const layout = planLayout({ tunnels: 4, sessions: 32, ports: 2, units: 8, routes: 8 }, 1);
  const memory = createMemory(layout.bytes);
  const context = { memory, layout, arena: layout.arenas[0]! };
  const region = createRegion(memory, context.arena.work, context.arena.work + context.arena.workBytes);
  const bundles = createBundles(context);
  const multilink = { mrru, peerMrru: mrru, shortSequence: short, peerShortSequence: short, fragment, linkMru };
  const settings = { multilink, protocolFieldCompression: false, addressAndControlFieldCompression: true };
  const index = bundles.create(unit, settings)!;
  for (let session = 1; session <= links; session++) bundles.join(index, session, 0);
  const packets: Uint8Array[] = [];
  const frames: { session: number; bytes: Uint8Array }[] = [];
  const reassembler = createReassembler(
    context,
    region,
    (of, _session, _port, at, length) => {
      expect(of).toBe(unit);
      packets.push(memory.u8.slice(at, at + length));
    },
    () => {},
  );
  const sender = createFragmentSender(context, {
    send: (session, head, headLength, body, length) => {
      const bytes = Buffer.concat([memory.u8.slice(head, head + headLength), memory.u8.slice(body, body + length)]);
      frames.push({ session, bytes: new Uint8Array(bytes) });
    },
    room: () => 6,
    scratch: (bytes) => region.allocate(bytes, 8),
    drain: () => {},
  });
  const input = region.allocate(65536);
  const record = (layout.multilink.bundleRecords >> 2) + index * bundle.words;
  return {
    layout,
    memory,
    bundles,
    index,
    settings,
    packets,
    frames,
    reassembler,
    word: (field: number) => memory.i32[record + field]!,
    drops: () => createCounting(memory, layout).drops(),
    receive(session: number, bytes: Uint8Array, now: number) {
      memory.u8.set(bytes, input);
      reassembler.receive(index, session, 0, input, bytes.length, now);
    },
    send(bytes: Uint8Array, headLength = bytes.length) {
      memory.u8.set(bytes, input + 64);
      const body = headLength === bytes.length ? 0 : input + 64 + headLength;
      const sent = sender.send(index, input + 64, headLength, body, bytes.length - headLength);
      sender.release();
      return sent;
    },
  };
}

const text = (packets: readonly Uint8Array[]) => packets.map((bytes) => Buffer.from(bytes).toString("latin1"));
const equal = (some: readonly Uint8Array[], others: readonly Uint8Array[]) =>
  some.length === others.length && some.every((bytes, index) => Buffer.compare(bytes, others[index]!) === 0);
const fragment = (sequence: number, bits: string, part: string, short = false) =>
  encode({ begin: bits.includes("B"), end: bits.includes("E"), sequence, part: Buffer.from(part, "latin1") }, short);

/** A numbered packet of random length, cut at random. */
function cut(packet: number, sequence: number, random: () => number, longest: number) {
  const bytes = new Uint8Array(4 + Math.floor(random() * longest));
  new DataView(bytes.buffer).setUint32(0, packet);
  bytes.fill(packet & 0xff, 4);
  const count = 1 + Math.floor(random() * random() * 5);
  const each = Math.ceil(bytes.length / count);
  const fragments = [];
  for (let from = 0; from < bytes.length; from += each) {
    const part = bytes.subarray(from, from + each);
    const end = from + each >= bytes.length;
    fragments.push({ begin: from === 0, end, sequence: sequence + fragments.length, part });
  }
  return { bytes, fragments };
}

describe("multilink reception (RFC 1990 §4)", () => {
  it("delivers packets in one piece as they come, and puts fragments of several links together", () => {
    const { receive, packets } = createBundle();
    receive(1, fragment(0, "BE", "one"), 0);
    receive(1, fragment(1, "B", "t"), 0);
    receive(2, fragment(2, "", "w"), 0);
    receive(1, fragment(3, "E", "o"), 0);
    expect(text(packets)).toEqual(["one", "two"]);
  });

  it("waits for what was overtaken on another link, and delivers in order", () => {
    const { receive, packets } = createBundle();
    receive(1, fragment(1, "E", "B"), 0);
    receive(1, fragment(3, "BE", "D"), 0);
    receive(1, fragment(4, "BE", "E"), 0);
    expect(packets).toEqual([]);
    receive(2, fragment(0, "B", "A"), 1);
    expect(text(packets)).toEqual(["AB"]);
    receive(2, fragment(2, "BE", "C"), 2);
    expect(text(packets)).toEqual(["AB", "C", "D", "E"]);
  });

  it("gives a packet up as soon as every link has passed its missing fragment", () => {
    const { receive, packets, drops } = createBundle();
    receive(1, fragment(0, "B", "lo"), 0);
    for (let sequence = 2; sequence < 6; sequence++) {
      receive(1 + (sequence % 2), fragment(sequence, "BE", `${sequence}`), 0);
    }
    expect(text(packets)).toEqual(["2", "3", "4", "5"]);
    expect(drops()).toEqual({ "multilink-lost": 1 });
  });

  it("does not wait for ever for a link that brings nothing", () => {
    const { receive, packets, reassembler, drops } = createBundle({ links: 3 });
    receive(1, fragment(1, "E", "x"), 0);
    receive(2, fragment(2, "BE", "2"), 10);
    expect(packets).toEqual([]);
    expect(reassembler.deadline()).toBe(patience);
    reassembler.expire(reassembler.deadline());
    expect(reassembler.deadline()).toBe(Number.POSITIVE_INFINITY);
    expect(text(packets)).toEqual(["2"]);
    expect(drops()).toEqual({ "multilink-lost": 1 });
    // From now on the silent one is not waited for: those that bring something have passed what is missing.
    for (let sequence = 4; sequence < 8; sequence++) {
      receive(1 + (sequence % 2), fragment(sequence, "BE", `${sequence}`), 250);
    }
    expect(text(packets)).toEqual(["2", "4", "5", "6", "7"]);
  });

  it("goes on without a link that has left, and with one that joins", () => {
    const { receive, packets, bundles, index } = createBundle();
    receive(1, fragment(0, "BE", "0"), 0);
    receive(2, fragment(2, "BE", "2"), 0);
    bundles.leave(index, 1);
    for (let sequence = 3; sequence < 6; sequence++) receive(2, fragment(sequence, "BE", `${sequence}`), 1);
    expect(text(packets)).toEqual(["0", "2", "3", "4", "5"]);
    bundles.join(index, 9, 2);
    receive(2, fragment(7, "E", "."), 2);
    expect(packets).toHaveLength(5);
    receive(9, fragment(6, "B", "6"), 3);
    expect(text(packets).at(-1)).toBe("6.");
  });

  it("follows a peer that begins to count anew", () => {
    const { receive, packets } = createBundle({ links: 1 });
    for (let sequence = 500_000; sequence < 500_010; sequence++) receive(1, fragment(sequence, "BE", "old"), 0);
    expect(packets).toHaveLength(10);
    for (let sequence = 0; sequence < 100; sequence++) receive(1, fragment(sequence, "BE", "new"), 0);
    expect(packets).toHaveLength(10 + 100 - 64);
  });

  it("drops what is longer than MRRU, and no more than that", () => {
    const { receive, packets, drops } = createBundle({ mrru: 100, links: 1 });
    receive(1, fragment(0, "BE", "x".repeat(103)), 0);
    receive(1, fragment(1, "B", "x".repeat(60)), 0);
    receive(1, fragment(2, "", "x".repeat(60)), 0);
    receive(1, fragment(3, "E", "x"), 0);
    receive(1, fragment(4, "BE", "y".repeat(102)), 0);
    expect(text(packets)).toEqual(["y".repeat(102)]);
    expect(drops()).toEqual({ "multilink-too-long": 3, "multilink-lost": 1 });
  });

  for (const short of [false, true]) {
    it(`delivers all that was sent when nothing is lost, ${short ? "short" : "long"} numbers`, () => {
      for (const seed of seeds(20)) {
        const random = seededNumbers(seed);
        const links = 1 + Math.floor(random() * 4);
        const { receive, packets, word, drops } = createBundle({ short, links });
        const clocks = Array.from({ length: links }, () => ({ delay: random() * 30, last: 0 }));
        const arrivals: { at: number; session: number; bytes: Uint8Array }[] = [];
        const sent: Uint8Array[] = [];
        let sequence = 0;
        for (let packet = 0; packet < 1500; packet++) {
          const now = packet / 2;
          const { bytes, fragments } = cut(packet, sequence, random, 600);
          sequence += fragments.length;
          sent.push(bytes);
          for (const piece of fragments) {
            const session = Math.floor(random() * links);
            const clock = clocks[session]!;
            clock.last = Math.max(clock.last + 0.001, now + clock.delay + random() * 5);
            const numbered = { ...piece, sequence: piece.sequence % modulus(short) };
            arrivals.push({ at: clock.last, session: session + 1, bytes: encode(numbered, short) });
          }
        }
        arrivals.sort((a, b) => a.at - b.at);
        for (const { at, session, bytes } of arrivals) receive(session, bytes, at);
        expect(drops(), `seed ${seed}`).toEqual({});
        expect(equal(packets, sent), `seed ${seed}`).toBe(true);
        expect(word(bundle.count)).toBe(0);
      }
    });
  }

  it("delivers a part of what was sent, in order and whole, whatever is lost, late or silent", () => {
    for (const seed of seeds(40)) {
      const random = seededNumbers(seed);
      const short = random() < 0.5;
      const links = 1 + Math.floor(random() * 4);
      const { receive, packets, word, reassembler, bundles, index } = createBundle({ short, links });
      const loss = random() * 0.1;
      const disorder = random() < 0.5 ? 0 : random() * 20;
      const sent = new Map<number, Uint8Array>();
      const arrivals: { at: number; session: number; bytes: Uint8Array }[] = [];
      let sequence = Math.floor(random() * 5000);
      let lost = 0;
      for (let packet = 0; packet < 800; packet++) {
        const { bytes, fragments } = cut(packet, sequence, random, 600);
        sequence += fragments.length;
        sent.set(packet, bytes);
        let whole = true;
        for (const piece of fragments) {
          const session = 1 + Math.floor(random() * links);
          const numbered = { ...piece, sequence: piece.sequence % modulus(short) };
          if (random() < loss) whole = false;
          else
            arrivals.push({
              at: packet * 2 + session * 7 + random() * disorder,
              session,
              bytes: encode(numbered, short),
            });
        }
        if (!whole) lost++;
      }
      arrivals.sort((a, b) => a.at - b.at);
      let most = 0;
      for (const { at, session, bytes } of arrivals) {
        if (reassembler.deadline() <= at) reassembler.expire(at);
        if (links > 1 && random() < 0.002) {
          bundles.leave(index, session);
          bundles.join(index, session, at);
        }
        receive(session, bytes, at);
        most = Math.max(most, word(bundle.count));
      }
      for (let round = 0; round < 5; round++) reassembler.expire(1e6 + round * 1000);
      expect(most).toBeLessThanOrEqual(mostWaiting + 1);
      expect(word(bundle.count)).toBe(0);
      let previous = -1;
      for (const bytes of packets) {
        const number = new DataView(bytes.buffer).getUint32(0);
        expect(number, `seed ${seed}: order`).toBeGreaterThan(previous);
        expect(equal([bytes], [sent.get(number)!]), `seed ${seed}: packet ${number}`).toBe(true);
        previous = number;
      }
      // Without disorder within a link, only the packets that lost a fragment are missing, and few at the very start.
      if (disorder === 0) expect(packets.length, `seed ${seed}`).toBeGreaterThanOrEqual(800 - lost - 8);
    }
  });

  it("keeps its memory bounded whatever a peer sends, and then goes on", () => {
    for (const seed of seeds(10)) {
      const random = seededNumbers(seed);
      const { receive, packets, word, layout, memory, reassembler } = createBundle({ links: 3 });
      const kind = seed % 3;
      for (let count = 0; count < 5000; count++) {
        const sequence =
          kind === 0
            ? count * 2
            : kind === 1
              ? Math.floor(random() * 2 ** 24)
              : (count + Math.floor(random() * 500)) & 0xff_ffff;
        const bits = random() < 0.3 ? "B" : random() < 0.1 ? "E" : "";
        receive(1 + Math.floor(random() * 3), fragment(sequence, bits, "z".repeat(random() * 1400)), count / 10);
        expect(word(bundle.count)).toBeLessThanOrEqual(mostWaiting + 1);
      }
      for (let round = 0; round < 5; round++) reassembler.expire(1e6 + round * 1000);
      expect(word(bundle.count)).toBe(0);
      expect(word(bundle.bytes)).toBe(0);
      expect(memory.i32[(layout.multilink.pool >> 2) + 1]).toBeLessThanOrEqual(mostWaiting + 2);
      const before = packets.length;
      for (let sequence = 0; sequence < 400; sequence++)
        receive(1 + (sequence % 3), fragment(sequence, "BE", "fine"), 2e6);
      // After random numbers the new ones may seem to lie beyond a gap that a link might still fill: it is given up in time.
      reassembler.expire(2e6 + patience);
      expect(text(packets.slice(before + 1)).filter((packet) => packet === "fine").length).toBeGreaterThan(100);
    }
  });

  it("is not misled by bytes cut short, empty fragments and repetitions", () => {
    const { receive, packets, drops } = createBundle({ links: 1 });
    receive(1, Uint8Array.of(0xc0, 0, 0), 0);
    receive(1, new Uint8Array(0), 0);
    receive(1, fragment(0, "B", ""), 0);
    receive(1, fragment(0, "B", "again"), 0);
    receive(1, fragment(1, "", ""), 0);
    receive(1, fragment(2, "E", "x"), 0);
    receive(1, fragment(2, "E", "x"), 0);
    expect(text(packets)).toEqual(["x"]);
    expect(drops()).toEqual({ "multilink-malformed": 2, "multilink-late": 2 });
  });
});

describe("multilink transmission (RFC 1990 §3)", () => {
  const sequences = (frames: readonly { bytes: Uint8Array }[], short = false) =>
    frames.map(({ bytes }) => sequenceOf(new DataView(bytes.buffer), 2, short));

  it("gives each packet a header, also with one link", () => {
    const { send, frames } = createBundle({ links: 1 });
    expect(send(Buffer.from("\x00\x21ip", "latin1"))).toBe(true);
    expect(send(Buffer.from("\x00\x57ip", "latin1"))).toBe(true);
    expect(frames.map(({ bytes }) => Buffer.from(bytes).toString("hex"))).toEqual([
      "003dc000000000216970",
      "003dc000000100576970",
    ]);
  });

  it("frames as the peer wants it", () => {
    const { send, frames, bundles, index, settings } = createBundle({ short: true });
    const framing = { protocolFieldCompression: true, addressAndControlFieldCompression: false };
    bundles.set(index, { ...settings, ...framing });
    send(Buffer.from("!x"));
    expect(Buffer.from(frames[0]!.bytes).toString("hex")).toBe("ff033dc0002178");
  });

  it("uses the links in turn, and cuts long packets for them", () => {
    const { send, frames } = createBundle({ links: 3, fragment: 400 });
    send(new Uint8Array(1000));
    expect(frames.map(({ session, bytes }) => [session, bytes.length - 6])).toEqual([
      [1, 334],
      [2, 334],
      [3, 332],
    ]);
    expect(frames.map(({ bytes }) => flagsOf(new DataView(bytes.buffer), 2))).toEqual([flag.begin, 0, flag.end]);
    send(new Uint8Array(300));
    send(new Uint8Array(300));
    expect(frames.slice(3).map(({ session }) => session)).toEqual([1, 2]);
    expect(sequences(frames)).toEqual([0, 1, 2, 3, 4]);
  });

  it("cuts what a link cannot carry, however many fragments that makes", () => {
    const { send, frames } = createBundle({ links: 2, linkMru: 504 });
    send(new Uint8Array(1500), 60);
    expect(frames.map(({ bytes }) => bytes.length - 6)).toEqual([500, 500, 500]);
    expect(frames.map(({ session }) => session)).toEqual([1, 2, 1]);
  });

  it("counts on where links leave and join", () => {
    const { send, frames, bundles, index } = createBundle({ links: 2 });
    send(new Uint8Array(10));
    bundles.leave(index, 1);
    send(new Uint8Array(10));
    bundles.leave(index, 2);
    expect(send(new Uint8Array(10))).toBe(false);
    bundles.join(index, 7, 0);
    send(new Uint8Array(10));
    expect(frames.map(({ session }) => session)).toEqual([1, 2, 7]);
    expect(sequences(frames)).toEqual([0, 1, 2]);
  });

  it("is what reception puts together", () => {
    for (const seed of seeds(20)) {
      const random = seededNumbers(seed);
      const options = {
        short: random() < 0.5,
        links: 1 + Math.floor(random() * 5),
        fragment: random() < 0.3 ? 0 : 64 + Math.floor(random() * 700),
        linkMru: 200 + Math.floor(random() * 1300),
      };
      const near = createBundle(options);
      const far = createBundle(options);
      const sent: Uint8Array[] = [];
      for (let packet = 0; packet < 300; packet++) {
        const bytes = new Uint8Array(2 + Math.floor(random() * 1490)).map(() => random() * 256);
        sent.push(bytes);
        near.send(bytes, random() < 0.5 ? bytes.length : Math.min(bytes.length, 42));
      }
      for (const { session, bytes } of near.frames) far.receive(session, bytes.subarray(2), 0);
      expect(equal(far.packets, sent), `seed ${seed}`).toBe(true);
    }
  });
});

describe("a bundle of two threads", () => {
  it("loses, doubles and mixes nothing", async () => {
    const { layout, memory, index, word, drops } = createBundle({ links: 2, mrru: 1500 });
    const packets = 4000;
    const source = `
      const { parentPort, workerData } = require("node:worker_threads");
      const { modules, shared, layout, index, session, packets } = workerData;
      Promise.all(modules.map((module) => import(module))).then(([receive, memoryModule, wire]) => {
        const memory = memoryModule.attachMemory(shared);
        const arena = layout.arenas[session - 1];
        const region = memoryModule.createRegion(memory, arena.work, arena.work + arena.workBytes);
        const seen = [];
        const check = (unit, from, port, at, length) => {
          const number = memory.view.getUint32(at);
          let sound = length === 4 + number % 1000;
          for (let i = 4; i < length; i++) if (memory.u8[at + i] !== (number & 0xff)) sound = false;
          seen.push(sound ? number : -1);
        };
        const reassembler = receive.createReassembler({ memory, layout, arena }, region, check, () => {});
        const at = region.allocate(65536);
        const feed = (sequence, bits, from, to, bytes) => {
          wire.put(memory.view, at, false, bits, sequence);
          memory.u8.set(bytes.subarray(from, to), at + 4);
          reassembler.receive(index, session, 0, at, 4 + to - from, performance.now());
        };
        // Every packet is two fragments; the threads take turns in who has the first, and may be 50 packets apart.
        const progress = new Int32Array(shared.buffer, workerData.progress, 2);
        for (let number = 0; number < packets; number++) {
          while (number - Atomics.load(progress, 2 - session) > 50);
          const bytes = new Uint8Array(4 + number % 1000).fill(number & 0xff, 4);
          new DataView(bytes.buffer).setUint32(0, number);
          const half = bytes.length >> 1;
          if ((number & 1) === session - 1) feed(2 * number, 0x80, 0, half, bytes);
          else feed(2 * number + 1, 0x40, half, bytes.length, bytes);
          reassembler.release();
          Atomics.store(progress, session - 1, number + 1);
        }
        parentPort.postMessage(seen);
      });`;
    const modules = ["./multilink-receive.js", "../../system/memory.js", "../../wire/multilink.js"].map(
      (module) => compiledUrl(module, import.meta.url).href,
    );
    const progress = layout.puntWake;
    const seen = await Promise.all(
      [1, 2].map((session) => {
        const workerData = { modules, shared: memory.shared, layout, index, session, packets, progress };
        const worker = new Worker(source, { eval: true, workerData });
        return new Promise<number[]>((resolve, reject) => {
          worker.once("message", resolve);
          worker.once("error", reject);
        });
      }),
    );
    const all = seen.flat().sort((a, b) => a - b);
    expect(drops()).toEqual({});
    expect(all).toEqual(Array.from({ length: packets }, (_, number) => number));
    for (const own of seen) expect(own).toEqual([...own].sort((a, b) => a - b));
    expect(word(bundle.count)).toBe(0);
    expect(seen.filter((own) => own.length > 0)).toHaveLength(2);
  });
});
