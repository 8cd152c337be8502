/** Messages that wait to leave through one port, laid out as sendmmsg(2) wants them. */
import { type Memory, type Region, storePointer, storeSize } from "../../system/memory.js";
import { writeSegmentControl } from "../../system/send-batch.js";
import { cmsghdr, controlSpace, iovec, mmsghdr } from "../../system/structs.js";
import { block } from "./layout.js";

/** The kernel takes at most 64 segments (UDP_MAX_SEGMENTS) and what fits an IP packet. */
export const queueLimits = { messages: 64, segments: 64, pieces: 128, bytes: 65000 } as const;

/** What is known of a message while it grows. Word offsets, but `size` is in bytes. */
export const state = {
  tunnel: 0,
  address: 1,
  /** Size of its datagrams; the last may be shorter. */
  segment: 2,
  segments: 3,
  bytes: 4,
  pieces: 5,
  /** Where the last piece ends. */
  end: 6,
  /** Longest datagram that may still join; 0: none. */
  room: 7,
  /** How many runs of segments it has by source. */
  runs: 8,
  /** Its first I/O vector and its first run, as word indices into the memory: they never change. */
  vectors: 9,
  sources: 10,
  /** Segments that it may have. */
  limit: 11,
  size: 64,
} as const;

/** Segments of a message that follow each other and came from one session with one length. Word offsets. */
export const run = {
  /** Slot of the session, 0 for none. */
  source: 0,
  segments: 1,
  /** What the session forwarded with each of them, in bytes. */
  length: 2,
  words: 4,
} as const;

const segmentControl = controlSpace(2);
const controlBytes = segmentControl + 40;

export interface Queue {
  port: number;
  count: number;
  segmentation: boolean;
  readonly memory: Memory;
  readonly headers: number;
  readonly states: number;
  /** Makes headers of all messages. */
  prepare(): void;
  /** Makes message header `messages` (one beyond the queue) carry one segment of a message alone. Answers its offset. */
  prepareSegment(message: number, index: number): number;
  /** Copies one segment of a message to a new array. */
  copySegment(message: number, index: number): Uint8Array;
}

export const segmentOf = (queue: Queue, message: number, field: number): number =>
  queue.memory.u32[((queue.states + message * state.size) >> 2) + field]!;

export function createQueue(memory: Memory, region: Region): Queue {
  const { messages, segments, pieces } = queueLimits;
  const { u32, u8 } = memory;
  const headers = region.allocate((messages + 1) * mmsghdr.size);
  const states = region.allocate(messages * state.size);
  const sources = region.allocate(messages * segments * run.words * 4);
  const controls = region.allocate((messages + 1) * controlBytes);
  const vectors = region.allocate((messages + 1) * pieces * iovec.size);
  for (let message = 0; message <= messages; message++) {
    const header = headers + message * mmsghdr.size;
    storePointer(memory, header + mmsghdr.iov, vectors + message * pieces * iovec.size);
    storeSize(memory, header + mmsghdr.controlLength, 0);
    writeSegmentControl(memory.view, controls + message * controlBytes, 0);
  }
  for (let message = 0; message < messages; message++) {
    const at = (states + message * state.size) >> 2;
    u32[at + state.vectors] = (vectors + message * pieces * iovec.size) >> 2;
    u32[at + state.sources] = (sources + message * segments * run.words * 4) >> 2;
  }

  function writeHeader(message: number, address: number, pieceCount: number, segment: number): void {
    const header = headers + message * mmsghdr.size;
    const control = controls + message * controlBytes;
    storePointer(memory, header + mmsghdr.name, address + block.name);
    u32[(header + mmsghdr.nameLength) >> 2] = u32[(address + block.nameLength) >> 2]!;
    u32[(header + mmsghdr.iovLength) >> 2] = pieceCount;
    const sourceLength = u32[(address + block.controlLength) >> 2]!;
    if (segment !== 0) memory.view.setUint16(control + cmsghdr.size, segment, true);
    if (sourceLength !== 0) {
      const source = address + block.control;
      u8.copyWithin(control + segmentControl, source, source + sourceLength);
    }
    const start = segment === 0 ? control + segmentControl : control;
    const length = (segment === 0 ? 0 : segmentControl) + sourceLength;
    u32[(header + mmsghdr.controlLength) >> 2] = length;
    if (length === 0) storeSize(memory, header + mmsghdr.control, 0);
    else storePointer(memory, header + mmsghdr.control, start);
  }

  /** The pieces of one segment, in order. */
  function* piecesOf(message: number, index: number): Generator<readonly [start: number, length: number]> {
    const at = (states + message * state.size) >> 2;
    const segment = u32[at + state.segment]!;
    let from = index * segment;
    let left = Math.min(segment, u32[at + state.bytes]! - from);
    for (let piece = 0; left > 0; piece++) {
      const vector = (vectors + (message * pieces + piece) * iovec.size) >> 2;
      const length = u32[vector + iovec.length / 4]!;
      if (from < length) {
        const part = Math.min(left, length - from);
        const start = (u32[vector]! - memory.addressLow) >>> 0;
        yield [start + from, part];
        left -= part;
        from = 0;
      } else from -= length;
    }
  }

  return {
    port: 0,
    count: 0,
    segmentation: false,
    memory,
    headers,
    states,
    prepare() {
      for (let message = 0; message < this.count; message++) {
        const at = (states + message * state.size) >> 2;
        const segment = u32[at + state.segments]! > 1 ? u32[at + state.segment]! : 0;
        writeHeader(message, u32[at + state.address]!, u32[at + state.pieces]!, segment);
      }
    },
    prepareSegment(message, index) {
      let count = 0;
      for (const [start, length] of piecesOf(message, index)) {
        const vector = vectors + (messages * pieces + count++) * iovec.size;
        storePointer(memory, vector + iovec.base, start);
        storeSize(memory, vector + iovec.length, length);
      }
      writeHeader(messages, u32[((states + message * state.size) >> 2) + state.address]!, count, 0);
      return headers + messages * mmsghdr.size;
    },
    copySegment(message, index) {
      const parts = [...piecesOf(message, index)];
      const bytes = new Uint8Array(parts.reduce((sum, [, length]) => sum + length, 0));
      let to = 0;
      for (const [start, length] of parts) {
        bytes.set(u8.subarray(start, start + length), to);
        to += length;
      }
      return bytes;
    },
  };
}
