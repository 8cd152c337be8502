/** Loads, stores and atomics (RFC 9669 §5), each held to what the verifier says of it. */
import { JunctorError } from "../../errors.js";
import { atomicOp, framePointer, type Instruction, insnClass, isWideLoad, memMode } from "../insn/instruction.js";
import { pushAddress } from "../maps/placed.js";
import { fault, state as field } from "../run/state.js";
import { mapFlag } from "../spec.js";
import type { Access } from "../verifier/result.js";
import { type FunctionRef, i32, i64 } from "../wasm/builder.js";
import type { MapBinding } from "./bindings.js";
import { type Scope, type Unit, writeFault, writeFaultIf } from "./context.js";
import { covers, note, packetWindow, readableWindow, registerSetBy, stackWindow, writableWindow } from "./known.js";

const bytesOf: Readonly<Record<number, number>> = { 0: 4, 8: 2, 16: 1, 24: 8 };
export const accessBytes = (insn: Instruction): number => bytesOf[insn.opcode & 0x18]!;

/** `any`: what is not said of is asked for at run time. */
export type Reach = Access | undefined;

/** Maps whose values programs may look at, but not change: what they mean is the host's. */
const objectMaps: ReadonlySet<string> = new Set(["prog_array", "devmap", "devmap_hash", "cpumap", "xskmap"]);

/** Bytes of a map's values that a program may touch; 0: it may not at all. */
function reachOf({ spec, cpuStride, cpus, valuesBytes }: MapBinding, write: boolean): number {
  const refused = write
    ? (spec.flags & mapFlag.readOnlyProgram) !== 0 || objectMaps.has(spec.type)
    : (spec.flags & mapFlag.writeOnlyProgram) !== 0;
  if (refused || spec.type === "array_of_maps" || spec.type === "hash_of_maps") return 0;
  return cpuStride > 0 ? cpuStride * cpus : valuesBytes;
}

/**
 * Writes the check that [register + low, register + high) lies within what `access` names, the register's lower word being meant. The run
 * ends if it does not. Leaves nothing on the stack.
 */
export function writeCheck(
  scope: Scope,
  register: number,
  low: number,
  high: number,
  access: Reach,
  write: boolean,
  slot: number,
): void {
  const { f, state, registers, packetStart, packetBytes, bindings, known } = scope;
  const size = high - low;
  const address = (): void => {
    f.get(registers[register]!).i32WrapI64();
    if (low !== 0) f.i32Const(low).i32Add();
  };
  /** Whether it begins more than `most` bytes behind `start`. */
  const beyond = (start: () => void, most: number): void => {
    writeFaultIf(scope, fault.bounds, slot, () => {
      address();
      start();
      f.i32Sub().i32Const(most).i32GtU();
    });
  };
  if (access?.kind === "stack") {
    if (covers(known, register, stackWindow, low, high)) return;
    beyond(() => f.get(state).i32Const(field.stack).i32Add(), field.stackTop - field.stack - size);
    note(known, register, stackWindow, low, high);
    return;
  }
  if (access?.kind === "packet") {
    if (covers(known, register, packetWindow, low, high)) return;
    writeFaultIf(scope, fault.bounds, slot, () => {
      address();
      f.get(packetStart).i32Sub().i64ExtendI32U().i64Const(size).i64Add().get(packetBytes).i64GtU();
    });
    note(known, register, packetWindow, low, high);
    return;
  }
  if (access?.kind === "map") {
    const binding = bindings[access.map];
    if (binding === undefined) throw new JunctorError("EINVAL", `instruction ${slot}: there is no map ${access.map}`);
    const bytes = reachOf(binding, write);
    if (bytes < size) {
      writeFault(scope, fault.bounds, slot);
      return;
    }
    if (covers(known, register, access.map, low, high)) return;
    beyond(() => pushAddress(f, binding, binding.values), bytes - size);
    note(known, register, access.map, low, high);
    return;
  }
  const shared = access?.kind === "maps" || access?.kind === "memory";
  const window = write ? writableWindow : readableWindow;
  if (shared && (covers(known, register, window, low, high) || covers(known, register, writableWindow, low, high))) {
    return;
  }
  writeFaultIf(scope, fault.bounds, slot, () => {
    f.get(state);
    address();
    f.i32Const(size)
      .call(scope.reaches(write, access?.kind !== "maps"))
      .i32Eqz();
  });
  if (shared) note(known, register, window, low, high);
}

/**
 * A function `(state, address, size) -> i32` of the module: whether the program may touch what is there. It looks at what is known now, and asks
 * the host about the rest: ring buffers and maps in maps.
 *
 * @param all Frame and stack may be meant too.
 */
export function writeReaches(
  unit: Pick<Unit, "module" | "bindings" | "host">,
  write: boolean,
  all: boolean,
): FunctionRef {
  const f = unit.module.func(`reaches_${write ? "write" : "read"}${all ? "_all" : ""}`, [i32, i32, i32], [i32]);
  const [state, address, size] = [0, 1, 2];
  const end = f.local(i64);
  f.get(address).i64ExtendI32U().get(size).i64ExtendI32U().i64Add().set(end);
  const yes = f.block();
  const within = (start: () => void, behind: () => void): void => {
    f.get(address);
    start();
    f.i32GeU().get(end);
    behind();
    f.i64LeU().i32And().brIf(yes);
  };
  if (all) {
    const at = (offset: number) => () => void f.get(state).i32Const(offset).i32Add();
    const word = (offset: number) => () => void f.get(state).i32Load(offset);
    const extended = (push: () => void) => () => {
      push();
      f.i64ExtendI32U();
    };
    within(at(field.stack), extended(at(field.stackTop)));
    within(word(field.dataMeta), extended(word(field.dataEnd)));
  }
  // Programs have few maps; what lies beyond these is found all the same.
  for (const binding of unit.bindings.slice(0, 16)) {
    const bytes = reachOf(binding, write);
    if (bytes === 0) continue;
    within(
      () => void pushAddress(f, binding, binding.values),
      () => void pushAddress(f, binding, binding.values).i64ExtendI32U().i64Const(bytes).i64Add(),
    );
  }
  f.get(state).get(address).get(size);
  f.i32Const(write ? 1 : 0)
    .call(unit.host("check_access", 4))
    .return();
  f.end().i32Const(1);
  return f;
}

/** As `writeCheck` of `size` bytes, and sets `address` to where they are. */
export function writeAddress(
  scope: Scope,
  register: number,
  offset: number,
  size: number,
  access: Reach,
  write: boolean,
  slot: number,
): void {
  const { f, registers, address } = scope;
  writeCheck(scope, register, offset, offset + size, access, write, slot);
  f.get(registers[register]!).i32WrapI64();
  if (offset !== 0) f.i32Const(offset).i32Add();
  f.set(address);
}

const modeOf = (insn: Instruction): number => insn.opcode & 0xe0;
const isMemory = (insn: Instruction): boolean => {
  const kind = insn.opcode & 7;
  return kind === insnClass.ldx || kind === insnClass.st || kind === insnClass.stx;
};
const baseOf = (insn: Instruction): number => ((insn.opcode & 7) === insnClass.ldx ? insn.src : insn.dst);
const sameWindow = (a: Access, b: Reach): boolean =>
  a.kind === b?.kind && (a.kind !== "map" || a.map === (b as { map: number }).map);

/** What of the map may be written, if this is in it; to look at it may then be allowed too. */
const writes = (insn: Instruction): boolean => (insn.opcode & 7) !== insnClass.ldx;

/**
 * Checks an access, and with it all that follow off the same register before the next jump or call, so that a run that would end there ends
 * here already.
 */
function checkRun(scope: Scope, insn: Instruction, slot: number, end: number, access: Access): void {
  const { spec, verified, known } = scope;
  const base = baseOf(insn);
  const [low, high] = [insn.offset, insn.offset + accessBytes(insn)];
  if (access.kind === "any" || access.kind === "context") {
    writeCheck(scope, base, low, high, access, writes(insn), slot);
    return;
  }
  if (access.kind === "map") {
    const binding = scope.bindings[access.map];
    // Both ways must be allowed where they share a check.
    if (binding !== undefined && reachOf(binding, true) !== reachOf(binding, false)) {
      known[base] = undefined;
      writeCheck(scope, base, low, high, access, writes(insn), slot);
      known[base] = undefined;
      return;
    }
  }
  let [least, most] = [low, high];
  let write = writes(insn);
  for (let at = slot; at < end; at++) {
    const next = spec.insns[at]!;
    if ((next.opcode & 7) === insnClass.jmp || (next.opcode & 7) === insnClass.jmp32) break;
    if (isMemory(next) && baseOf(next) === base && sameWindow(access, verified.accesses[at])) {
      least = Math.min(least, next.offset);
      most = Math.max(most, next.offset + accessBytes(next));
      write ||= writes(next);
    }
    if (registerSetBy(next) === base) break;
    if (isWideLoad(next)) at++;
  }
  if (access.kind === "maps" || access.kind === "memory") {
    if (known[base]?.window !== (write ? writableWindow : readableWindow)) known[base] = undefined;
    writeCheck(scope, base, least, most, access, write, slot);
    return;
  }
  const window = access.kind === "packet" ? packetWindow : access.kind === "stack" ? stackWindow : access.map;
  // What the frame pointer cannot reach is checked by itself, and for the rest nothing has to be.
  if (window === stackWindow || covers(known, base, window, low, high)) [least, most] = [low, high];
  writeCheck(scope, base, least, most, access, writes(insn), slot);
}

/** @param end Slot after the block's last. */
export function writeMemory(scope: Scope, insn: Instruction, slot: number, end: number): void {
  const { f, registers, state, known } = scope;
  const size = accessBytes(insn);
  const kind = insn.opcode & 7;
  const access = scope.verified.accesses[slot];
  if (access === undefined) {
    writeFault(scope, fault.unknown, slot);
    return;
  }
  const load = kind === insnClass.ldx;
  if (access.kind === "context") {
    if (!load || modeOf(insn) !== memMode.mem || insn.offset < 0 || insn.offset + size > field.xdpMdBytes) {
      throw new JunctorError("EINVAL", `instruction ${slot}: the context has no such field, or it is written to`);
    }
    f.get(state);
    loads[size]!(scope, insn.offset);
    f.set(registers[insn.dst]!);
    return;
  }
  const base = baseOf(insn);
  checkRun(scope, insn, slot, end, access);
  if (modeOf(insn) === memMode.atomic) {
    const entry = known[base];
    const aligned = base === framePointer && entry?.window === stackWindow && insn.offset % size === 0;
    f.get(registers[base]!).i32WrapI64();
    if (insn.offset !== 0) f.i32Const(insn.offset).i32Add();
    f.set(scope.address);
    writeAtomic(scope, insn, size, slot, aligned);
    return;
  }
  // A base below the window's start would not wrap around: WebAssembly adds its offset in 33 bits, and traps. There is none below `lowest`.
  const direct = insn.offset >= 0 && (access.kind === "packet" || (access.kind === "map" && isHigh(scope, access.map)));
  f.get(registers[base]!).i32WrapI64();
  if (!direct && insn.offset !== 0) f.i32Const(insn.offset).i32Add();
  const offset = direct ? insn.offset : 0;
  if (load) {
    if (modeOf(insn) === memMode.memsx) signedLoads[size]!(scope, offset);
    else loads[size]!(scope, offset);
    f.set(registers[insn.dst]!);
    return;
  }
  if (kind === insnClass.st) f.i64Const(insn.imm);
  else f.get(registers[insn.src]!);
  if (size === 1) f.i64Store8(offset, 0);
  else if (size === 2) f.i64Store16(offset, 0);
  else if (size === 4) f.i64Store32(offset, 0);
  else f.i64Store(offset, 0);
}

/** Offsets of instructions are less; frames lie no lower. */
const lowest = 32768;
const isHigh = ({ bindings }: Scope, map: number): boolean => (bindings[map]?.values ?? 0) >= lowest;

type Load = (scope: Scope, offset: number) => void;
const loads: Readonly<Record<number, Load>> = {
  1: ({ f }, offset) => f.i64Load8U(offset, 0),
  2: ({ f }, offset) => f.i64Load16U(offset, 0),
  4: ({ f }, offset) => f.i64Load32U(offset, 0),
  8: ({ f }, offset) => f.i64Load(offset, 0),
};
const signedLoads: Readonly<Record<number, Load>> = {
  1: ({ f }, offset) => f.i64Load8S(offset, 0),
  2: ({ f }, offset) => f.i64Load16S(offset, 0),
  4: ({ f }, offset) => f.i64Load32S(offset, 0),
  8: ({ f }, offset) => f.i64Load(offset, 0),
};

const atomics = {
  [atomicOp.add]: ["i64AtomicRmw32AddU", "i64AtomicRmwAdd"],
  [atomicOp.or]: ["i64AtomicRmw32OrU", "i64AtomicRmwOr"],
  [atomicOp.and]: ["i64AtomicRmw32AndU", "i64AtomicRmwAnd"],
  [atomicOp.xor]: ["i64AtomicRmw32XorU", "i64AtomicRmwXor"],
} as const;

/** On the address checked before. Those of a word act on the lower half of the register and zero the upper one of what they fetch. */
function writeAtomic(scope: Scope, insn: Instruction, size: number, slot: number, aligned: boolean): void {
  const { f, registers, address } = scope;
  const source = registers[insn.src]!;
  if (!aligned) {
    writeFaultIf(scope, fault.alignment, slot, () =>
      f
        .get(address)
        .i32Const(size - 1)
        .i32And(),
    );
  }
  f.get(address);
  if (insn.imm === atomicOp.cmpxchg) {
    f.get(registers[0]!);
    if (size === 4) f.i32WrapI64().i64ExtendI32U().get(source).i64AtomicRmw32CmpxchgU(0).set(registers[0]!);
    else f.get(source).i64AtomicRmwCmpxchg(0).set(registers[0]!);
    return;
  }
  f.get(source);
  if (insn.imm === atomicOp.xchg) {
    if (size === 4) f.i64AtomicRmw32XchgU(0);
    else f.i64AtomicRmwXchg(0);
    f.set(source);
    return;
  }
  const names = (atomics as Readonly<Record<number, (typeof atomics)[keyof typeof atomics]>>)[insn.imm & 0xf0];
  if (names === undefined || (size !== 4 && size !== 8)) {
    throw new JunctorError("EINVAL", `instruction ${slot}: there is no atomic operation ${insn.imm}`);
  }
  f[size === 4 ? names[0] : names[1]](0);
  if ((insn.imm & atomicOp.fetch) !== 0) f.set(source);
  else f.drop();
}
