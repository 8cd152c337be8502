/**
 * A map's record in the shared memory. What a program holds as a pointer to a map is the offset of this record, so that a map out of a map
 * of maps is as good as one that the program names. Word offsets; a record is 128 bytes, aligned to 64.
 */
export const mapRecord = {
  type: 0,
  keySize: 1,
  valueSize: 2,
  maxEntries: 3,
  flags: 4,
  /** Handle of the map in its store; 0: the record is free. */
  id: 5,
  /** Where its values lie, and how many bytes from there on a program may touch (for per-CPU maps: of one CPU). */
  values: 6,
  valuesBytes: 7,
  /** Bytes from one element (or value) to the next. */
  stride: 8,
  /** Per-CPU maps: bytes from one CPU's values to the next one's; else 0. */
  cpuStride: 9,
  /** Elements in use, where the type counts them. */
  count: 10,
  /** Lock of writers; sequence of changes. */
  lock: 11,
  sequence: 12,
  /** Offset of the value's bpf_spin_lock and 1; 0: none. */
  spinLock: 13,
  /** Start of buckets or nodes, and what else a type wants. */
  table: 14,
  mask: 15,
  own: 16,
  words: 32,
} as const;

export const mapRecordBytes = mapRecord.words * 4;
