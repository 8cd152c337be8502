import { describe, expect, it } from "vitest";
import { createMemory, createRegion } from "../../system/memory.js";
import { writeAddressBlock } from "./address-block.js";
import { createCounting } from "./counting.js";
import { block, planLayout, port as portRecord, portState } from "./layout.js";
import { createTransmitter, type Failure, type Sender } from "./transmit.js";
import { segmentOf, state } from "./transmit-queue.js";

/** A transmitter whose messages go nowhere but into `sent`, unless `fault` says how they fail. */
function createBench({ segmentation = true } = {}) {
  const layout = planLayout({ tunnels: 8, sessions: 16, ports: 2, units: 16, routes: 16 }, 0);
  const memory = createMemory(layout.bytes + (1 << 20));
  const arena = layout.arenas[0]!;
  const region = createRegion(memory, arena.work, arena.work + arena.workBytes);
  const transmitter = createTransmitter({ memory, layout, arena }, region, () => {
    throw new Error("no port has programs");
  });
  const sent: { tunnel: number; datagrams: string[] }[] = [];
  const bench = { fault: (_message: number, _attempt: number): Failure | undefined => undefined };
  let attempts = 0;
  const sender: Sender = {
    send(queue, first) {
      if (bench.fault(sent.length, attempts) !== undefined) return -1;
      const count = segmentOf(queue, first, state.segments);
      sent.push({
        tunnel: segmentOf(queue, first, state.tunnel),
        datagrams: Array.from({ length: count }, (_, index) =>
          Buffer.from(queue.copySegment(first, index)).toString("latin1"),
        ),
      });
      attempts = 0;
      return 1;
    },
    failed(_, attempt) {
      attempts = attempt + 1;
      return bench.fault(sent.length, attempt) ?? "retry";
    },
    sendSegment(queue, message, index) {
      sent.push({
        tunnel: segmentOf(queue, message, state.tunnel),
        datagrams: [Buffer.from(queue.copySegment(message, index)).toString("latin1")],
      });
      return 1;
    },
  };
  memory.i32[(layout.ports >> 2) + portRecord.state] = portState.up;
  memory.i32[(layout.ports >> 2) + portRecord.mtu] = 65507;
  transmitter.attach(0, sender, segmentation);
  const addresses = [1, 2, 3].map((tunnel) => {
    const at = layout.bytes + 4096 + tunnel * block.size;
    writeAddressBlock(memory, at, { port: 0, remote: `192.0.2.${tunnel}:1701`, local: undefined });
    return at;
  });
  let next = layout.bytes + 65536;
  return {
    ...transmitter,
    sent,
    bench,
    counting: createCounting(memory, layout),
    /** Queues a datagram for a tunnel whose header and payload lie next to each other, or not. */
    queue(tunnel: number, header: string, payload: string, { apart = false, source = 0 } = {}) {
      const put = (text: string, gap: number) => {
        next += gap;
        const at = next;
        memory.u8.set(Buffer.from(text, "latin1"), at);
        next += text.length;
        return at;
      };
      const headerAt = put(header, 0);
      const payloadAt = put(payload, apart ? 7 : 0);
      transmitter.append(tunnel, addresses[tunnel - 1]!, headerAt, header.length, payloadAt, payload.length, source);
    },
  };
}

describe("transmission", () => {
  it("joins datagrams of one size for one tunnel, though tunnels take turns and headers lie apart", () => {
    const { queue, flush, sent } = createBench();
    for (const text of ["aaa", "bbb", "ccc"]) {
      queue(1, "1:", text);
      queue(2, "2:", text, { apart: true });
    }
    flush();
    expect(sent).toEqual([
      { tunnel: 1, datagrams: ["1:aaa", "1:bbb", "1:ccc"] },
      { tunnel: 2, datagrams: ["2:aaa", "2:bbb", "2:ccc"] },
    ]);
  });

  it("ends a message with a shorter datagram and begins another with a longer one", () => {
    const { queue, flush, sent } = createBench();
    for (const text of ["aaa", "bb", "ccc", "dddd", "ee"]) queue(1, "", text);
    flush();
    expect(sent.map(({ datagrams }) => datagrams)).toEqual([["aaa", "bb"], ["ccc"], ["dddd", "ee"]]);
  });

  it("keeps to the kernel's 64 segments and 65000 bytes", () => {
    const { queue, flush, sent } = createBench();
    for (let count = 0; count < 130; count++) queue(1, "", "x");
    for (let count = 0; count < 50; count++) queue(2, "", "y".repeat(1400));
    flush();
    expect(sent.map(({ datagrams }) => datagrams.length)).toEqual([64, 64, 2, 46, 4]);
  });

  it("sends more messages than the queue holds", () => {
    const { queue, flush, sent } = createBench({ segmentation: false });
    for (let count = 0; count < 200; count++) queue(1 + (count % 3), "", `${count}`);
    flush();
    expect(sent.flatMap(({ datagrams }) => datagrams)).toEqual(Array.from({ length: 200 }, (_, index) => `${index}`));
  });

  it("goes datagram by datagram where the kernel will not cut messages, and counts that", () => {
    const { queue, flush, sent, bench, counting } = createBench();
    bench.fault = (message) => (message === 0 ? "resegment" : undefined);
    for (const text of ["aaa", "bbb", "c"]) queue(1, "h", text, { source: 5, apart: true });
    queue(2, "", "next");
    flush();
    expect(sent.map(({ datagrams }) => datagrams)).toEqual([["haaa"], ["hbbb"], ["hc"], ["next"]]);
    expect(counting.drops()).toEqual({ "segmentation-refused": 1 });
    expect(counting.session(5)).toMatchObject({ forwardedPackets: 3, forwardErrors: 0 });
    expect(counting.port(0)).toMatchObject({ txPackets: 4, txErrors: 0 });
  });

  it("takes back from the sessions what could not be sent, to the frame", () => {
    const { queue, flush, sent, bench, counting } = createBench();
    bench.fault = (message, attempt) => (message === 1 ? (attempt < 2 ? "retry" : "tx-no-buffers") : undefined);
    queue(1, "h", "good", { source: 4 });
    queue(2, "h", "bad", { source: 5 });
    queue(2, "h", "bad", { source: 6 });
    flush();
    expect(sent).toHaveLength(1);
    expect(counting.drops()).toEqual({ "tx-no-buffers": 2 });
    expect(counting.session(4)).toMatchObject({ forwardedPackets: 1, forwardedBytes: 4 });
    expect(counting.session(5)).toMatchObject({ forwardedPackets: 0, forwardedBytes: 0, forwardErrors: 1 });
    expect(counting.session(6)).toMatchObject({ forwardedPackets: 0, forwardErrors: 1 });
    expect(counting.port(0)).toMatchObject({ txPackets: 1, txBytes: 5, txErrors: 2 });
  });
});
