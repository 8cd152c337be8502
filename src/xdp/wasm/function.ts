/** The body of one function. See builder.ts for how it is used. */
import { type ByteWriter, byteWriter, largestReserved } from "./bytes.js";
import { atomic, control, memory, plain, type ValueType } from "./opcodes.js";

export interface FunctionRef {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  /** Its index in the module; known when the module is finished. */
  readonly index: () => number;
}

/** An imported global. */
export interface GlobalRef {
  readonly index: number;
  readonly type: ValueType;
}

/** A parameter (from 0) or local, by index. */
export type Local = number;
/** A block, loop or if that is open: what a branch goes to (the end of a block or if, the begin of a loop). */
export type Label = number;

type PlainMethods = { readonly [K in keyof typeof plain]: () => FunctionBuilder };
type MemoryMethods = {
  /** With a constant offset of up to 2^32 - 1, and the logarithm of the alignment (a hint; default: the natural one). */
  readonly [K in keyof typeof memory]: (offset?: number, align?: number) => FunctionBuilder;
};
type AtomicMethods = { readonly [K in keyof typeof atomic]: (offset?: number) => FunctionBuilder };

export interface FunctionBuilder extends FunctionRef, PlainMethods, MemoryMethods, AtomicMethods {
  /** A new local, zero at first. */
  local(type: ValueType): Local;
  get(local: Local): FunctionBuilder;
  set(local: Local): FunctionBuilder;
  tee(local: Local): FunctionBuilder;
  getGlobal(global: GlobalRef): FunctionBuilder;
  /** Signed or unsigned; taken modulo 2^32. */
  i32Const(value: number): FunctionBuilder;
  /** Signed or unsigned; taken modulo 2^64. */
  i64Const(value: bigint | number): FunctionBuilder;
  /** Opens a block with at most one result; `end` closes it. */
  block(result?: ValueType): Label;
  loop(result?: ValueType): Label;
  /** Takes a condition from the stack. */
  if(result?: ValueType): Label;
  else(): FunctionBuilder;
  end(): FunctionBuilder;
  br(label: Label): FunctionBuilder;
  brIf(label: Label): FunctionBuilder;
  /** Goes to labels[i] for i from the stack, to `otherwise` if there is none. */
  brTable(labels: readonly Label[], otherwise: Label): FunctionBuilder;
  call(callee: FunctionRef): FunctionBuilder;
  /** Through the imported table; the index is on the top of the stack. */
  callIndirect(parameters: readonly ValueType[], results: readonly ValueType[]): FunctionBuilder;
  /** Takes destination, byte, count. */
  memoryFill(): FunctionBuilder;
  /** Takes destination, source, count. */
  memoryCopy(): FunctionBuilder;
  atomicFence(): FunctionBuilder;
  /** Size of the body in bytes so far. */
  size(): number;
  /** Blocks open now. */
  depth(): number;
}

/** What the module needs of a function to write it. */
export interface FunctionBody {
  readonly builder: FunctionBuilder;
  write(out: ByteWriter): void;
}

export interface FunctionSetting {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly index: () => number;
  /** Index of a function type. */
  readonly type: (parameters: readonly ValueType[], results: readonly ValueType[]) => number;
}

export function functionBody(setting: FunctionSetting): FunctionBody {
  const { name, parameters, results, index } = setting;
  const code = byteWriter(256);
  const locals: ValueType[] = [];
  const calls: { readonly position: number; readonly callee: FunctionRef }[] = [];
  /** Number of open blocks; the body itself is one, as label 0. */
  let open = 0;

  const opened = (opcode: number, result: ValueType | undefined): Label => {
    code.byte(opcode);
    code.byte(result ?? control.empty);
    return ++open;
  };
  const branch = (label: Label): void => {
    if (label < 0 || label > open) throw new RangeError(`${name}: branch to a block that is not open`);
    code.u32(open - label);
  };
  const indexed = (opcode: number) => (local: number) => {
    code.byte(opcode);
    code.u32(local);
    return self;
  };

  const own = {
    name,
    parameters,
    results,
    index,
    local(type: ValueType): Local {
      locals.push(type);
      return parameters.length + locals.length - 1;
    },
    get: indexed(control.localGet),
    set: indexed(control.localSet),
    tee: indexed(control.localTee),
    getGlobal: (global: GlobalRef) => indexed(control.globalGet)(global.index),
    i32Const(value: number) {
      code.byte(control.i32Const);
      code.s32(value);
      return self;
    },
    i64Const(value: bigint | number) {
      code.byte(control.i64Const);
      if (typeof value === "number" && (value | 0) === value) code.s32(value);
      else code.s64(BigInt(value));
      return self;
    },
    block: (result?: ValueType) => opened(control.block, result),
    loop: (result?: ValueType) => opened(control.loop, result),
    if: (result?: ValueType) => opened(control.if, result),
    else() {
      code.byte(control.else);
      return self;
    },
    end() {
      if (open === 0) throw new RangeError(`${name}: no block is open`);
      open--;
      code.byte(control.end);
      return self;
    },
    br(label: Label) {
      code.byte(control.br);
      branch(label);
      return self;
    },
    brIf(label: Label) {
      code.byte(control.brIf);
      branch(label);
      return self;
    },
    brTable(labels: readonly Label[], otherwise: Label) {
      code.byte(control.brTable);
      code.u32(labels.length);
      for (const label of labels) branch(label);
      branch(otherwise);
      return self;
    },
    call(callee: FunctionRef) {
      code.byte(control.call);
      calls.push({ position: code.reserve(), callee });
      return self;
    },
    callIndirect(takes: readonly ValueType[], gives: readonly ValueType[]) {
      code.byte(control.callIndirect);
      code.u32(setting.type(takes, gives));
      code.byte(0);
      return self;
    },
    memoryFill() {
      code.byte(control.miscPrefix);
      code.byte(11);
      code.byte(0);
      return self;
    },
    memoryCopy() {
      code.byte(control.miscPrefix);
      code.byte(10);
      code.byte(0);
      code.byte(0);
      return self;
    },
    atomicFence() {
      code.byte(control.atomicPrefix);
      code.byte(0x03);
      code.byte(0);
      return self;
    },
    size: () => code.length,
    depth: () => open,
  };

  const methods: Record<string, unknown> = {};
  for (const [method, opcode] of Object.entries(plain)) {
    methods[method] = () => {
      code.byte(opcode);
      return self;
    };
  }
  for (const [method, [opcode, natural]] of Object.entries(memory)) {
    methods[method] = (offset = 0, align = natural) => {
      code.byte(opcode);
      code.u32(align);
      code.u32(offset);
      return self;
    };
  }
  for (const [method, [opcode, natural]] of Object.entries(atomic)) {
    methods[method] = (offset = 0) => {
      code.byte(control.atomicPrefix);
      code.byte(opcode);
      code.u32(natural);
      code.u32(offset);
      return self;
    };
  }
  const self = Object.assign(methods, own) as unknown as FunctionBuilder;

  const write = (out: ByteWriter): void => {
    if (open !== 0) throw new RangeError(`${name}: ${open} blocks are still open`);
    for (const { position, callee } of calls) {
      const target = callee.index();
      if (target > largestReserved) throw new RangeError(`${name}: too many functions`);
      code.patch(position, target);
    }
    const runs: { count: number; readonly type: ValueType }[] = [];
    for (const type of locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ count: 1, type });
    }
    const header = byteWriter();
    header.u32(runs.length);
    for (const { count, type } of runs) {
      header.u32(count);
      header.byte(type);
    }
    out.u32(header.length + code.length + 1);
    out.bytes(header.view());
    out.bytes(code.view());
    out.byte(control.end);
  };
  return { builder: self, write };
}
