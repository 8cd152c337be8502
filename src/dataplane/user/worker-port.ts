/** A port's socket in a data worker: batches in, through the path, and out. */
import { bufferBytes, createRecvBatch, type RecvBatch } from "../../system/recv-batch.js";
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { portCounter, port as portRecord, portState } from "./layout.js";
import type { Path } from "./path.js";

/** What a worker is told of a port that it serves. */
export interface WorkerPort {
  readonly port: number;
  readonly fd: number;
  /** Whether UDP_GRO is on; messages are then long. */
  readonly gro: boolean;
  /** Whether local addresses are reported. */
  readonly wildcard: boolean;
  readonly segmentation: boolean;
}

/** Receives one batch and processes it. Answers whether there may be more. */
export type ReceiveBatch = (port: WorkerPort, now: number) => boolean;

const headroom = 64;
const plain = { messages: 64, bufferSize: 2048, headroom } as const;
const withInfo = { ...plain, control: true } as const;
const coalesced = { messages: 16, bufferSize: 65535, headroom, control: true } as const;

export function createReceiver(context: Context, path: Path): ReceiveBatch {
  const { memory, layout, arena } = context;
  const { f64, u32 } = memory;
  const drops = createDropCounter(context);
  const counters = arena.portCounters >> 3;
  // A batch is over before the next begins, so all kinds of batches share the buffers.
  const buffers = path.region.allocate(bufferBytes(coalesced), 4096);
  const batches = {
    plain: createRecvBatch(path.region, { ...plain, buffers }),
    withInfo: createRecvBatch(path.region, { ...withInfo, buffers }),
    coalesced: createRecvBatch(path.region, { ...coalesced, buffers }),
  };

  const batchFor = ({ gro, wildcard }: WorkerPort): RecvBatch =>
    gro ? batches.coalesced : wildcard ? batches.withInfo : batches.plain;

  return (port, now) => {
    const batch = batchFor(port);
    const count = batch.receive(port.fd);
    if (count <= 0) return false;
    const up = u32[(layout.ports >> 2) + port.port * portRecord.words + portRecord.state] === portState.up;
    let packets = 0;
    let bytes = 0;
    path.begin(now);
    for (let index = 0; index < count; index++) {
      const length = batch.length(index);
      const segment = (port.gro ? batch.segment(index) : 0) || length;
      const segments = segment === length ? 1 : Math.ceil(length / segment);
      packets += segments;
      bytes += length;
      if (!up) drops.received(drop["device-down"], port.port, segments);
      else if (batch.truncated(index)) drops.received(drop.truncated, port.port, segments);
      else if (length === 0) drops.received(drop["too-short"], port.port);
      else {
        const local = port.wildcard ? batch.local(index) : 0;
        path.receive(port.port, batch.at(index), length, segment, batch.name(index), local, headroom);
      }
    }
    const record = counters + port.port * portCounter.count;
    f64[record + portCounter.rxPackets]! += packets;
    f64[record + portCounter.rxBytes]! += bytes;
    path.end();
    return count === batch.messages;
  };
}
