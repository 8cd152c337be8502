/**
 * BTF for generated programs. Type 1 is int, 2 is `int (void)`, 3 to 34 are static functions f0, f1, …, then `int (int, int)` and four
 * global functions g0 … of it, and a struct with a lock and a number (`cellType` of generate/maps.ts).
 */
const statics = 32;
const globals = 4;
const kind = { int: 1, struct: 4, func: 12, prototype: 13 } as const;
export const firstStatic = 3;
export const firstGlobal = firstStatic + statics + 1;
export const mostFunctions = statics;
export const mostGlobals = globals;

export function functionsBtf(): Uint8Array {
  let strings = "\0";
  const name = (text: string): number => {
    const at = strings.length;
    strings += `${text}\0`;
    return at;
  };
  const info = (of: number, members = 0): number => (of << 24) | members;
  const words: number[] = [name("int"), info(kind.int), 4, (1 << 24) | 32, 0, info(kind.prototype), 1];
  for (let index = 0; index < statics; index++) words.push(name(`f${index}`), info(kind.func), 2);
  const prototype = firstStatic + statics;
  words.push(0, info(kind.prototype, 2), 1, name("a"), 1, name("b"), 1);
  for (let index = 0; index < globals; index++) words.push(name(`g${index}`), info(kind.func, 1), prototype);
  const long = firstGlobal + globals;
  words.push(name("long"), info(kind.int), 8, (1 << 24) | 64);
  words.push(name("bpf_spin_lock"), info(kind.struct, 1), 4, name("val"), 1, 0);
  words.push(name("cell"), info(kind.struct, 2), 16, name("lock"), long + 1, 0, name("value"), long, 64);
  const text = new TextEncoder().encode(strings);
  const header = [0x0001_eb9f, 24, 0, words.length * 4, words.length * 4, text.length];
  const bytes = new Uint8Array(24 + words.length * 4 + text.length);
  bytes.set(new Uint8Array(new Uint32Array([...header, ...words]).buffer));
  bytes.set(text, 24 + words.length * 4);
  return bytes;
}
