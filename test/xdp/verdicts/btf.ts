/** BTF for the rows that need it, as bytes: a value with a lock in it, and prototypes for the program and what it calls. */

const text = ["", "int", "long", "bpf_spin_lock", "val", "cell", "lock", "value", "ctx", "main", "index", "function"];
const offsets = new Map<string, number>();
let strings = "";
for (const word of text) {
  offsets.set(word, strings.length);
  strings += `${word}\0`;
}
const name = (word: string): number => offsets.get(word)!;
const info = (kind: number, members = 0): number => (kind << 24) | members;

/** Type ids. */
export const typeId = { int: 1, long: 2, lock: 3, cell: 4, pointer: 5, main: 7, callee: 9 } as const;

const types: readonly (readonly number[])[] = [
  [name("int"), info(1), 4, (1 << 24) | 32],
  [name("long"), info(1), 8, (1 << 24) | 64],
  [name("bpf_spin_lock"), info(4, 1), 4, name("val"), 1, 0],
  [name("cell"), info(4, 2), 16, name("lock"), 3, 0, name("value"), 2, 64],
  [0, info(2), 0],
  [0, info(13, 1), 1, name("ctx"), 5],
  [name("main"), info(12, 1), 6],
  [0, info(13, 2), 2, name("index"), 1, name("ctx"), 5],
  [name("function"), info(12, 0), 8],
];

export function verdictBtf(): Uint8Array {
  const typeBytes = new Uint8Array(new Uint32Array(types.flat()).buffer);
  const stringBytes = new TextEncoder().encode(strings);
  const header = new DataView(new ArrayBuffer(24));
  header.setUint16(0, 0xeb9f, true);
  header.setUint8(2, 1);
  header.setUint32(4, 24, true);
  header.setUint32(12, typeBytes.length, true);
  header.setUint32(16, typeBytes.length, true);
  header.setUint32(20, stringBytes.length, true);
  return Uint8Array.of(...new Uint8Array(header.buffer), ...typeBytes, ...stringBytes);
}
