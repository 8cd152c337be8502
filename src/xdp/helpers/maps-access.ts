/**
 * What helpers ask of a map. Keys, values and records are offsets into the shared memory; answers below 0 are errnos. What a type cannot
 * do is undefined.
 */
export interface MapAccess {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  /** Offset of the value for this CPU (of a map of maps: the inner map's record), 0: none. */
  readonly lookup?: ((key: number) => number) | undefined;
  readonly update?: ((key: number, value: number, flags: number) => number) | undefined;
  readonly remove?: ((key: number) => number) | undefined;
  readonly lookupCpu?: ((key: number, cpu: number) => number) | undefined;
  readonly push?: ((value: number, flags: number) => number) | undefined;
  readonly pop?: ((value: number) => number) | undefined;
  readonly peek?: ((value: number) => number) | undefined;
  /** Calls with each element until it gives something but 0; answers how many it called with. */
  readonly forEach?: ((visit: (key: number, value: number) => number) => number) | undefined;
  /** Redirect maps: whether there is an entry for the key, given as a word. */
  readonly hasTarget?: ((key: number) => boolean) | undefined;
  /** Ring buffers: offset of a record of `bytes`, 0: no room. */
  readonly reserve?: ((bytes: number) => number) | undefined;
  readonly submit?: ((record: number, flags: number) => void) | undefined;
  readonly discard?: ((record: number, flags: number) => void) | undefined;
  readonly query?: ((what: number) => number) | undefined;
  /** Bytes of a reserved record. */
  readonly recordBytes?: ((record: number) => number) | undefined;
  /** Perf buffers: writes a record of two pieces for a CPU; an errno if that has no room or no reader. */
  readonly output?:
    | ((cpu: number, data: number, bytes: number, frame: number, frameBytes: number) => number)
    | undefined;
}
