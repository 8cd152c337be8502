/**
 * The instruction set of RFC 9669 as data: one row for each operation. Validator, disassembler, assembler and documents are made of it.
 *
 * `text` is the operation in the syntax of the kernel's verifier. Braces name an operand, and so which fields of the instruction are used;
 * a field that is neither there nor fixed by the row is reserved and must be zero:
 * `{rd}` `{wd}` destination, `{rs}` `{ws}` source, as 64- or 32-bit register; `{imm}` decimal, `{hex}` unsigned; `{shift}` a decimal
 * that is smaller than the width; `{off}` offset of a memory access; `{jump}` slots in offset, `{jumpl}` in imm; `{helper}`, `{kfunc}`,
 * `{local}`, what is called; `{wide}` 64 bits over two slots, `{map}`, `{value}`, `{function}`, `{number}` what such a load refers to.
 */
import { aluOp, atomicOp, insnClass, jmpOp, memMode, memSize, sourceX } from "./instruction.js";

/** Conformance groups (§2.4); `packet` is the legacy one, `none` what other implementations have beyond the RFC. */
export type ConformanceGroup =
  | "base32"
  | "base64"
  | "divmul32"
  | "divmul64"
  | "atomic32"
  | "atomic64"
  | "packet"
  | "none";

/** Compilers' -mcpu of the first instruction set with the operation. */
export type IsaVersion = 1 | 2 | 3 | 4;

export interface Operation {
  readonly opcode: number;
  /** Mnemonic, with the width where there are two: `add`, `add32`. Unique. */
  readonly name: string;
  readonly text: string;
  readonly group: ConformanceGroup;
  readonly version: IsaVersion;
  /** Of RFC 9669. */
  readonly section: string;
  /** Fields that tell the operation from others with its opcode. */
  readonly src?: number;
  readonly offset?: number;
  readonly imm?: number;
  /** Width in bits of what a `{shift}` moves. */
  readonly width?: 32 | 64;
  /** Why programs may not use it here, although it is known. */
  readonly refused?: string;
}

type Row = Omit<Operation, "opcode">;
const operation = (opcode: number, row: Row): Operation => ({ opcode, ...row });

const arithmetic: readonly (readonly [keyof typeof aluOp, string])[] = [
  ["add", "+="],
  ["sub", "-="],
  ["mul", "*="],
  ["div", "/="],
  ["or", "|="],
  ["and", "&="],
  ["lsh", "<<="],
  ["rsh", ">>="],
  ["mod", "%="],
  ["xor", "^="],
  ["mov", "="],
  ["arsh", "s>>="],
];
const shifts = new Set(["lsh", "rsh", "arsh"]);

function arithmeticOf(width: 32 | 64): Operation[] {
  const wide = width === 64;
  const kind = wide ? insnClass.alu64 : insnClass.alu;
  const letter = wide ? "r" : "w";
  const suffix = wide ? "" : "32";
  const base = wide ? "base64" : "base32";
  const section = "4.1";
  const rows: Operation[] = [];
  for (const [name, sign] of arithmetic) {
    const divides = name === "div" || name === "mod";
    const group = divides || name === "mul" ? (wide ? "divmul64" : "divmul32") : base;
    const common = { group, version: 1, section } as const;
    const constant = shifts.has(name) ? { operand: "{shift}", width } : { operand: "{imm}" };
    const ofImm = { name: `${name}${suffix}_imm`, text: `{${letter}d} ${sign} ${constant.operand}`, ...common };
    const ofSrc = { name: `${name}${suffix}`, text: `{${letter}d} ${sign} {${letter}s}`, ...common };
    const signed = { name: `s${name}${suffix}`, version: 4, offset: 1 } as const;
    rows.push(
      operation(kind | aluOp[name], {
        ...ofImm,
        ...(shifts.has(name) ? { width } : {}),
        ...(divides ? { offset: 0 } : {}),
      }),
      operation(kind | aluOp[name] | sourceX, { ...ofSrc, ...(divides || name === "mov" ? { offset: 0 } : {}) }),
    );
    if (divides) {
      const text = `{${letter}d} s${sign} `;
      rows.push(
        operation(kind | aluOp[name], { ...common, ...signed, name: `${signed.name}_imm`, text: `${text}{imm}` }),
        operation(kind | aluOp[name] | sourceX, { ...common, ...signed, text: `${text}{${letter}s}` }),
      );
    }
  }
  for (const bits of wide ? [8, 16, 32] : [8, 16]) {
    rows.push(
      operation(kind | aluOp.mov | sourceX, {
        name: `movsx${bits}${suffix === "" ? "" : "_32"}`,
        text: `{${letter}d} = (s${bits}){${letter}s}`,
        group: base,
        version: 4,
        section,
        offset: bits,
      }),
    );
  }
  rows.push(
    operation(kind | aluOp.neg, {
      name: `neg${suffix}`,
      text: `{${letter}d} = -{${letter}d}`,
      group: base,
      version: 1,
      section,
    }),
  );
  return rows;
}

const byteSwaps: readonly Operation[] = [16, 32, 64].flatMap((bits) => {
  const row = { section: "4.2", imm: bits, group: bits === 64 ? "base64" : "base32", version: 1 } as const;
  return [
    operation(insnClass.alu | aluOp.end, { ...row, name: `le${bits}`, text: `{rd} = le${bits} {rd}` }),
    operation(insnClass.alu | aluOp.end | sourceX, { ...row, name: `be${bits}`, text: `{rd} = be${bits} {rd}` }),
    operation(insnClass.alu64 | aluOp.end, {
      ...row,
      name: `bswap${bits}`,
      text: `{rd} = bswap${bits} {rd}`,
      group: "base64",
      version: 4,
    }),
  ];
});

const conditions: readonly (readonly [keyof typeof jmpOp, string, IsaVersion])[] = [
  ["jeq", "==", 1],
  ["jgt", ">", 1],
  ["jge", ">=", 1],
  ["jset", "&", 1],
  ["jne", "!=", 1],
  ["jsgt", "s>", 1],
  ["jsge", "s>=", 1],
  ["jlt", "<", 2],
  ["jle", "<=", 2],
  ["jslt", "s<", 2],
  ["jsle", "s<=", 2],
];

function jumpsOf(width: 32 | 64): Operation[] {
  const wide = width === 64;
  const kind = wide ? insnClass.jmp : insnClass.jmp32;
  const letter = wide ? "r" : "w";
  return conditions.flatMap(([name, sign, version]) => {
    const row = { group: wide ? "base64" : "base32", version: wide ? version : 3, section: "4.3" } as const;
    const full = `${name}${wide ? "" : "32"}`;
    return [
      operation(kind | jmpOp[name], {
        ...row,
        name: `${full}_imm`,
        text: `if {${letter}d} ${sign} {hex} goto {jump}`,
      }),
      operation(kind | jmpOp[name] | sourceX, {
        ...row,
        name: full,
        text: `if {${letter}d} ${sign} {${letter}s} goto {jump}`,
      }),
    ];
  });
}

const call = insnClass.jmp | jmpOp.call;
const otherJumps: readonly Operation[] = [
  operation(insnClass.jmp | jmpOp.ja, {
    name: "ja",
    text: "goto {jump}",
    group: "base32",
    version: 1,
    section: "4.3",
  }),
  operation(insnClass.jmp32 | jmpOp.ja, {
    name: "gotol",
    text: "gotol {jumpl}",
    group: "base32",
    version: 4,
    section: "4.3",
  }),
  operation(call, {
    name: "call",
    text: "call {helper}",
    group: "base32",
    version: 1,
    section: "4.3.1",
    src: 0,
  }),
  operation(call, {
    name: "call_local",
    text: "call {local}",
    group: "base32",
    version: 1,
    section: "4.3.2",
    src: 1,
  }),
  operation(call, {
    name: "call_kfunc",
    text: "call kfunc {kfunc}",
    group: "base32",
    version: 1,
    section: "4.3.1",
    src: 2,
  }),
  operation(insnClass.jmp | jmpOp.exit, { name: "exit", text: "exit", group: "base32", version: 1, section: "4.3" }),
  operation(call | sourceX, {
    name: "callx",
    text: "callx {rd}",
    group: "none",
    version: 1,
    section: "4.3",
    refused: "a call of a function that only a register names cannot be verified",
  }),
  operation(insnClass.jmp | 0xe0, {
    name: "may_goto",
    text: "may_goto {jump}",
    group: "none",
    version: 4,
    section: "4.3",
    src: 0,
    refused: "may_goto is an extension of the kernel, not of RFC 9669; use a bounded loop or bpf_loop",
  }),
];

const sizes = [
  ["b", 8],
  ["h", 16],
  ["w", 32],
  ["dw", 64],
] as const;

const memory: readonly Operation[] = sizes.flatMap(([size, bits]) => {
  const group = bits === 64 ? "base64" : "base32";
  const row = { group, version: 1, section: "5.1" } as const;
  const at = memSize[size] | memMode.mem;
  const rows = [
    operation(insnClass.ldx | at, { ...row, name: `ldx${size}`, text: `{rd} = *(u${bits} *)({rs} {off})` }),
    operation(insnClass.stx | at, { ...row, name: `stx${size}`, text: `*(u${bits} *)({rd} {off}) = {rs}` }),
    operation(insnClass.st | at, { ...row, name: `st${size}`, text: `*(u${bits} *)({rd} {off}) = {imm}` }),
  ];
  if (bits === 64) {
    return rows;
  }
  const signed = operation(insnClass.ldx | memSize[size] | memMode.memsx, {
    name: `ldxs${size}`,
    text: `{rd} = *(s${bits} *)({rs} {off})`,
    group: "base64",
    version: 4,
    section: "5.2",
  });
  const legacy = {
    group: "packet",
    version: 1,
    section: "5.5",
    refused: "the legacy packet access is not for XDP; read the packet through xdp_md's data and data_end",
  } as const;
  return [
    ...rows,
    signed,
    operation(insnClass.ld | memSize[size] | memMode.abs, {
      ...legacy,
      name: `ldabs${size}`,
      text: `r0 = *(u${bits} *)skb[{imm}]`,
    }),
    operation(insnClass.ld | memSize[size] | memMode.ind, {
      ...legacy,
      name: `ldind${size}`,
      text: `r0 = *(u${bits} *)skb[{rs} + {imm}]`,
    }),
  ];
});

const atomicSigns = [
  ["add", "+="],
  ["or", "|="],
  ["and", "&="],
  ["xor", "^="],
] as const;

const atomics: readonly Operation[] = ([32, 64] as const).flatMap((bits) => {
  const opcode = insnClass.stx | memMode.atomic | memSize[bits === 64 ? "dw" : "w"];
  const suffix = bits === 64 ? "64" : "";
  const row = { group: bits === 64 ? "atomic64" : "atomic32", version: 3, section: "5.3" } as const;
  const at = `(u${bits} *)({rd} {off})`;
  const simple = atomicSigns.flatMap(([name, sign]) => [
    operation(opcode, {
      ...row,
      version: name === "add" ? 1 : 3,
      name: `atomic_${name}${bits}`,
      text: `lock *${at} ${sign} {rs}`,
      imm: atomicOp[name],
    }),
    operation(opcode, {
      ...row,
      name: `atomic_fetch_${name}${bits}`,
      text: `{rs} = atomic${suffix}_fetch_${name}(${at}, {rs})`,
      imm: atomicOp[name] | atomicOp.fetch,
    }),
  ]);
  return [
    ...simple,
    operation(opcode, {
      ...row,
      name: `atomic_xchg${bits}`,
      text: `{rs} = atomic${suffix}_xchg(${at}, {rs})`,
      imm: atomicOp.xchg,
    }),
    operation(opcode, {
      ...row,
      name: `atomic_cmpxchg${bits}`,
      text: `r0 = atomic${suffix}_cmpxchg(${at}, r0, {rs})`,
      imm: atomicOp.cmpxchg,
    }),
  ];
});

const unresolved = "only a loader can know what it refers to; load the object again";
const wideLoads: readonly Operation[] = (
  [
    ["lddw", "{wide} ll", 0, undefined],
    ["lddw_map", "map[{map}]", 1, undefined],
    ["lddw_map_value", "map[{map}][0]{value}", 2, undefined],
    ["lddw_variable", "variable[{number}]", 3, unresolved],
    ["lddw_function", "subprog[{function}]", 4, undefined],
    ["lddw_map_by_index", "map_by_index[{number}]", 5, unresolved],
    ["lddw_map_value_by_index", "map_by_index[{number}][0]{value}", 6, unresolved],
  ] as const
).map(([name, text, src, refused]) =>
  operation(insnClass.ld | memMode.imm | memSize.dw, {
    name,
    text: `{rd} = ${text}`,
    group: "base64",
    version: 1,
    section: "5.4",
    src,
    ...(refused === undefined ? {} : { refused }),
  }),
);

export const instructionSet: readonly Operation[] = [
  ...arithmeticOf(64),
  ...arithmeticOf(32),
  ...byteSwaps,
  ...jumpsOf(64),
  ...jumpsOf(32),
  ...otherJumps,
  ...memory,
  ...atomics,
  ...wideLoads,
];

/** The operations of each opcode, by opcode. */
export const operationsOf: readonly (readonly Operation[])[] = Array.from({ length: 256 }, (_, opcode) =>
  instructionSet.filter((row) => row.opcode === opcode),
);

/** An operand in a text, or what stands there literally. */
export type TextPart =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "operand"; readonly operand: Operand };

export type Operand =
  | "rd"
  | "wd"
  | "rs"
  | "ws"
  | "imm"
  | "hex"
  | "shift"
  | "off"
  | "jump"
  | "jumpl"
  | "helper"
  | "kfunc"
  | "local"
  | "wide"
  | "map"
  | "value"
  | "function"
  | "number";

/** The field that an operand is in; `high` is the imm of the second slot. */
export const operandFields: Readonly<Record<Operand, readonly ("dst" | "src" | "offset" | "imm" | "high")[]>> = {
  rd: ["dst"],
  wd: ["dst"],
  rs: ["src"],
  ws: ["src"],
  imm: ["imm"],
  hex: ["imm"],
  shift: ["imm"],
  off: ["offset"],
  jump: ["offset"],
  jumpl: ["imm"],
  helper: ["imm"],
  kfunc: ["imm"],
  local: ["imm"],
  wide: ["imm", "high"],
  map: ["imm"],
  value: ["high"],
  function: ["imm"],
  number: ["imm"],
};

/** A row's text taken apart. */
export function textParts(text: string): TextPart[] {
  return text
    .split(/(\{\w+\})/)
    .filter((part) => part !== "")
    .map((part) =>
      part.startsWith("{")
        ? { kind: "operand", operand: part.slice(1, -1) as Operand }
        : { kind: "literal", text: part },
    );
}

/** Which fields of an instruction a row uses as operands. */
export type Field = "dst" | "src" | "offset" | "imm" | "high";
export const operandsOf: ReadonlyMap<Operation, ReadonlySet<Field>> = new Map(
  instructionSet.map((row) => [
    row,
    new Set(textParts(row.text).flatMap((part) => (part.kind === "operand" ? operandFields[part.operand] : []))),
  ]),
);
