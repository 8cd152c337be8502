/**
 * Runs programs as they are written, instruction by instruction: what the compiler is tested against, and what runs them where there is
 * no WebAssembly. It has the interface of a compiled module (jit/abi.ts) and checks every access to memory.
 */
import { JunctorError } from "../errors.js";
import type { Signature } from "./helpers/signature.js";
import { atomicOp, callKind, frameBytes, type Instruction, loadKind, maximumFrames } from "./insn/instruction.js";
import { validateProgram } from "./insn/validate.js";
import { alu32, alu64, compares, compares32, createRegisters, swapBytes } from "./interpreter-alu.js";
import { type CheckMemory, createAccessCheck, ProgramFault } from "./interpreter-memory.js";
import { defaultFuel, maximumTailCalls } from "./jit/abi.js";
import { mapRecord } from "./maps/descriptor.js";
import type { XdpMemory } from "./memory.js";
import { fault, state } from "./run/state.js";
import type { Access } from "./verifier/result.js";

export { ProgramFault } from "./interpreter-memory.js";

export interface InterpretedProgram {
  /** Runs the program on the frame that the state block tells of. Throws `ProgramFault` after storing `state.fault`. */
  run(block: number): number;
  /** The same with the program's frame below `depth` others: for tail calls out of functions. Gives all 64 bits of r0. */
  runAt?(block: number, depth: number): bigint;
}

export interface InterpreterOptions {
  readonly memory: XdpMemory;
  readonly insns: readonly Instruction[];
  /** Offset of the record of each map of the program, by the map's index. */
  readonly maps: readonly number[];
  /** `helper_<id>` and `kfunc_<id>`, as a module imports them (jit/abi.ts). */
  readonly calls: Readonly<Record<string, (block: number, ...words: number[]) => number>>;
  readonly signature: (id: number, kfunc: boolean) => Signature | undefined;
  /** What each slot may touch (`Verified.accesses`). Left out: each may touch whatever the program may. */
  readonly accesses?: readonly (Access | undefined)[];
  /** Whether memory that is no frame, stack or value of a map named by the program may be touched: records of ring buffers, inner maps. */
  readonly checkMemory?: CheckMemory;
  /** The program at an index of a prog_array. */
  readonly tailCall?: (block: number, map: number, index: number) => InterpretedProgram | undefined;
  /** Calls `visit` with the key and value of each element of a map until it answers other than 0; gives the number of visits or -errno. */
  readonly forEach?: (block: number, map: number, visit: (key: number, value: number) => number) => number;
  readonly fuel?: number;
}

const helperId = { tailCall: 12, forEach: 164, loop: 181 } as const;
const maximumLoops = 1 << 23;
const sizes = [4, 2, 1, 8] as const;
const isSupportedLoad = (src: number): boolean =>
  src === loadKind.value || src === loadKind.map || src === loadKind.mapValue || src === loadKind.function;

/** Throws EINVAL if the program is not well-formed. It need not be verified: what it may not do ends its run. */
export function createInterpreter(options: InterpreterOptions): InterpretedProgram & Required<InterpretedProgram> {
  const { memory, insns, maps, calls, accesses } = options;
  const problem = validateProgram(insns);
  if (problem !== undefined) {
    throw new JunctorError("EINVAL", problem.message);
  }
  const { view, i32, u32, u64 } = memory;
  const registers = createRegisters();
  const { words, signed, unsigned } = registers;
  const check = createAccessCheck(memory, maps, options.checkMemory);
  /** r6 to r10 of the functions that wait for one they called. */
  const saved = new Int32Array(10 * (maximumFrames + 1));
  let fuel = 0;
  let block = 0;

  function end(reason: number, insn: number): never {
    u32[(block + state.fault) >>> 2] = reason;
    u32[(block + state.faultInsn) >>> 2] = insn;
    throw new ProgramFault(reason, insn);
  }

  function setPointer(register: number, value: number): void {
    words[register * 2] = value;
    words[register * 2 + 1] = 0;
  }

  /** Address of an access, checked. */
  function address(pc: number, base: number, offset: number, size: number, depth: number, write: boolean): number {
    const pointer = (words[base * 2] as number) + offset;
    const at = pointer < 0 && (words[base * 2] as number) < 0 ? pointer + 2 ** 32 : pointer;
    const bottom = block + state.stackTop - (depth + 1) * frameBytes;
    const access = accesses === undefined ? undefined : accesses[pc];
    if (
      words[base * 2 + 1] !== 0 ||
      at < 0 ||
      (accesses !== undefined && access === undefined) ||
      !check(access, block, bottom, at, size, write)
    ) {
      end(fault.bounds, pc);
    }
    return at;
  }

  function load(register: number, at: number, size: number, extend: boolean): void {
    const low = register * 2;
    let value: number;
    if (size === 8) {
      words[low] = view.getInt32(at, true);
      words[low + 1] = view.getInt32(at + 4, true);
      return;
    }
    if (size === 4) value = view.getInt32(at, true);
    else if (size === 2) value = extend ? view.getInt16(at, true) : view.getUint16(at, true);
    else value = extend ? view.getInt8(at) : view.getUint8(at);
    words[low] = value;
    words[low + 1] = extend ? value >> 31 : 0;
  }

  function store(at: number, size: number, low: number, high: number): void {
    if (size === 8) {
      view.setInt32(at, low, true);
      view.setInt32(at + 4, high, true);
    } else if (size === 4) view.setInt32(at, low, true);
    else if (size === 2) view.setInt16(at, low, true);
    else view.setInt8(at, low);
  }

  /** An atomic instruction of §5.3; both sizes are one operation on the memory that threads share. */
  function atomic(insn: Instruction, pc: number, depth: number): void {
    const size = insn.opcode & 0x18 ? 8 : 4;
    const at = address(pc, insn.dst, insn.offset, size, depth, true);
    if (at % size !== 0) end(fault.alignment, pc);
    let old: bigint;
    if (size === 8) {
      const value = unsigned[insn.src] as bigint;
      old = atomicOn(u64, at / 8, insn.imm, value, unsigned[0] as bigint);
    } else {
      const value = words[insn.src * 2] as number;
      old = BigInt(atomicOn(i32, at / 4, insn.imm, value, words[0] as number) >>> 0);
    }
    if (insn.imm === atomicOp.cmpxchg) unsigned[0] = old;
    else if ((insn.imm & atomicOp.fetch) !== 0) unsigned[insn.src] = old;
  }

  function call(insn: Instruction, pc: number, depth: number): boolean {
    if (insn.src === callKind.local) {
      enter(pc + 1 + insn.imm, pc, depth);
      return false;
    }
    const kfunc = insn.src === callKind.kfunc;
    if (!kfunc && insn.imm === helperId.tailCall) return tailCall(depth);
    if (!kfunc && insn.imm === helperId.loop) {
      loop(pc, depth);
      return false;
    }
    if (!kfunc && insn.imm === helperId.forEach) {
      forEach(pc, depth);
      return false;
    }
    const signature = options.signature(insn.imm, kfunc);
    const helper = calls[`${kfunc ? "kfunc" : "helper"}_${insn.imm}`];
    if (helper === undefined || signature === undefined) end(fault.unknown, pc);
    const passed: number[] = [];
    for (let index = 0; index < signature.arguments.length; index += 1) {
      // The state block is the context.
      if (signature.arguments[index] === "context") continue;
      passed.push(words[(index + 1) * 2] as number);
      if (signature.wide?.includes(index) === true) passed.push(words[(index + 1) * 2 + 1] as number);
    }
    const result = helper(block, ...passed) | 0;
    words[0] = signature.returns === "void" ? 0 : result;
    words[1] =
      signature.returns === "wide"
        ? (i32[(block + state.returnHigh) >>> 2] as number)
        : signature.returns === "integer"
          ? result >> 31
          : 0;
    return false;
  }

  /** Calls the function at `target`; it comes back with r0, and r6 to r10 as they were. */
  function enter(target: number, pc: number, depth: number): void {
    if (depth + 1 >= maximumFrames) end(fault.bounds, pc);
    const place = depth * 10;
    for (let word = 0; word < 10; word += 1) saved[place + word] = words[12 + word] as number;
    setPointer(10, block + state.stackTop - (depth + 1) * frameBytes);
    execute(target, depth + 1);
    for (let word = 0; word < 10; word += 1) words[12 + word] = saved[place + word] as number;
  }

  /** Whether another program ran in place of this one; r0 is then its verdict. */
  function tailCall(depth: number): boolean {
    const map = words[4] as number;
    const index = words[6] as number;
    const count = (block + state.tailCalls) >>> 2;
    if (index >>> 0 >= (u32[(map >>> 2) + mapRecord.maxEntries] as number)) return false;
    if ((u32[count] as number) >= maximumTailCalls) return false;
    const program = options.tailCall?.(block, map, index);
    if (program === undefined) return false;
    u32[count] = (u32[count] as number) + 1;
    // Other programs have registers of their own unless it is this one again.
    const caller = saved.slice();
    const r0 = program.runAt === undefined ? BigInt(program.run(block)) : program.runAt(block, depth);
    saved.set(caller);
    signed[0] = BigInt.asIntN(64, r0);
    return true;
  }

  /** long bpf_loop(u32 nr_loops, callback(u64 index, ctx), ctx, flags) */
  function loop(pc: number, depth: number): void {
    const rounds = (words[2] as number) >>> 0;
    const callback = words[4] as number;
    const low = words[6] as number;
    const high = words[7] as number;
    if (words[8] !== 0 || words[9] !== 0) {
      signed[0] = -22n;
      return;
    }
    if (rounds > maximumLoops) {
      signed[0] = -7n;
      return;
    }
    let done = 0;
    while (done < rounds) {
      burn(pc);
      setPointer(1, done);
      words[4] = low;
      words[5] = high;
      enter(callback, pc, depth);
      done += 1;
      if (signed[0] !== 0n) break;
    }
    setPointer(0, done);
  }

  /** long bpf_for_each_map_elem(map, callback(map, key, value, ctx), ctx, flags) */
  function forEach(pc: number, depth: number): void {
    const map = words[2] as number;
    const callback = words[4] as number;
    const low = words[6] as number;
    const high = words[7] as number;
    if (options.forEach === undefined) end(fault.unknown, pc);
    if (words[8] !== 0 || words[9] !== 0) {
      signed[0] = -22n;
      return;
    }
    const visits = options.forEach(block, map, (key, value) => {
      burn(pc);
      setPointer(1, map);
      setPointer(2, key);
      setPointer(3, value);
      words[8] = low;
      words[9] = high;
      enter(callback, pc, depth);
      return signed[0] === 0n ? 0 : 1;
    });
    signed[0] = BigInt(visits);
  }

  function burn(pc: number): void {
    fuel -= 1;
    if (fuel < 0) end(fault.fuel, pc);
  }

  function wideLoad(insn: Instruction, pc: number): void {
    const high = insns[pc + 1]?.imm ?? 0;
    const low = insn.dst * 2;
    if (insn.src === loadKind.value) {
      words[low] = insn.imm;
      words[low + 1] = high;
      return;
    }
    words[low + 1] = 0;
    if (insn.src === loadKind.function) {
      words[low] = pc + 1 + insn.imm;
      return;
    }
    const record = maps[insn.imm];
    if (record === undefined || !isSupportedLoad(insn.src)) end(fault.unknown, pc);
    words[low] = insn.src === loadKind.map ? record : (u32[(record >>> 2) + mapRecord.values] as number) + high;
  }

  /** Whether the condition of a jump holds. */
  function holds(insn: Instruction): boolean {
    const op = insn.opcode & 0xf0;
    const ofRegister = (insn.opcode & 8) !== 0;
    if ((insn.opcode & 7) === 6) {
      return compares32(op, words[insn.dst * 2] as number, ofRegister ? (words[insn.src * 2] as number) : insn.imm);
    }
    const b = ofRegister ? (signed[insn.src] as bigint) : BigInt(insn.imm);
    const unsignedB = ofRegister ? (unsigned[insn.src] as bigint) : BigInt.asUintN(64, b);
    return compares(op, unsigned[insn.dst] as bigint, unsignedB, signed[insn.dst] as bigint, b);
  }

  /** Runs from slot `start` to the function's exit. */
  function execute(start: number, depth: number): void {
    let pc = start;
    for (;;) {
      const insn = insns[pc];
      if (insn === undefined) end(fault.unknown, pc);
      const { opcode, dst, src, offset, imm } = insn;
      const size = sizes[(opcode >> 3) & 3] as number;
      let next = pc + 1;
      switch (opcode & 7) {
        case 7: // alu64
          if ((opcode & 0xf0) === 0xd0) swapBytes(registers, dst, imm, true);
          else if (!alu64(registers, opcode & 0xf0, dst, opcode & 8 ? (signed[src] as bigint) : BigInt(imm), offset)) {
            end(fault.unknown, pc);
          }
          break;
        case 4: {
          if ((opcode & 0xf0) === 0xd0) {
            swapBytes(registers, dst, imm, (opcode & 8) !== 0);
            break;
          }
          const b = opcode & 8 ? (words[src * 2] as number) : imm;
          setPointer(dst, alu32(opcode & 0xf0, words[dst * 2] as number, b, offset) ?? end(fault.unknown, pc));
          break;
        }
        case 1: // ldx
          load(dst, address(pc, src, offset, size, depth, false), size, (opcode & 0xe0) === 0x80);
          break;
        case 2: // st
          store(address(pc, dst, offset, size, depth, true), size, imm, imm >> 31);
          break;
        case 3: // stx
          if ((opcode & 0xe0) === 0xc0) atomic(insn, pc, depth);
          else {
            const at = address(pc, dst, offset, size, depth, true);
            store(at, size, words[src * 2] as number, words[src * 2 + 1] as number);
          }
          break;
        case 0:
          if (opcode !== 0x18) end(fault.unknown, pc);
          wideLoad(insn, pc);
          next += 1;
          break;
        default: // jmp, jmp32
          if (opcode === 0x95) return;
          if (opcode === 0x85) {
            if (call(insn, pc, depth)) return;
          } else if (opcode === 0x05) next += offset;
          else if (opcode === 0x06) next += imm;
          else if (holds(insn)) next += offset;
          if (next <= pc) burn(pc);
      }
      pc = next;
    }
  }

  function runAt(stateBlock: number, depth: number): bigint {
    block = stateBlock;
    fuel = options.fuel ?? defaultFuel;
    words.fill(0);
    setPointer(1, block);
    setPointer(10, block + state.stackTop - depth * frameBytes);
    execute(0, depth);
    return signed[0] as bigint;
  }
  return { run: (stateBlock) => Number(BigInt.asIntN(32, runAt(stateBlock, 0))), runAt };
}

function atomicOn<T extends Int32Array | BigUint64Array>(
  array: T,
  index: number,
  op: number,
  value: T[number],
  expected: T[number],
): T[number] {
  // One implementation for both widths: the two kinds of arrays have the same operations.
  const on = array as unknown as Int32Array;
  const operand = value as unknown as number;
  switch (op & ~atomicOp.fetch) {
    case atomicOp.add:
      return Atomics.add(on, index, operand);
    case atomicOp.or:
      return Atomics.or(on, index, operand);
    case atomicOp.and:
      return Atomics.and(on, index, operand);
    case atomicOp.xor:
      return Atomics.xor(on, index, operand);
    case atomicOp.xchg & ~atomicOp.fetch:
      return Atomics.exchange(on, index, operand);
    default:
      return Atomics.compareExchange(on, index, expected as unknown as number, operand);
  }
}
