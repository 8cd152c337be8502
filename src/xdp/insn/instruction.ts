/**
 * An eBPF instruction (RFC 9669 §3) decoded. A program is an array with one element for each 8-byte slot, so that indexes and jump
 * offsets are those of the wire format and of the kernel's messages.
 *
 * ```
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |    opcode     |     regs      |            offset             |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                              imm                              |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */
export interface Instruction {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  /** Signed, 16 bits. */
  readonly offset: number;
  /** Signed, 32 bits. In the second slot of a 64-bit immediate load: its upper half; that slot's opcode is 0. */
  readonly imm: number;
}

/** The lower three bits of an opcode. */
export const insnClass = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;

/** Bit 3: the second operand is a register (X), not the immediate (K). For `end` it selects the byte order. */
export const sourceX = 0x08;

/** The upper four bits of an arithmetic opcode (§4.1). offset 1 makes div and mod signed; offset 8, 16, 32 of mov sign-extends. */
export const aluOp = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  end: 0xd0,
} as const;

/** The upper four bits of a jump opcode (§4.3). `ja` of class jmp32 takes its offset from imm. */
export const jmpOp = {
  ja: 0x00,
  jeq: 0x10,
  jgt: 0x20,
  jge: 0x30,
  jset: 0x40,
  jne: 0x50,
  jsgt: 0x60,
  jsge: 0x70,
  call: 0x80,
  exit: 0x90,
  jlt: 0xa0,
  jle: 0xb0,
  jslt: 0xc0,
  jsle: 0xd0,
} as const;

/** Bits 3 and 4 of a load or store (§5). */
export const memSize = { w: 0x00, h: 0x08, b: 0x10, dw: 0x18 } as const;
/** The upper three bits of a load or store. abs and ind are the legacy packet access that XDP programs may not use. */
export const memMode = { imm: 0x00, abs: 0x20, ind: 0x40, mem: 0x60, memsx: 0x80, atomic: 0xc0 } as const;

/** imm of an atomic instruction (§5.3). */
export const atomicOp = { add: 0x00, or: 0x40, and: 0x50, xor: 0xa0, xchg: 0xe1, cmpxchg: 0xf1, fetch: 0x01 } as const;

/** src of a call: what imm means. helper: a number of the helper table; local: slots from the next one; kfunc: a number of ours. */
export const callKind = { helper: 0, local: 1, kfunc: 2 } as const;

/** src of a 64-bit immediate load: what it loads. `map` and `mapValue`: imm is an index into the program's maps. */
export const loadKind = {
  value: 0,
  map: 1,
  mapValue: 2,
  variable: 3,
  function: 4,
  mapByIndex: 5,
  mapValueByIndex: 6,
} as const;

/** Register that points to the top of the stack frame. */
export const framePointer = 10;
export const frameBytes = 512;
export const maximumFrames = 8;

export const isWideLoad = (insn: Instruction): boolean => insn.opcode === 0x18;
