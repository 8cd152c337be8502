/** Objects and instructions spoiled at random: bytes of the whole file, of its headers, of its BTF, of its code, and programs by the slot. */
import type { Instruction } from "../../../src/xdp/insn/instruction.js";
import type { ProgramSpec } from "../../../src/xdp/spec.js";
import type { Draw } from "../generate/random.js";

/** What most parsers have not thought of. */
const words = [
  0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0xff_ffff, 0x100_0000,
  0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_fffe, 0xffff_ffff,
];

interface Part {
  readonly name: string;
  readonly at: number;
  readonly size: number;
}

const headerBytes = 64;
const sectionBytes = 64;

/** Where the sections of a sound 64-bit object lie, and its table of sections. */
export function partsOf(bytes: Uint8Array): readonly Part[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const table = Number(view.getBigUint64(40, true));
  const count = view.getUint16(60, true);
  const at = (index: number, field: number): number =>
    Number(view.getBigUint64(table + index * sectionBytes + field, true));
  const names = at(view.getUint16(62, true), 24);
  const parts: Part[] = [
    { name: "header", at: 0, size: headerBytes },
    { name: "sections", at: table, size: count * sectionBytes },
  ];
  for (let index = 1; index < count; index++) {
    const from = names + view.getUint32(table + index * sectionBytes, true);
    const name = Buffer.from(bytes.subarray(from, bytes.indexOf(0, from))).toString("latin1");
    // SHT_NOBITS has none.
    if (view.getUint32(table + index * sectionBytes + 4, true) === 8) continue;
    parts.push({ name, at: at(index, 24), size: at(index, 32) });
  }
  return parts.filter(({ size }) => size > 0);
}

type Spoil = (draw: Draw, bytes: Uint8Array, { at, size }: Part) => void;

const spoils: readonly Spoil[] = [
  (draw, bytes, { at, size }) => {
    bytes[at + draw.below(size)]! ^= 1 << draw.below(8);
  },
  (draw, bytes, { at, size }) => {
    bytes[at + draw.below(size)] = draw.word();
  },
  (draw, bytes, { at, size }) => {
    if (size < 4) return;
    new DataView(bytes.buffer).setUint32(at + draw.below(size >> 2) * 4, draw.pick(words), true);
  },
  (draw, bytes, { at, size }) => {
    if (size < 4) return;
    const where = at + draw.below(size >> 2) * 4;
    const view = new DataView(bytes.buffer);
    view.setUint32(where, (view.getUint32(where, true) + draw.between(-9, 9)) >>> 0, true);
  },
  // A run of bytes from elsewhere in the part.
  (draw, bytes, { at, size }) => {
    const length = Math.min(draw.pick([4, 8, 12, 16, 24, 64]), size);
    const [from, to] = [at + draw.below(size - length + 1), at + draw.below(size - length + 1)];
    bytes.copyWithin(to, from, from + length);
  },
  (draw, bytes, { at, size }) => {
    const length = Math.min(draw.pick([1, 4, 8, 16, 64]), size);
    const from = at + draw.below(size - length + 1);
    bytes.fill(draw.pick([0, 0xff]), from, from + length);
  },
];

const chosen: readonly (readonly [number, (name: string) => boolean])[] = [
  [2, (name) => name === "header"],
  [4, (name) => name === "sections"],
  [8, (name) => name === ".BTF"],
  [5, (name) => name === ".BTF.ext"],
  [3, (name) => name === ".symtab" || name === ".strtab"],
  [4, (name) => name.startsWith(".rel")],
  [6, (name) => /^(?:\.text|\??xdp)/.test(name)],
  [3, (name) => /^(?:maps|\.maps|license|\.rodata|\.data|\.bss)/.test(name)],
  [2, () => true],
];

/** One to four changes of one object, or a cut, or the head of one with the tail of another; objects as `pick` gives them. */
export function spoilObject(draw: Draw, pick: () => Uint8Array): Uint8Array {
  const bytes = pick().slice();
  if (draw.chance(3)) return bytes.slice(0, draw.below(bytes.length + 1));
  if (draw.chance(3)) {
    const other = pick();
    const at = draw.below(bytes.length);
    return Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(Math.min(at, other.length))]);
  }
  const parts = partsOf(bytes);
  const within = draw.weighed(chosen);
  for (let left = draw.between(1, 4); left > 0; left--) {
    const candidates = parts.filter(({ name }) => within(name));
    draw.pick(spoils)(draw, bytes, draw.pick(candidates.length > 0 ? candidates : parts));
  }
  return bytes;
}

const opcodes = (draw: Draw): number => draw.word() & 0xff;

type Change = (draw: Draw, insn: Instruction, all: readonly Instruction[]) => Instruction;

/** After which it mostly is an instruction still. */
const gentle: readonly Change[] = [
  (draw, insn) => ({ ...insn, dst: draw.below(10) }),
  (draw, insn) => (insn.src === 0 ? { ...insn, imm: draw.immediate() } : { ...insn, src: draw.below(11) }),
  (draw, insn) => (insn.offset === 0 ? insn : { ...insn, offset: insn.offset + draw.between(-4, 4) }),
  (draw, insn) => (insn.offset === 0 ? insn : { ...insn, offset: (draw.word() << 16) >> 16 }),
  (draw, insn) => (insn.imm === 0 ? insn : { ...insn, imm: draw.immediate() }),
  (draw, insn) => (insn.imm === 0 ? insn : { ...insn, imm: (insn.imm + draw.between(-2, 2)) | 0 }),
  (draw, _, all) => all[draw.below(all.length)]!,
];

const changes: readonly Change[] = [
  (draw) => ({
    opcode: opcodes(draw),
    dst: draw.below(16),
    src: draw.below(16),
    offset: (draw.word() << 16) >> 16,
    imm: draw.immediate(),
  }),
  (draw, insn) => ({ ...insn, opcode: insn.opcode ^ (1 << draw.below(8)) }),
  (draw, insn) => ({ ...insn, opcode: opcodes(draw) }),
  (draw, insn) => ({ ...insn, dst: draw.below(draw.chance(90) ? 11 : 16) }),
  (draw, insn) => ({ ...insn, src: draw.below(draw.chance(90) ? 11 : 16) }),
  (draw, insn) => ({ ...insn, offset: insn.offset + draw.between(-4, 4) }),
  (draw, insn) => ({ ...insn, offset: draw.pick([0, 1, -1, 8, -8, 512, -512, 0x7fff, -0x8000]) }),
  (draw, insn) => ({ ...insn, imm: draw.immediate() }),
  (draw, insn) => ({ ...insn, imm: (insn.imm + draw.between(-2, 2)) | 0 }),
  (draw, _, all) => all[draw.below(all.length)]!,
];

/**
 * A program with one to six of its slots changed, taken away or doubled. What it says of its functions stays, and may be wrong.
 * `gently`: so that most of them have a shape still.
 */
export function spoilProgram(draw: Draw, spec: ProgramSpec, gently = false): ProgramSpec {
  const insns = spec.insns.slice();
  for (let left = draw.between(1, 6); left > 0; left--) {
    const slot = draw.below(insns.length);
    if (draw.chance(4) && insns.length > 1) insns.splice(slot, 1);
    else if (draw.chance(4)) insns.splice(slot, 0, insns[draw.below(insns.length)]!);
    else insns[slot] = draw.pick(gently ? gentle : changes)(draw, insns[slot]!, insns);
  }
  return { ...spec, insns };
}

/** A program of nothing but chance, with an end. */
export function randomProgram(draw: Draw, like: ProgramSpec): ProgramSpec {
  const insns = Array.from({ length: draw.between(1, 24) }, () => {
    const known = draw.pick(like.insns);
    return draw.chance(70)
      ? { ...known, dst: draw.below(11), src: draw.below(11) }
      : draw.pick(changes)(draw, known, like.insns);
  });
  insns.push({ opcode: 0xb7, dst: 0, src: 0, offset: 0, imm: 2 }, { opcode: 0x95, dst: 0, src: 0, offset: 0, imm: 0 });
  return { ...like, insns, functions: like.functions.slice(0, 1) };
}
