/**
 * Frames on their way to the control thread: one ring per worker in shared memory, one writer, one reader. A record does not
 * wrap around; a record of kind `skip` fills the end.
 *
 *   record: size, kind, object, length, name (28), name present, local (16), local present, unit, then the
 *   bytes
 */
import type { Memory } from "../../system/memory.js";
import { puntRingBytes } from "./layout.js";

export const puntKind = {
  skip: 0,
  port: 1,
  channel: 2,
  unit: 3,
  float: 4,
  ip: 5,
  tapIn: 6,
  tapOut: 7,
  /** A frame for the reader of an xskmap; a line of a program. */
  xsk: 8,
  trace: 9,
} as const;

const field = {
  size: 0,
  kind: 4,
  object: 8,
  length: 12,
  name: 16,
  named: 44,
  local: 48,
  located: 64,
  unit: 68,
  bytes: 72,
} as const;
/** The ring's positions count bytes and wrap at 2^32; each has a cache line of its own. */
const position = { written: 0, read: 64, data: 128 } as const;

export interface PuntWriter {
  /**
   * Appends a record; `unit` is a handle or 0. `name` and `local` are offsets of a sockaddr and an address, or 0. False when fewer than `reserve`
   * bytes would remain free.
   */
  write(
    kind: number,
    object: number,
    at: number,
    length: number,
    name: number,
    local: number,
    reserve: number,
    unit?: number,
  ): boolean;
}

export function createPuntWriter({ i32, u32, u8 }: Memory, ring: number): PuntWriter {
  const data = ring + position.data;
  const copy = (to: number, from: number, length: number) => void u8.copyWithin(to, from, from + length);
  return {
    write(kind, object, at, length, name, local, reserve, unit = 0) {
      const written = u32[(ring + position.written) >> 2]!;
      const used = (written - Atomics.load(u32, (ring + position.read) >> 2)) >>> 0;
      const size = (field.bytes + length + 7) & ~7;
      const toEnd = puntRingBytes - (written % puntRingBytes);
      const skip = size > toEnd ? toEnd : 0;
      if (used + skip + size + reserve > puntRingBytes) return false;
      if (skip > 0) {
        i32[(data + (written % puntRingBytes) + field.size) >> 2] = skip;
        i32[(data + (written % puntRingBytes) + field.kind) >> 2] = puntKind.skip;
      }
      const record = data + ((written + skip) % puntRingBytes);
      i32[(record + field.size) >> 2] = size;
      i32[(record + field.kind) >> 2] = kind;
      i32[(record + field.object) >> 2] = object;
      i32[(record + field.length) >> 2] = length;
      i32[(record + field.named) >> 2] = name;
      if (name !== 0) copy(record + field.name, name, 28);
      i32[(record + field.located) >> 2] = local;
      if (local !== 0) copy(record + field.local, local, 16);
      i32[(record + field.unit) >> 2] = unit;
      copy(record + field.bytes, at, length);
      Atomics.store(u32, (ring + position.written) >> 2, (written + skip + size) >>> 0);
      return true;
    },
  };
}

/** A record in place; offsets are valid until the reader moves on. */
export interface PuntRecord {
  readonly kind: number;
  readonly object: number;
  readonly at: number;
  readonly length: number;
  /** Offsets, or 0. */
  readonly name: number;
  readonly local: number;
  readonly unit: number;
}

/** Hands over at most `limit` records, oldest first. Answers whether there are more. */
export type PuntReader = (limit: number, take: (record: PuntRecord) => void) => boolean;

export function createPuntReader({ i32, u32 }: Memory, ring: number): PuntReader {
  const data = ring + position.data;
  return (limit, take) => {
    let read = u32[(ring + position.read) >> 2]!;
    for (let taken = 0; taken < limit; ) {
      if (read === Atomics.load(u32, (ring + position.written) >> 2)) return false;
      const record = data + (read % puntRingBytes);
      const word = (offset: number): number => i32[(record + offset) >> 2]!;
      if (word(field.kind) !== puntKind.skip) {
        taken++;
        take({
          kind: word(field.kind),
          object: word(field.object) >>> 0,
          at: record + field.bytes,
          length: word(field.length),
          name: word(field.named) === 0 ? 0 : record + field.name,
          local: word(field.located) === 0 ? 0 : record + field.local,
          unit: word(field.unit) >>> 0,
        });
      }
      read = (read + word(field.size)) >>> 0;
      Atomics.store(u32, (ring + position.read) >> 2, read);
    }
    return true;
  };
}
