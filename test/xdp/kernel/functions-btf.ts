/**
 * BTF that names functions f0, f1, …: the kernel wants to know the functions of a program that has callbacks. Type 1 is int, 2 is
 * `int (void)`, 3 and on are the functions.
 */
export function functionsBtf(count: number): Uint8Array {
  const names = ["", "int", ...Array.from({ length: count }, (_, index) => `f${index}`)];
  const strings = new TextEncoder().encode(names.map((name) => `${name}\0`).join(""));
  const offsetOf = (index: number): number => names.slice(0, index).reduce((sum, name) => sum + name.length + 1, 0);
  const kind = { int: 1, func: 12, prototype: 13 } as const;
  const types = [offsetOf(1), kind.int << 24, 4, (1 << 24) | 32, 0, kind.prototype << 24, 1];
  for (let index = 0; index < count; index++) types.push(offsetOf(2 + index), kind.func << 24, 2);
  const header = [0x0001_eb9f, 24, 0, types.length * 4, types.length * 4, strings.length];
  const bytes = new Uint8Array(24 + types.length * 4 + strings.length);
  bytes.set(new Uint8Array(new Uint32Array([...header, ...types]).buffer));
  bytes.set(strings, 24 + types.length * 4);
  return bytes;
}
