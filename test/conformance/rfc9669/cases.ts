/**
 * Every instruction of RFC 9669 with operands at its boundaries, as data. What a case expects is stated here from the RFC's text alone, by
 * models that share nothing with interpreter or compiler.
 */
import type { ConformanceGroup } from "../../../src/xdp/insn/set.js";

export interface ConformanceCase {
  readonly name: string;
  /** Section of RFC 9669. */
  readonly section: string;
  readonly group: ConformanceGroup;
  /** Assembly; it leaves its result in r0 and exits. r1 is the context at its start. */
  readonly text: string;
  /** Bytes at the start of the frame. A case with a packet has r2 = data from a first instruction of its own. */
  readonly packet?: readonly number[];
  /** All 64 bits of r0, unsigned. */
  readonly r0: bigint;
}

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const s64 = (value: bigint): bigint => BigInt.asIntN(64, value);
const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);
const s32 = (value: bigint): bigint => BigInt.asIntN(32, value);
const hex = (value: bigint): string => `0x${u64(value).toString(16)}`;

/** Boundaries of all widths. */
const values: readonly bigint[] = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0x8000n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x123456789abcdef0n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0x80000000ffffffffn,
  0xffffffff80000000n,
  0xffffffffffffffffn,
];
/** Immediates, signed. */
const immediates: readonly bigint[] = [0n, 1n, 3n, -1n, 0x7fffffffn, -0x80000000n];

type Model = (a: bigint, b: bigint) => bigint;

/** §4.1, at `bits` bits; operands arrive unsigned and cut to the width. */
const unsignedModels = (bits: number): Readonly<Record<string, Model>> => ({
  "+=": (a, b) => a + b,
  "-=": (a, b) => a - b,
  "*=": (a, b) => a * b,
  "/=": (a, b) => (b === 0n ? 0n : a / b),
  "%=": (a, b) => (b === 0n ? a : a % b),
  "s/=": (a, b) => (b === 0n ? 0n : BigInt.asIntN(bits, a) / BigInt.asIntN(bits, b)),
  "s%=": (a, b) => (b === 0n ? a : BigInt.asIntN(bits, a) % BigInt.asIntN(bits, b)),
  "|=": (a, b) => a | b,
  "&=": (a, b) => a & b,
  "^=": (a, b) => a ^ b,
  "=": (_, b) => b,
});
const shiftModels = (bits: number): Readonly<Record<string, Model>> => ({
  "<<=": (a, b) => a << (b & BigInt(bits - 1)),
  ">>=": (a, b) => a >> (b & BigInt(bits - 1)),
  "s>>=": (a, b) => BigInt.asIntN(bits, a) >> (b & BigInt(bits - 1)),
});
const divides = new Set(["*=", "/=", "%=", "s/=", "s%="]);

/** Pairs that are enough to tell one operation from another, without the whole square. */
const pairs: readonly (readonly [bigint, bigint])[] = values.flatMap((a, index) => [
  [a, values[(index * 7 + 3) % values.length] as bigint] as const,
  [a, index % 2 === 0 ? 0n : 0xffffffffffffffffn] as const,
]);

function arithmetic(bits: 32 | 64): ConformanceCase[] {
  const letter = bits === 64 ? "r" : "w";
  const cut = (value: bigint): bigint => BigInt.asUintN(bits, value);
  const cases: ConformanceCase[] = [];
  const groupOf = (sign: string): ConformanceGroup =>
    divides.has(sign) ? (bits === 64 ? "divmul64" : "divmul32") : bits === 64 ? "base64" : "base32";
  const add = (sign: string, a: bigint, operand: string, before: string, r0: bigint) =>
    cases.push({
      name: `${letter}0 ${sign} ${operand}${before === "" ? "" : ` (${before.trim()})`} of ${hex(a)}`,
      section: "4.1",
      group: groupOf(sign),
      text: `r0 = ${hex(a)} ll\n${before}${letter}0 ${sign} ${operand}\nexit`,
      r0,
    });
  for (const [sign, model] of Object.entries(unsignedModels(bits))) {
    for (const [a, b] of pairs) {
      add(sign, a, `${letter}3`, `r3 = ${hex(b)} ll\n`, cut(model(cut(a), cut(b))));
    }
    immediates.forEach((b, index) => {
      const a = values[(index * 5 + 10) % values.length] as bigint;
      add(sign, a, `${b}`, "", cut(model(cut(a), cut(b))));
    });
  }
  for (const [sign, model] of Object.entries(shiftModels(bits))) {
    for (const by of [0n, 1n, 31n, 32n, 33n, 63n, 64n, 65n, 0xffffffffffffffffn]) {
      for (const a of [0x123456789abcdef1n, 0x8000000080000001n]) {
        add(sign, a, `${letter}3`, `r3 = ${hex(by)} ll\n`, cut(model(cut(a), by)));
        if (by < BigInt(bits)) add(sign, a, `${by}`, "", cut(model(cut(a), by)));
      }
    }
  }
  for (const a of values) {
    cases.push({
      name: `${letter}0 = -${letter}0 of ${hex(a)}`,
      section: "4.1",
      group: bits === 64 ? "base64" : "base32",
      text: `r0 = ${hex(a)} ll\n${letter}0 = -${letter}0\nexit`,
      r0: cut(-a),
    });
    for (const from of bits === 64 ? [8, 16, 32] : [8, 16]) {
      cases.push({
        name: `${letter}0 = (s${from})${letter}3 of ${hex(a)}`,
        section: "4.1",
        group: bits === 64 ? "base64" : "base32",
        text: `r3 = ${hex(a)} ll\nr0 = -1\n${letter}0 = (s${from})${letter}3\nexit`,
        r0: cut(BigInt.asIntN(from, a)),
      });
    }
  }
  return cases;
}

const reversed = (value: bigint, bits: number): bigint => {
  let result = 0n;
  for (let at = 0; at < bits; at += 8) {
    result = (result << 8n) | ((value >> BigInt(at)) & 255n);
  }
  return result;
};

const byteSwaps: readonly ConformanceCase[] = [16, 32, 64].flatMap((bits) =>
  [0x0102030405060708n, 0xf1f2f3f4f5f6f7f8n, 0x80n, 0x8000000000000000n].flatMap((a) =>
    (["le", "be", "bswap"] as const).map((kind) => ({
      name: `r0 = ${kind}${bits} r0 of ${hex(a)}`,
      section: "4.2",
      group: kind === "bswap" || bits === 64 ? ("base64" as const) : ("base32" as const),
      text: `r0 = ${hex(a)} ll\nr0 = ${kind}${bits} r0\nexit`,
      r0: kind === "le" ? BigInt.asUintN(bits, a) : reversed(a, bits),
    })),
  ),
);

const conditions: Readonly<Record<string, (a: bigint, b: bigint, sa: bigint, sb: bigint) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "&": (a, b) => (a & b) !== 0n,
  "s>": (_a, _b, a, b) => a > b,
  "s>=": (_a, _b, a, b) => a >= b,
  "s<": (_a, _b, a, b) => a < b,
  "s<=": (_a, _b, a, b) => a <= b,
};

/** Smaller, equal and greater, signed and unsigned, and where halves of the register disagree. */
const compared: readonly (readonly [bigint, bigint])[] = [
  [0n, 0n],
  [1n, 2n],
  [2n, 1n],
  [0xffffffffffffffffn, 1n],
  [1n, 0xffffffffffffffffn],
  [0x8000000000000000n, 0x7fffffffffffffffn],
  [0x80000000n, 0x7fffffffn],
  [0x100000000n, 0n],
  [0x1ffffffffn, 0xffffffffn],
];
const comparedWith: readonly (readonly [bigint, bigint])[] = [
  [5n, 5n],
  [4n, 5n],
  [0xffffffffffffffffn, -1n],
  [0xffffffffn, -1n],
  [0n, -0x80000000n],
];

function jumps(bits: 32 | 64): ConformanceCase[] {
  const letter = bits === 64 ? "r" : "w";
  const row = { section: "4.3", group: bits === 64 ? "base64" : "base32" } as const;
  return Object.entries(conditions).flatMap(([sign, holds]) => {
    const result = (a: bigint, b: bigint): bigint =>
      holds(BigInt.asUintN(bits, a), BigInt.asUintN(bits, b), BigInt.asIntN(bits, a), BigInt.asIntN(bits, b)) ? 1n : 2n;
    const registers = compared.map(([a, b]) => ({
      ...row,
      name: `if ${letter}3 ${sign} ${letter}4, ${hex(a)} and ${hex(b)}`,
      text: `r3 = ${hex(a)} ll\nr4 = ${hex(b)} ll\nr0 = 1\nif ${letter}3 ${sign} ${letter}4 goto end\nr0 = 2\nend: exit`,
      r0: result(a, b),
    }));
    const constants = comparedWith.map(([a, b]) => ({
      ...row,
      name: `if ${letter}3 ${sign} ${b}, ${hex(a)}`,
      text: `r3 = ${hex(a)} ll\nr0 = 1\nif ${letter}3 ${sign} ${b} goto end\nr0 = 2\nend: exit`,
      r0: result(a, b),
    }));
    const [a, b] = sign.includes("<") ? [3n, 9n] : [9n, 3n];
    const backwards = {
      ...row,
      name: `if ${letter}3 ${sign} ${letter}4 backwards`,
      text: `r3 = ${a}\nr4 = ${b}\nr0 = 7\ngoto test\nback: exit\ntest: if ${letter}3 ${sign} ${letter}4 goto back\nr0 = 8\nexit`,
      r0: result(a, b) + 6n,
    };
    return [...registers, ...constants, backwards];
  });
}

const otherJumps: readonly ConformanceCase[] = [
  { name: "goto", section: "4.3", group: "base32", text: "r0 = 1\ngoto end\nr0 = 2\nend: exit", r0: 1n },
  { name: "gotol", section: "4.3", group: "base32", text: "r0 = 1\ngotol end\nr0 = 2\nend: exit", r0: 1n },
  {
    name: "goto backwards",
    section: "4.3",
    group: "base32",
    text: "r0 = 0\ngoto test\nback: r0 += 5\nexit\ntest: goto back",
    r0: 5n,
  },
  {
    name: "gotol backwards",
    section: "4.3",
    group: "base32",
    text: "r0 = 0\ngotol test\nback: r0 += 5\nexit\ntest: gotol back",
    r0: 5n,
  },
  {
    name: "a loop of ten rounds",
    section: "4.3",
    group: "base64",
    text: "r0 = 0\nr3 = 10\nagain: r0 += r3\nr3 += -1\nif r3 != 0 goto again\nexit",
    r0: 55n,
  },
  {
    name: "a call keeps r6 to r9",
    section: "4.3.2",
    group: "base32",
    text: "r6 = 1\nr7 = 2\nr8 = 3\nr9 = 4\nr1 = 5\ncall f\nr0 += r6\nr0 += r7\nr0 += r8\nr0 += r9\nexit\nf: r6 = 100\nr7 = 100\nr8 = 100\nr9 = 100\nr0 = r1\nexit",
    r0: 15n,
  },
  {
    name: "five arguments",
    section: "4.3.2",
    group: "base32",
    text: "r1 = 1\nr2 = 2\nr3 = 3\nr4 = 4\nr5 = 5\ncall f\nexit\nf: r0 = r1\nr0 <<= 4\nr0 |= r2\nr0 <<= 4\nr0 |= r3\nr0 <<= 4\nr0 |= r4\nr0 <<= 4\nr0 |= r5\nexit",
    r0: 0x12345n,
  },
  {
    name: "a function has a frame of its own, and may write in its caller's",
    section: "4.3.2",
    group: "base64",
    text: "*(u64 *)(r10 -8) = 7\nr1 = r10\nr1 += -16\ncall f\nr0 = *(u64 *)(r10 -8)\nr1 = *(u64 *)(r10 -16)\nr0 += r1\nexit\nf: *(u64 *)(r10 -8) = 100\n*(u64 *)(r1 +0) = 30\nr0 = 0\nexit",
    r0: 37n,
  },
  {
    name: "calls in calls",
    section: "4.3.2",
    group: "base64",
    text: "r1 = 1\ncall f\nexit\nf: r6 = r1\nr1 += 1\ncall g\nr0 += r6\nexit\ng: r6 = r1\nr1 += 1\ncall h\nr0 *= r6\nexit\nh: r0 = r1\nr0 += 40\nexit",
    r0: 87n,
  },
];

const sizes = [8, 16, 32, 64] as const;
const pattern = [0xf1, 0x82, 0x93, 0xa4, 0x75, 0x16, 0xd7, 0xe8, 0x09, 0xfa, 0x3b, 0x4c];
const little = (bytes: readonly number[], at: number, count: number): bigint => {
  let value = 0n;
  for (let index = count - 1; index >= 0; index -= 1) {
    value = (value << 8n) | BigInt(bytes[at + index] as number);
  }
  return value;
};
const groupOf = (bits: number): ConformanceGroup => (bits === 64 ? "base64" : "base32");

const packetLoads: readonly ConformanceCase[] = sizes.flatMap((bits) =>
  [0, 1, 4].flatMap((at) => {
    const value = little(pattern, at, bits / 8);
    const load = (sign: "u" | "s", r0: bigint): ConformanceCase => ({
      name: `*(${sign}${bits} *)(packet +${at})`,
      section: sign === "u" ? "5.1" : "5.2",
      group: sign === "u" ? groupOf(bits) : "base64",
      packet: pattern,
      text: `r0 = -1\nr0 = *(${sign}${bits} *)(r2 +${at})\nexit`,
      r0,
    });
    return [load("u", value), ...(bits === 64 ? [] : [load("s", u64(BigInt.asIntN(bits, value)))])];
  }),
);

/** The stack holds 0x5555…; a store of `bits` bits at -16 + at, and the whole word read again. */
const background = 0x5555555555555555n;
const mergedWith = (value: bigint, bits: number, at: number): bigint => {
  const mask = ((1n << BigInt(bits)) - 1n) << BigInt(at * 8);
  return (background & ~mask) | ((value << BigInt(at * 8)) & mask);
};

const stores: readonly ConformanceCase[] = sizes.flatMap((bits) =>
  Array.from({ length: 64 / bits }, (_, index) => (index * bits) / 8).flatMap((at) => {
    const fill = `r3 = ${hex(background)} ll\n*(u64 *)(r10 -16) = r3\n`;
    const row = { section: "5.1", group: groupOf(bits) };
    const fromRegister = [0x8182838485868788n, 0n].map((value) => ({
      ...row,
      name: `*(u${bits} *)(stack +${at}) = register ${hex(value)}`,
      text: `${fill}r4 = ${hex(value)} ll\n*(u${bits} *)(r10 ${-16 + at}) = r4\nr0 = *(u64 *)(r10 -16)\nexit`,
      r0: mergedWith(value, bits, at),
    }));
    const constants = [-2n, 0x12345678n].map((value) => ({
      ...row,
      name: `*(u${bits} *)(stack +${at}) = ${value}`,
      text: `${fill}*(u${bits} *)(r10 ${-16 + at}) = ${value}\nr0 = *(u64 *)(r10 -16)\nexit`,
      r0: mergedWith(u64(value), bits, at),
    }));
    return [...fromRegister, ...constants];
  }),
);

const atomicModels: Readonly<Record<string, Model>> = {
  add: (a, b) => a + b,
  or: (a, b) => a | b,
  and: (a, b) => a & b,
  xor: (a, b) => a ^ b,
  xchg: (_, b) => b,
};
const atomicSigns: Readonly<Record<string, string>> = { add: "+=", or: "|=", and: "&=", xor: "^=" };

function atomics(bits: 32 | 64): ConformanceCase[] {
  const suffix = bits === 64 ? "64" : "";
  const row = { section: "5.3", group: bits === 64 ? ("atomic64" as const) : ("atomic32" as const) };
  const cut = (value: bigint): bigint => BigInt.asUintN(bits, value);
  /** A 32-bit operation leaves the upper half of the word in memory alone. */
  const merged = (old: bigint, value: bigint): bigint => (old & ~cut(-1n)) | cut(value);
  const at = `(u${bits} *)(r10 -8)`;
  const operands: readonly (readonly [bigint, bigint])[] = [
    [0x1122334455667788n, 0x0f0f0f0f0f0f0f0fn],
    [0xffffffffffffffffn, 1n],
    [0x8000000080000000n, 0x8000000080000000n],
    [0n, 0xffffffffffffffffn],
  ];
  return operands.flatMap(([old, value]) => {
    const before = (v: bigint) => `r3 = ${hex(old)} ll\n*(u64 *)(r10 -8) = r3\nr4 = ${hex(v)} ll\n`;
    const reload = "r0 = *(u64 *)(r10 -8)\nexit";
    const of = `${hex(old)} with ${hex(value)}`;
    const simple = Object.entries(atomicModels).flatMap(([name, model]) => {
      const after = merged(old, model(cut(old), cut(value)));
      const sign = atomicSigns[name];
      const fetch = `r4 = atomic${suffix}_${name === "xchg" ? "" : "fetch_"}${name}(${at}, r4)\n`;
      return [
        ...(sign === undefined
          ? []
          : [
              {
                ...row,
                name: `lock ${name}${bits}, ${of}`,
                text: `${before(value)}lock *${at} ${sign} r4\n${reload}`,
                r0: after,
              },
            ]),
        { ...row, name: `fetch ${name}${bits} in memory, ${of}`, text: `${before(value)}${fetch}${reload}`, r0: after },
        { ...row, name: `fetch ${name}${bits}, ${of}`, text: `${before(value)}${fetch}r0 = r4\nexit`, r0: cut(old) },
      ];
    });
    const exchange = [old, u64(old + 1n), u64(old ^ (1n << 40n))].flatMap((expected) => {
      const text = `${before(value)}r0 = ${hex(expected)} ll\nr0 = atomic${suffix}_cmpxchg(${at}, r0, r4)\n`;
      const equal = cut(expected) === cut(old);
      const label = `cmpxchg${bits}, ${of}, expecting ${hex(expected)}`;
      return [
        { ...row, name: `${label}: r0`, text: `${text}exit`, r0: cut(old) },
        { ...row, name: `${label}: memory`, text: `${text}${reload}`, r0: equal ? merged(old, value) : old },
        { ...row, name: `${label}: source kept`, text: `${text}r0 = r4\nexit`, r0: value },
      ];
    });
    return [...simple, ...exchange];
  });
}

const wideLoads: readonly ConformanceCase[] = values.map((value) => ({
  name: `r0 = ${hex(value)} ll`,
  section: "5.4",
  group: "base64",
  text: `r0 = ${hex(value)} ll\nexit`,
  r0: value,
}));

/** Narrow results seen from the upper half: s32 and u32 of the same number. */
const extensions: readonly ConformanceCase[] = values.flatMap((value) => [
  {
    name: `s32 of ${hex(value)} by shifts`,
    section: "4.1",
    group: "base64" as const,
    text: `r0 = ${hex(value)} ll\nr0 <<= 32\nr0 s>>= 32\nexit`,
    r0: u64(s64(s32(value))),
  },
  {
    name: `u32 of ${hex(value)} by shifts`,
    section: "4.1",
    group: "base64" as const,
    text: `r0 = ${hex(value)} ll\nr0 <<= 32\nr0 >>= 32\nexit`,
    r0: u32(value),
  },
]);

export const cases: readonly ConformanceCase[] = [
  ...arithmetic(64),
  ...arithmetic(32),
  ...byteSwaps,
  ...jumps(64),
  ...jumps(32),
  ...otherJumps,
  ...packetLoads,
  ...stores,
  ...atomics(32),
  ...atomics(64),
  ...wideLoads,
  ...extensions,
];
