import { describe, expect, it } from "vitest";
import type { Btf, BtfType } from "./btf.js";
import { parseBtf } from "./parse.js";
import { resolveId, sizeOf } from "./resolve.js";
import { readValue, writeValue } from "./value.js";

const int = (name: string, size: number, signed = false, char = false): BtfType => ({
  kind: "int",
  name,
  size,
  signed,
  char,
  bool: false,
  bits: size * 8,
  offset: 0,
});

const btf: Btf = {
  types: [
    { kind: "void" },
    int("unsigned int", 4),
    int("long", 8, true),
    int("char", 1, true, true),
    { kind: "array", type: 3, indexType: 1, count: 4 },
    {
      kind: "enum",
      name: "colour",
      size: 4,
      signed: false,
      values: [
        { name: "RED", value: 0n },
        { name: "BLUE", value: 5n },
      ],
    },
    {
      kind: "struct",
      name: "",
      size: 4,
      members: [
        { name: "low", type: 1, offset: 0, bits: 5 },
        { name: "high", type: 1, offset: 5, bits: 11 },
      ],
    },
    {
      kind: "struct",
      name: "record",
      size: 24,
      members: [
        { name: "count", type: 2, offset: 0, bits: 0 },
        { name: "label", type: 4, offset: 64, bits: 0 },
        { name: "colour", type: 5, offset: 96, bits: 0 },
        { name: "", type: 6, offset: 128, bits: 0 },
        { name: "ids", type: 8, offset: 160, bits: 0 },
      ],
    },
    { kind: "array", type: 9, indexType: 1, count: 2 },
    int("short", 2, true),
    { kind: "typedef", name: "loop", type: 10 },
    { kind: "struct", name: "self", size: 8, members: [{ name: "me", type: 11, offset: 0, bits: 0 }] },
    { kind: "array", type: 13, indexType: 1, count: 0xffff_ffff },
    { kind: "struct", name: "empty", size: 0, members: [] },
  ],
};

describe("values by BTF", () => {
  it("are written and read back: members, bit fields, enums, strings, members of anonymous members", () => {
    const view = new DataView(new ArrayBuffer(24));
    const value = { count: -3n, label: "abc", colour: "BLUE", low: 17, high: 1025, ids: [-1, 7] };
    writeValue(btf, 7, view, 0, value);
    expect([...new Uint8Array(view.buffer)]).toEqual([
      253, 255, 255, 255, 255, 255, 255, 255, 97, 98, 99, 0, 5, 0, 0, 0, 0x31, 0x80, 0, 0, 255, 255, 7, 0,
    ]);
    expect(readValue(btf, 7, view, 0, { strings: true })).toEqual(value);
  });

  it("that do not fit are refused, by name of the member", () => {
    const view = new DataView(new ArrayBuffer(24));
    expect(() => writeValue(btf, 7, view, 0, { low: 32 })).toThrow(/low: 32 is out of range/);
    expect(() => writeValue(btf, 7, view, 0, { ids: [1] })).toThrow(/ids: 1 elements where 2 belong/);
    expect(() => writeValue(btf, 7, view, 0, { ids: [1, "x"] })).toThrow(/ids\[1\]/);
    expect(() => writeValue(btf, 7, view, 0, { colour: "GREEN" })).toThrow(/colour.*RED,BLUE/);
    expect(() => writeValue(btf, 7, view, 0, { nothing: 1 })).toThrow(/nothing: .*no such member.*count, label/);
    expect(() => writeValue(btf, 7, view, 1, {})).toThrow(/24 bytes from 1 on/);
  });

  it("may be bytes, as bpftool prints them", () => {
    const view = new DataView(new ArrayBuffer(4));
    writeValue(btf, 1, view, 0, ["0x01", "0x02", "0x00", "0x00"]);
    expect(readValue(btf, 1, view, 0)).toBe(0x201);
  });

  it("of hostile types end in an error", () => {
    const view = new DataView(new ArrayBuffer(64));
    expect(() => resolveId(btf, 10)).toThrow(/no end of typedefs/);
    expect(() => readValue(btf, 11, view, 0)).toThrow(/contains itself/);
    expect(() => readValue(btf, 12, view, 0)).toThrow(/an array of 4294967295/);
    expect(() => sizeOf(btf, 99)).toThrow(/no type 99/);
  });
});

describe("a .BTF section", () => {
  const section = (types: readonly number[], strings = "\0int\0"): Uint8Array => {
    const bytes = new Uint8Array(24 + types.length * 4 + strings.length);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, 0xeb9f, true);
    view.setUint8(2, 1);
    [24, 0, types.length * 4, types.length * 4, strings.length].forEach((word, index) => {
      view.setUint32(4 + index * 4, word, true);
    });
    types.forEach((word, index) => {
      view.setUint32(24 + index * 4, word, true);
    });
    bytes.set(new TextEncoder().encode(strings), 24 + types.length * 4);
    return bytes;
  };

  it("is parsed", () => {
    const { types } = parseBtf(section([1, 1 << 24, 4, (1 << 24) | 32, 0, 2 << 24, 1])).btf;
    expect(types).toEqual([{ kind: "void" }, int("int", 4, true), { kind: "pointer", type: 1 }]);
  });

  it("that is malformed is refused", () => {
    expect(() => parseBtf(section([0, 2 << 24, 9]))).toThrow(/type 1 refers to type 9 of 2/);
    expect(() => parseBtf(section([0, 31 << 24, 0]))).toThrow(/kind 31/);
    expect(() => parseBtf(section([0, (4 << 24) | 5, 0]))).toThrow(/type 1 reaches beyond/);
    expect(() => parseBtf(section([50, 2 << 24, 0]))).toThrow(/a string at 50/);
    expect(() => parseBtf(section([]).subarray(0, 20))).toThrow(/ends after 20/);
  });
});
