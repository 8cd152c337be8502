import { describe, expect, it } from "vitest";
import { long, seed } from "../../../test/seed.js";
import { seededWords } from "../../random.js";
import { assemble } from "./assembler.js";
import { decodeProgram, encodeProgram } from "./decode.js";
import { disassemble, listProgram } from "./disassembler.js";
import type { Instruction } from "./instruction.js";
import { instructionSet, type Operation, operandsOf } from "./set.js";
import { validateInstruction, validateProgram } from "./validate.js";

const interesting = [0, 1, -1, 7, 127, -128, 0x7fffffff, -0x80000000, 0x12345678];

function anyOf(row: Operation, word: () => number): Instruction[] {
  const used = operandsOf.get(row) as ReadonlySet<string>;
  const number = () => (word() & 1 ? (interesting[word() % interesting.length] as number) : word() | 0);
  const imm = row.imm ?? (used.has("imm") ? (row.width === undefined ? number() : word() % row.width) : 0);
  const offset = row.offset ?? (used.has("offset") ? (number() << 16) >> 16 : 0);
  const src = row.src ?? (used.has("src") ? word() % 11 : 0);
  const first = { opcode: row.opcode, dst: used.has("dst") ? word() % 11 : 0, src, offset, imm };
  const high = { opcode: 0, dst: 0, src: 0, offset: 0, imm: used.has("high") ? number() : 0 };
  return row.opcode === 0x18 ? [first, high] : [first];
}

describe("assembler and disassembler", () => {
  it("write and read every operation with the same fields", () => {
    const word = seededWords(seed);
    for (const row of instructionSet) {
      for (let round = 0; round < (long ? 1000 : 20); round += 1) {
        const insns = anyOf(row, word);
        expect(validateProgram(insns, { refused: true }), row.name).toBeUndefined();
        const text = disassemble(insns);
        expect(text, row.name).not.toContain(".insn");
        expect(assemble(text), text).toEqual(insns);
        expect(assemble(listProgram(insns).join("\n")), text).toEqual(insns);
      }
    }
  });

  it("write and read whatever eight bytes hold", () => {
    const word = seededWords(seed);
    for (let round = 0; round < (long ? 100_000 : 2000); round += 1) {
      const bytes = Uint8Array.from({ length: 24 }, () => (word() & 3 ? word() : 0) & 255);
      const insns = decodeProgram(bytes);
      expect(encodeProgram(insns)).toEqual(bytes);
      expect(encodeProgram(decodeProgram(bytes, { bigEndian: true }), { bigEndian: true })).toEqual(bytes);
      expect(assemble(disassemble(insns))).toEqual(insns);
    }
  });

  it.each([
    ["b7 01 00 00 ff ff ff ff", "r1 = -1"],
    ["61 12 04 00 00 00 00 00", "r2 = *(u32 *)(r1 +4)"],
    ["64 03 00 00 04 00 00 00", "w3 <<= 4"],
    ["55 01 03 00 ff ff ff ff", "if r1 != 0xffffffff goto pc+3"],
    ["db 1a f8 ff 00 00 00 00", "lock *(u64 *)(r10 -8) += r1"],
    ["db 1a f8 ff 01 00 00 00", "r1 = atomic64_fetch_add((u64 *)(r10 -8), r1)"],
    ["c3 1a f8 ff f1 00 00 00", "r0 = atomic_cmpxchg((u32 *)(r10 -8), r0, r1)"],
    ["18 01 00 00 89 67 45 23 00 00 00 00 01 00 00 00", "r1 = 0x123456789 ll"],
    ["18 11 00 00 00 00 00 00 00 00 00 00 00 00 00 00", "r1 = map[flows]"],
    ["18 22 00 00 01 00 00 00 00 00 00 00 10 00 00 00", "r2 = map[.rodata][0]+16"],
    ["85 00 00 00 01 00 00 00", "call bpf_map_lookup_elem#1"],
    ["85 10 00 00 05 00 00 00", "call pc+5"],
    ["dc 01 00 00 10 00 00 00", "r1 = be16 r1"],
    ["d7 01 00 00 40 00 00 00", "r1 = bswap64 r1"],
    ["3f 21 01 00 00 00 00 00", "r1 s/= r2"],
    ["bf 21 08 00 00 00 00 00", "r1 = (s8)r2"],
    ["cc 21 00 00 00 00 00 00", "w1 s>>= w2"],
    ["06 00 00 00 00 00 01 00", "gotol pc+65536"],
    ["87 01 00 00 00 00 00 00", "r1 = -r1"],
    ["91 21 fe ff 00 00 00 00", "r1 = *(s8 *)(r2 -2)"],
    ["95 00 00 00 00 00 00 00", "exit"],
  ])("%s is %s", (bytes, text) => {
    const maps = ["flows", ".rodata"];
    const insns = decodeProgram(Uint8Array.from(bytes.split(" "), (byte) => Number.parseInt(byte, 16)));
    const helperName = (id: number) => (id === 1 ? "bpf_map_lookup_elem" : undefined);
    expect(disassemble(insns, { helperName, mapName: (index) => maps[index] })).toBe(text);
    expect(assemble(text, { maps })).toEqual(insns);
  });

  it("resolves labels over wide loads, and names", () => {
    const insns = assemble(
      `start: r1 = 0x1 ll ; comment
       if r1 == r2 goto end # comment
       call map_lookup_elem
       call f
       goto start
       f: end:
       exit`,
      { helpers: new Map([["bpf_map_lookup_elem", 1]]) },
    );
    expect(insns.map(({ offset, imm }) => [offset, imm])).toEqual([
      [0, 1],
      [0, 0],
      [3, 0],
      [0, 1],
      [0, 1],
      [-6, 0],
      [0, 0],
    ]);
  });

  it.each([
    ["r1 += ", /line 1, column 7: expected .*number of 32 bits.*the line ends/],
    ["exit\n r11 = 1", /line 2, column 2: expected a register r0 to r10/],
    ["r1 = 1 2", /column 8: expected .*the end of the line.*"2"/],
    ["r1 <<= 64", /column 8: expected a number from 0 to 63/],
    ["goto nowhere", /column 6: .*no label "nowhere"/],
    ["a:\na: exit", /line 2, column 1: the label "a" is there already/],
    ["call nothing", /column 6: expected the name of a helper/],
  ])("refuses %s", (text, message) => {
    expect(() => assemble(text)).toThrow(message);
  });

  it.each([
    [{ opcode: 0xff }, "opcode 0xff is not in RFC 9669"],
    [{ opcode: 0x67, imm: 64 }, "insn 0 (lsh_imm): a shift by 64 is out of range: 0 to 63"],
    [{ opcode: 0x20 }, "legacy packet access"],
    [{ opcode: 0x8d }, "callx"],
    [{ opcode: 0xb7, offset: 1 }, "field offset is reserved"],
    [{ opcode: 0xd4, imm: 17 }, "imm is 17, and must be 16, 32 or 64"],
    [{ opcode: 0xb7, dst: 11 }, "there is no register r11"],
    [{ opcode: 0x18 }, "ends within"],
  ])("finds %o malformed", (part, message) => {
    const insn = { dst: 0, src: 0, offset: 0, imm: 0, ...part };
    expect(validateInstruction([insn], 0)?.message).toContain(message);
  });
});
