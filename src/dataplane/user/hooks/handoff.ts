/**
 * Frames that a cpumap sends from one thread to another: one ring per thread in shared memory, written by all, read by its owner. Writers take
 * turns by a lock that they hold for the copy of one frame.
 *
 *   record: size, device, kind and framing, program, length, named, located, number, generation, port, name (28), local (16), then the bytes
 *
 * By the time a frame is taken, its device may be another's and its entry's program another one: what tells them apart goes with it.
 */
import type { Memory } from "../../../system/memory.js";
import type { Framing as FramingName } from "../../attributes.js";
import { createDeviceNumbers, deviceKind } from "../devices.js";
import { handoffBytes, type Layout, port, session, unit } from "../layout.js";

export interface HandedOver {
  device: number;
  /** Slot of the port that it came by. */
  port: number;
  kind: number;
  framing: FramingName;
  /** Slot of the entry's program and 1, and the number that the program there had; 0: none. */
  program: number;
  number: number;
  /** What `generation` answered for its device. */
  generation: number;
  at: number;
  length: number;
  /** Offsets of the sockaddr that a datagram came from and of the address it was sent to; 0: none. */
  name: number;
  local: number;
}

export interface Handoff {
  /** Copies a frame into the ring of the thread that programs know as `to`. False: it takes none, or has no room. */
  give(to: number, frame: HandedOver): boolean;
  /** Takes at most `most` frames of this thread's ring. Answers how many; they lie there until `release`. Only this thread's own may. */
  take(most: number, each: (frame: HandedOver) => void): number;
  release(): void;
  /** A number that a device has as long as frames that were received on it may go on. */
  generation(device: number): number;
  /** Whether there are any. */
  waiting(): boolean;
}

export const createParcel = (): HandedOver => ({
  device: 0,
  port: 0,
  kind: 0,
  framing: "native",
  program: 0,
  number: 0,
  generation: 0,
  at: 0,
  length: 0,
  name: 0,
  local: 0,
});

/** Bytes before a frame that may be overwritten. */
export const handoffRoom = 352;

const field = {
  size: 0,
  device: 4,
  kind: 8,
  program: 12,
  length: 16,
  named: 20,
  located: 24,
  number: 28,
  generation: 32,
  port: 36,
  name: 40,
  local: 68,
  /** With room before it for whatever header the frame leaves with. */
  bytes: 96 + handoffRoom,
} as const;
const position = { written: 0, read: 64, lock: 128, data: 192 } as const;
/** A power of two, so that positions may wrap. */
const capacity = handoffBytes;
const turns = 10_000;
const ethernetBit = 256;

export function createHandoff(
  { u8, u32, i32 }: Memory,
  layout: Layout,
  own: number,
  wake: (to: number) => void,
): Handoff {
  const { arenas } = layout;
  const ring = (index: number): number => arenas[index]!.handoff;
  const numbers = createDeviceNumbers(layout);
  const frame = createParcel();
  let read = 0;

  function lock(at: number): boolean {
    for (let turn = 0; turn < turns; turn++) if (Atomics.compareExchange(i32, at, 0, 1) === 0) return true;
    return false;
  }

  function write(start: number, size: number): number {
    const written = u32[(start + position.written) >> 2]!;
    const read = Atomics.load(u32, (start + position.read) >> 2);
    const place = written % capacity;
    const skip = place + size > capacity ? capacity - place : 0;
    if (((written - read) >>> 0) + size + skip > capacity) return 0;
    if (skip > 0) u32[(start + position.data + place) >> 2] = 0;
    return start + position.data + (skip > 0 ? 0 : place);
  }

  /** Changes when a device, or what its frames belong to, is no more. */
  function generation(device: number): number {
    const slot = numbers.slotOf(device);
    switch (numbers.kindOf(device)) {
      case deviceKind.channel:
        return u32[(layout.sessions >> 2) + slot * session.words + session.generation]!;
      case deviceKind.unit:
        return u32[(layout.units >> 2) + slot * unit.words + unit.handle]!;
      default:
        return u32[(layout.ports >> 2) + slot * port.words + port.handle]!;
    }
  }

  return {
    generation,
    give(to, parcel) {
      const { at, length, name, local } = parcel;
      // The control thread, which programs know as the last, is woken by nobody: it takes what it gave itself.
      const index = to === arenas.length - 1 ? 0 : to + 1;
      if (to < 0 || to >= arenas.length || (index === 0 && own !== 0)) return false;
      const start = ring(index);
      const size = (field.bytes + length + 15) & ~15;
      if (!lock((start + position.lock) >> 2)) return false;
      const record = write(start, size);
      let idle = false;
      if (record !== 0) {
        const word = record >> 2;
        u32[word] = size;
        u32[word + field.device / 4] = parcel.device;
        u32[word + field.kind / 4] = parcel.kind | (parcel.framing === "ethernet" ? ethernetBit : 0);
        u32[word + field.program / 4] = parcel.program;
        u32[word + field.length / 4] = length;
        u32[word + field.named / 4] = name === 0 ? 0 : 1;
        u32[word + field.located / 4] = local === 0 ? 0 : 1;
        u32[word + field.number / 4] = parcel.number;
        u32[word + field.generation / 4] = parcel.generation;
        u32[word + field.port / 4] = parcel.port;
        if (name !== 0) u8.copyWithin(record + field.name, name, name + 28);
        if (local !== 0) u8.copyWithin(record + field.local, local, local + 16);
        u8.copyWithin(record + field.bytes, at, at + length);
        const written = u32[(start + position.written) >> 2]!;
        const next = record - start - position.data + size;
        const place = written % capacity;
        const advance = next > place ? next - place : capacity - place + next;
        Atomics.store(u32, (start + position.written) >> 2, (written + advance) >>> 0);
        // In this order: its owner says what it has read before it looks whether there is more.
        idle = written === Atomics.load(u32, (start + position.read) >> 2);
      }
      Atomics.store(i32, (start + position.lock) >> 2, 0);
      if (record === 0) return false;
      // Its owner looks into the ring before it sleeps; only if it saw nothing there does it need to be woken.
      if (idle && index !== own) wake(index);
      return true;
    },
    take(most, each) {
      const start = ring(own);
      read = u32[(start + position.read) >> 2]!;
      let count = 0;
      while (count < most && read !== Atomics.load(u32, (start + position.written) >> 2)) {
        const place = read % capacity;
        const record = start + position.data + place;
        const size = u32[record >> 2]!;
        if (size === 0) {
          read = (read + capacity - place) >>> 0;
          continue;
        }
        const word = record >> 2;
        const kind = u32[word + field.kind / 4]!;
        frame.device = u32[word + field.device / 4]!;
        frame.kind = kind & (ethernetBit - 1);
        frame.framing = (kind & ethernetBit) === 0 ? "native" : "ethernet";
        frame.program = u32[word + field.program / 4]!;
        frame.number = u32[word + field.number / 4]!;
        frame.generation = u32[word + field.generation / 4]!;
        frame.port = u32[word + field.port / 4]!;
        frame.length = u32[word + field.length / 4]!;
        frame.at = record + field.bytes;
        frame.name = u32[word + field.named / 4] === 0 ? 0 : record + field.name;
        frame.local = u32[word + field.located / 4] === 0 ? 0 : record + field.local;
        each(frame);
        read = (read + size) >>> 0;
        count++;
      }
      return count;
    },
    release() {
      Atomics.store(u32, (ring(own) + position.read) >> 2, read);
    },
    waiting: () => u32[(ring(own) + position.read) >> 2] !== Atomics.load(u32, (ring(own) + position.written) >> 2),
  };
}
