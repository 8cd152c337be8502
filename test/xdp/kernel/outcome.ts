/** What a program did to frames and maps, comparable. */
export interface Outcome {
  readonly runs: readonly { readonly verdict: number; readonly frame: Uint8Array }[];
  /** By map of the program: its elements in the order of their keys, `key=value` in hexadecimal. */
  readonly maps: readonly (readonly string[])[];
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export const dumpOf = (entries: readonly (readonly [Uint8Array, Uint8Array])[]): readonly string[] =>
  entries.map(([key, value]) => `${hex(key)}=${hex(value)}`).sort();

/**
 * The key of an LPM trie without the bits behind its prefix, which say nothing: the kernel shows them as they were given, ours are zero.
 * struct bpf_lpm_trie_key { __u32 prefixlen; __u8 data[]; }
 */
export function maskPrefix(key: Uint8Array): Uint8Array {
  const bits = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
  return key.map((byte, index) => {
    const from = (index - 4) * 8;
    return index < 4 || bits >= from + 8 ? byte : bits <= from ? 0 : byte & (0xff00 >> (bits - from));
  });
}

/** The first thing that differs, in words; undefined: nothing does. */
export function difference(one: Outcome, other: Outcome, names: readonly [string, string]): string | undefined {
  for (const [index, run] of one.runs.entries()) {
    const second = other.runs[index];
    if (second === undefined) return `frame ${index}: ${names[1]} did not run it`;
    if (run.verdict !== second.verdict) {
      return `frame ${index}: verdict ${run.verdict} (${names[0]}), ${second.verdict} (${names[1]})`;
    }
    if (hex(run.frame) !== hex(second.frame)) {
      return `frame ${index}: bytes\n  ${names[0]}: ${hex(run.frame)}\n  ${names[1]}: ${hex(second.frame)}`;
    }
  }
  for (const [index, map] of one.maps.entries()) {
    const second = other.maps[index] ?? [];
    const at = map.findIndex((line, place) => line !== second[place]);
    if (at >= 0 || map.length !== second.length) {
      return `map ${index}:\n  ${names[0]}: ${map.join(" ")}\n  ${names[1]}: ${second.join(" ")}`;
    }
  }
  return undefined;
}
