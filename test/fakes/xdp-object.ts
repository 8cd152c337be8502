/** A small eBPF object file, made by hand: programs of section `xdp`, without maps or BTF. */

/** Instructions by their bytes, as RFC 9669 has them. */
export const code = {
  /** r0 = value; exit */
  answer: (value: number): Uint8Array => Uint8Array.of(0xb7, 0, 0, 0, value & 0xff, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0),
  /** r0 = *(u8 *)(r0 + 0); exit: what no verifier lets pass. */
  wild: Uint8Array.of(0x71, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0),
} as const;

const align8 = (size: number): number => Math.ceil(size / 8) * 8;

/** Each program is one function of section `xdp`, in this order. */
export function xdpObject(programs: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const text = new TextEncoder();
  const strings: number[] = [0];
  const string = (value: string): number => {
    const at = strings.length;
    strings.push(...text.encode(value), 0);
    return at;
  };
  const names = [".strtab", ".symtab", "xdp", "license"].map(string);
  const entries = Object.entries(programs);
  const body = Uint8Array.from(entries.flatMap(([, bytes]) => [...bytes]));
  const symbols = new DataView(new ArrayBuffer(24 * (entries.length + 2)));
  const symbol = (index: number, name: string, section: number, info: number, value: number, size: number): void => {
    const at = index * 24;
    symbols.setUint32(at, string(name), true);
    symbols.setUint8(at + 4, info);
    symbols.setUint16(at + 6, section, true);
    symbols.setBigUint64(at + 8, BigInt(value), true);
    symbols.setBigUint64(at + 16, BigInt(size), true);
  };
  let offset = 0;
  for (const [index, [name, bytes]] of entries.entries()) {
    symbol(index + 1, name, 3, 0x12, offset, bytes.length);
    offset += bytes.length;
  }
  symbol(entries.length + 1, "_license", 4, 0x11, 0, 4);

  const [strtab = 0, symtab = 0, xdp = 0, license = 0] = names;
  const sections = [
    { name: 0, type: 0, flags: 0, bytes: new Uint8Array(), link: 0, info: 0, entry: 0 },
    { name: strtab, type: 3, flags: 0, bytes: Uint8Array.from(strings), link: 0, info: 0, entry: 0 },
    { name: symtab, type: 2, flags: 0, bytes: new Uint8Array(symbols.buffer), link: 1, info: 1, entry: 24 },
    { name: xdp, type: 1, flags: 6, bytes: body, link: 0, info: 0, entry: 0 },
    { name: license, type: 1, flags: 3, bytes: text.encode("GPL\0"), link: 0, info: 0, entry: 0 },
  ];
  const places: number[] = [];
  let end = 64;
  for (const { bytes } of sections) {
    places.push(end);
    end = align8(end + bytes.length);
  }
  const file = new Uint8Array(end + 64 * sections.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 1, true);
  view.setUint16(18, 247, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(40, BigInt(end), true);
  view.setUint16(52, 64, true);
  view.setUint16(58, 64, true);
  view.setUint16(60, sections.length, true);
  view.setUint16(62, 1, true);
  for (const [index, { name, type, flags, bytes, link, info, entry }] of sections.entries()) {
    const place = places[index] ?? 0;
    file.set(bytes, place);
    const at = end + index * 64;
    view.setUint32(at, name, true);
    view.setUint32(at + 4, type, true);
    view.setBigUint64(at + 8, BigInt(flags), true);
    view.setBigUint64(at + 24, BigInt(index === 0 ? 0 : place), true);
    view.setBigUint64(at + 32, BigInt(bytes.length), true);
    view.setUint32(at + 40, link, true);
    view.setUint32(at + 44, info, true);
    view.setBigUint64(at + 48, 8n, true);
    view.setBigUint64(at + 56, BigInt(entry), true);
  }
  return file;
}
