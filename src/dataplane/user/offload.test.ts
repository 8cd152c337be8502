import { describe, expect, it } from "vitest";
import { headerSum, type IpOptions, ip, tcp, transportSum, udp } from "../../../test/host/packets.js";
import { seeds } from "../../../test/seed.js";
import { seededNumbers } from "../../random.js";
import { createMemory, createRegion, type Memory } from "../../system/memory.js";
import { iovec, virtioNetHdr } from "../../system/structs.js";
import { createSum } from "./checksum.js";
import { createCoalescer, joining } from "./coalesce.js";
import { createSegmenter, isSuper } from "./segments.js";

const headerLength = virtioNetHdr.sizeWithBuffers;

/** What the host is handed: a virtio_net_hdr and a packet, in one. */
function gather(memory: Memory, vectors: number, count: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    const vector = (vectors + index * iovec.size) >> 2;
    const start = (memory.u32[vector]! - memory.addressLow) >>> 0;
    parts.push(memory.u8.slice(start, start + memory.u32[vector + iovec.length / 4]!));
  }
  return Buffer.concat(parts);
}

function createBench() {
  const memory = createMemory(4 << 20);
  const region = createRegion(memory);
  const sum = createSum(memory);
  const written: Uint8Array[] = [];
  const write = (_: number, vectors: number, count: number) => written.push(gather(memory, vectors, count)) > 0;
  const coalescer = createCoalescer(region, sum, write, () => {});
  const segmenter = createSegmenter(memory, sum);
  const buffer = region.allocate(2 << 20);
  const place = region.allocate(80_000) + headerLength;
  const heads = region.allocate(256);

  /** Packets lie where they please, as in a receive buffer. */
  function coalesce(packets: readonly Uint8Array[], gap: () => number): Uint8Array[] {
    let at = buffer;
    for (const packet of packets) {
      at += gap();
      memory.u8.set(packet, at);
      coalescer.add(1, headerLength, joining.tcp | joining.udp, at, packet.length);
      at += packet.length;
    }
    coalescer.flush();
    return written.splice(0);
  }

  function segment(bytes: Uint8Array): Uint8Array[] {
    const header = place - headerLength;
    memory.u8.set(bytes, header);
    const length = bytes.length - headerLength;
    if (!isSuper(memory, header)) {
      expect(segmenter.complete(header, place, length)).toBe(true);
      return [memory.u8.slice(place, place + length)];
    }
    const packets: Uint8Array[] = [];
    const headers = segmenter.headersOf(header, place, length);
    expect(headers).toBeGreaterThan(0);
    segmenter.cut(
      header,
      place,
      length,
      headers,
      () => heads,
      (head, headLength, body, own) => {
        packets.push(Buffer.concat([memory.u8.slice(head, head + headLength), memory.u8.slice(body, body + own)]));
      },
    );
    return packets;
  }
  return { coalesce, segment };
}

const flowOf = (packet: Uint8Array): string => {
  const v4 = packet[0]! >>> 4 === 4;
  const own = v4 ? 20 : 40;
  return Buffer.from(packet.subarray(v4 ? 12 : 8, own + 4)).toString("hex");
};

/** Some flows that take turns, each with a stream that changes its mind now and then. */
function createTraffic(seed: number): Uint8Array[] {
  const random = seededNumbers(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const bytes = (length: number) => Uint8Array.from({ length }, () => below(256));
  const flows = Array.from({ length: 1 + below(6) }, (_, index) => {
    const v6 = below(2) === 0;
    const from = v6 ? `2001:db8::${index + 1}` : `10.0.0.${index + 1}`;
    const to = v6 ? "2001:db8:1::1" : "192.0.2.1";
    const isTcp = below(3) > 0;
    const size = 1 + below(1460);
    const dontFragment = below(2) === 0;
    return {
      addresses: { from, to },
      isTcp,
      size,
      dontFragment,
      id: below(65_536),
      sequence: below(2 ** 32),
      ack: below(2 ** 32),
    };
  });
  return Array.from({ length: 40 + below(120) }, () => {
    const flow = flows[below(flows.length)]!;
    const odd = below(12) === 0;
    const empty = below(10) === 0;
    const data = bytes(empty ? 0 : odd ? below(flow.size * 2) % 1461 : flow.size);
    flow.id = (flow.id + 1) & 0xffff;
    const more: IpOptions = { id: flow.id, dontFragment: flow.dontFragment };
    if (!flow.isTcp) return udp(flow.addresses, [1000, 53], data, more);
    if (below(30) === 0) flow.ack = below(2 ** 32);
    const flags = below(20) === 0 ? 0x11 : below(8) === 0 ? 0x18 : 0x10;
    const tcpOptions = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, below(40) === 0 ? 3 : 2];
    const settings = { ...more, sequence: flow.sequence, acknowledgment: flow.ack >>> 0, flags, tcpOptions };
    const packet = tcp(flow.addresses, [1000, 80], data, settings);
    // Now and then something is lost, or damaged on its way.
    flow.sequence = (flow.sequence + (below(30) === 0 ? 1 : data.length)) >>> 0;
    if (below(40) === 0 && data.length > 0) packet[packet.length - 1]! ^= 1;
    return packet;
  });
}

describe("offload", () => {
  it.each(seeds(20))("cutting what was joined gives the packets of each flow, byte for byte (seed %i)", (seed) => {
    const { coalesce, segment } = createBench();
    const random = seededNumbers(seed + 1000);
    const packets = createTraffic(seed);
    const handed = coalesce(packets, () => 8 + Math.floor(random() * 5));
    const after = handed.flatMap(segment);
    const flows = new Set(packets.map(flowOf));
    const hexOf = (list: readonly Uint8Array[], flow: string) =>
      list.filter((packet) => flowOf(packet) === flow).map((packet) => Buffer.from(packet).toString("hex"));
    for (const flow of flows) expect(hexOf(after, flow)).toEqual(hexOf(packets, flow));
    expect(after).toHaveLength(packets.length);
  });

  it("joins a stream of TCP segments and one of datagrams, though they take turns", () => {
    const { coalesce, segment } = createBench();
    const data = new Uint8Array(1000).fill(7);
    const packets = Array.from({ length: 60 }, (_, index) =>
      index % 2 === 0
        ? tcp({ from: "10.0.0.1", to: "10.0.0.2" }, [1, 2], data, { sequence: 1 + (index / 2) * 1000, id: index / 2 })
        : udp({ from: "10.0.0.1", to: "10.0.0.3" }, [1, 2], data),
    );
    const handed = coalesce(packets, () => 8);
    expect(handed.map((packet) => packet.length)).toEqual([headerLength + 40 + 30_000, headerLength + 28 + 30_000]);
    const after = handed.flatMap(segment);
    expect(after.every((packet) => transportSum(packet) === 0xffff && headerSum(packet) === 0xffff)).toBe(true);
  });

  it("leaves alone what has a wrong checksum, fragments, options, and what is neither TCP nor UDP", () => {
    const { coalesce } = createBench();
    const addresses = { from: "10.0.0.1", to: "10.0.0.2" };
    const data = new Uint8Array(100);
    const broken = udp(addresses, [1, 2], data);
    broken[40]! ^= 0xff;
    const fragment = (): Uint8Array => udp(addresses, [1, 2], data, { dontFragment: false });
    const fragments = [fragment(), fragment()];
    for (const each of fragments) each[6] = 0x20;
    const options = { options: [1, 1, 1, 1] };
    const others = [udp(addresses, [3, 2], data, options), udp(addresses, [3, 2], data, options)];
    const icmp = [ip(addresses, 1, data), ip(addresses, 1, data)];
    const packets = [udp(addresses, [1, 2], data), broken, ...fragments, ...others, ...icmp];
    expect(coalesce(packets, () => 8).map((bytes) => bytes.length - headerLength)).toEqual(
      packets.map((packet) => packet.length),
    );
  });
});
