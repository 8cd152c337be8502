import { describe, expect, it } from "vitest";
import { parseElf } from "./elf.js";

/** A file of a header, a string table for names and one section of code. */
function tiny(alter: (view: DataView) => void = () => {}): Uint8Array {
  const names = new TextEncoder().encode("\0xdp\0.strtab\0");
  const bytes = new Uint8Array(64 + 16 + 16 + 3 * 64);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 1, true);
  view.setUint16(18, 247, true);
  view.setUint32(40, 96, true);
  view.setUint16(58, 64, true);
  view.setUint16(60, 3, true);
  view.setUint16(62, 2, true);
  bytes.set([0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95], 64);
  bytes.set(names, 80);
  const section = (index: number, name: number, type: number, flags: number, offset: number, size: number): void => {
    const at = 96 + index * 64;
    view.setUint32(at, name, true);
    view.setUint32(at + 4, type, true);
    view.setUint32(at + 8, flags, true);
    view.setUint32(at + 24, offset, true);
    view.setUint32(at + 32, size, true);
  };
  section(1, 1, 1, 6, 64, 16);
  section(2, 5, 3, 0, 80, names.length);
  alter(view);
  return bytes;
}

describe("an ELF object", () => {
  it("has sections with names and data", () => {
    const { sections, symbols } = parseElf(tiny());
    expect(sections.map(({ name }) => name)).toEqual(["", "xdp", ".strtab"]);
    expect(sections[1]?.data[8]).toBe(0x95);
    expect(symbols).toEqual([]);
  });

  it("of another kind is refused, by what it is", () => {
    expect(() => parseElf(new Uint8Array(80))).toThrow(/not an ELF file/);
    expect(() => parseElf(tiny((view) => view.setUint8(4, 1)))).toThrow(/32-bit/);
    expect(() => parseElf(tiny((view) => view.setUint8(5, 2)))).toThrow(/big-endian.*bpfel/);
    expect(() => parseElf(tiny((view) => view.setUint16(18, 62, true)))).toThrow(/machine 62/);
    expect(() => parseElf(tiny((view) => view.setUint16(16, 2, true)))).toThrow(/type 2/);
  });

  it("with lengths that lie is refused", () => {
    expect(() => parseElf(tiny((view) => view.setUint32(96 + 64 + 32, 4000, true)))).toThrow(/section 1 .*beyond/);
    expect(() => parseElf(tiny((view) => view.setUint32(96 + 64 + 32, 200, true)))).toThrow(/overlap/);
    expect(() => parseElf(tiny((view) => view.setUint32(96 + 64, 99, true)))).toThrow(/name of section 1/);
    expect(() => parseElf(tiny((view) => view.setUint16(60, 4000, true)))).toThrow(/4000 section headers/);
    expect(() => parseElf(tiny().subarray(0, 40))).toThrow(/ends after 40/);
  });
});
