/** bloom_filter: as many bits as the kernel gives it, n·k·7/5 rounded up to a power of two. */
import type { XdpMemory } from "../memory.js";
import { errno, type MapAccess, noOperations, recordWord, setRecordWord } from "./access.js";
import { mapRecord } from "./descriptor.js";
import { keyHasher, seedBytes, writeSeeds } from "./hashing.js";
import { areas, type Planner } from "./plan.js";

const bloomWord = { seeds: mapRecord.own, hashes: mapRecord.own + 1 } as const;

export const planBloom: Planner = (spec) => {
  const hashes = (spec.extra ?? 0) & 15 || 5;
  const bits = 2 ** Math.ceil(Math.log2(Math.max(64, (spec.maxEntries * hashes * 7) / 5)));
  const each = seedBytes(spec.valueSize);
  const { at, bytes } = areas({ seeds: each * hashes, bits: bits / 8 });
  return {
    bytes,
    write(memory, record, base) {
      setRecordWord(memory, record, mapRecord.table, base + at.bits);
      setRecordWord(memory, record, mapRecord.mask, bits - 1);
      setRecordWord(memory, record, bloomWord.seeds, base + at.seeds);
      setRecordWord(memory, record, bloomWord.hashes, hashes);
      // All at once, or the functions of a map with BPF_F_ZERO_SEED would all be the same.
      writeSeeds(memory, base + at.seeds, (each * hashes) / 2 - 4, (spec.flags & 64) !== 0);
    },
  };
};

export function attachBloom(memory: XdpMemory, record: number): MapAccess {
  const { i32 } = memory;
  const valueSize = recordWord(memory, record, mapRecord.valueSize);
  const table = recordWord(memory, record, mapRecord.table) >>> 2;
  const mask = recordWord(memory, record, mapRecord.mask);
  const seeds = recordWord(memory, record, bloomWord.seeds);
  const hashes = Array.from({ length: recordWord(memory, record, bloomWord.hashes) }, (_, index) =>
    keyHasher(memory, seeds + index * seedBytes(valueSize), valueSize),
  );
  return {
    ...noOperations,
    type: "bloom_filter",
    keySize: 0,
    valueSize,
    push(value, flags) {
      if (flags !== 0) return -errno.EINVAL;
      for (const hash of hashes) {
        const bit = (hash(value) & mask) >>> 0;
        Atomics.or(i32, table + (bit >>> 5), 1 << (bit & 31));
      }
      return 0;
    },
    peek(value) {
      for (const hash of hashes) {
        const bit = (hash(value) & mask) >>> 0;
        if (((i32[table + (bit >>> 5)] as number) & (1 << (bit & 31))) === 0) return -errno.ENOENT;
      }
      return 0;
    },
    next: () => -errno.EOPNOTSUPP,
    remove: () => -errno.EOPNOTSUPP,
  };
}
