/** Walks all ways through a routine, one after the other, and executes each instruction on them. */
import { callKind, type Instruction, insnClass, isWideLoad, loadKind, memMode, memSize } from "../insn/instruction.js";
import { type Analysis, newId, read, write } from "./analysis.js";
import { arithmetic } from "./arithmetic.js";
import { conditional } from "./branches.js";
import { leave, localCall } from "./calls.js";
import { argumentRegisters, prototypeOf } from "./globals.js";
import { helperCall } from "./helpers.js";
import { formatState } from "./log.js";
import { load, store } from "./memory.js";
import { type Exploration, endWay, visited } from "./prune.js";
import { refuse, tooComplex } from "./refusal.js";
import { constantScalar, describe, isScalar, pointer, type Register, unknownScalar } from "./register.js";
import { type Frame, newFrame, type State } from "./state.js";
import { classOf, isCall, isExit, isGoto, isJump, type Routine, targetOf } from "./structure.js";

const sizeOf = (insn: Instruction): number => {
  switch (insn.opcode & 0x18) {
    case memSize.b:
      return 1;
    case memSize.h:
      return 2;
    case memSize.w:
      return 4;
    default:
      return 8;
  }
};

function wideLoad(analysis: Analysis, insn: Instruction): void {
  const { state, program } = analysis;
  const high = (analysis.insns[state.insn + 1] as Instruction).imm;
  state.insn += 2;
  switch (insn.src) {
    case loadKind.value:
      write(analysis, insn.dst, constantScalar((BigInt(high) << 32n) | BigInt(insn.imm >>> 0)));
      return;
    case loadKind.map:
    case loadKind.mapValue: {
      const map = program.maps[insn.imm];
      if (map === undefined) refuse(`map ${insn.imm} of the program does not exist`);
      if (insn.src === loadKind.map) {
        write(analysis, insn.dst, pointer("map", { map }));
        return;
      }
      if (map.type !== "array" || map.maxEntries < 1)
        refuse(`only values of arrays can be loaded directly, and map ${map.name} is a ${map.type}`);
      const offset = high >>> 0;
      if (offset >= map.valueSize * map.maxEntries) refuse(`offset ${offset} is outside of map ${map.name}`);
      if (map.maxEntries !== 1)
        refuse(`only an array of one value can be loaded directly, and map ${map.name} has ${map.maxEntries}`);
      // One value, however often its address is loaded: its lock is the same.
      write(analysis, insn.dst, pointer("value", { map, fixed: offset }));
      return;
    }
    case loadKind.function: {
      const target = state.insn - 1 + insn.imm;
      const routine = analysis.structure.routines[analysis.structure.routineOf[target] ?? -1];
      if (routine?.start !== target || routine.global) refuse("a callback must be a static function of the program");
      write(analysis, insn.dst, pointer("function", { fixed: target }));
      return;
    }
    default:
      refuse(`a 64-bit load of kind ${insn.src} is not resolved`);
  }
}

function atomic(analysis: Analysis, insn: Instruction, size: number): void {
  const target = read(analysis, insn.dst);
  read(analysis, insn.src);
  const fetch = (insn.imm & 1) !== 0;
  const exchange = insn.imm === 0xf1;
  if (exchange) read(analysis, 0);
  if (target.kind === "context" || target.kind === "packet" || target.kind === "meta") {
    refuse(`atomic operation on R${insn.dst}, ${describe(target)}; they work on the stack and on map values`);
  }
  const old = load(analysis, target, insn.dst, insn.offset, size, false, true);
  store(analysis, target, insn.dst, insn.offset, size, unknownScalar(), false, true);
  if (fetch) write(analysis, exchange ? 0 : insn.src, isScalar(old) ? old : unknownScalar());
}

/** Executes the instruction in hand. True: the way is at its end. */
function step(analysis: Analysis, insn: Instruction): boolean {
  const { state } = analysis;
  switch (classOf(insn)) {
    case insnClass.alu:
    case insnClass.alu64:
      arithmetic(analysis, insn);
      state.insn += 1;
      return false;
    case insnClass.ld:
      if (!isWideLoad(insn)) refuse("the legacy packet access is not for XDP");
      wideLoad(analysis, insn);
      return false;
    case insnClass.ldx: {
      const from = read(analysis, insn.src);
      const signed = (insn.opcode & 0xe0) === memMode.memsx;
      write(analysis, insn.dst, load(analysis, from, insn.src, insn.offset, sizeOf(insn), signed));
      state.insn += 1;
      return false;
    }
    case insnClass.st:
      store(
        analysis,
        read(analysis, insn.dst),
        insn.dst,
        insn.offset,
        sizeOf(insn),
        constantScalar(BigInt(insn.imm)),
        true,
      );
      state.insn += 1;
      return false;
    case insnClass.stx: {
      if ((insn.opcode & 0xe0) === memMode.atomic) atomic(analysis, insn, sizeOf(insn));
      else {
        let value = read(analysis, insn.src);
        const target = read(analysis, insn.dst);
        // A number that is stored whole stays tied to the one in the register.
        if (target.kind === "stack" && isScalar(value)) value = spillable(analysis, insn.src, value, sizeOf(insn));
        store(analysis, target, insn.dst, insn.offset, sizeOf(insn), value, false);
      }
      state.insn += 1;
      return false;
    }
    default: {
      if (isExit(insn)) return leave(analysis);
      if (isGoto(insn)) {
        state.insn = targetOf(state.insn, insn);
        return false;
      }
      if (isCall(insn)) {
        if (insn.src === callKind.local) localCall(analysis, insn);
        else helperCall(analysis, insn);
        return false;
      }
      conditional(analysis, insn);
      return false;
    }
  }
}

function spillable(analysis: Analysis, index: number, value: Register, size: number): Register {
  if (size < 8 && value.value.umax >= 1n << BigInt(size * 8)) return value;
  if (value.value.tnum.mask === 0n || (value.id !== 0 && !value.linked)) return value;
  const linked: Register = {
    ...value,
    precise: false,
    parents: value.precise ? undefined : [value],
    id: newId(analysis),
    linked: false,
    fixed: 0,
  };
  write(analysis, index, linked);
  return linked;
}

/** Walks a routine from its start. Throws a Refusal. */
export function explore(exploration: Exploration, routineIndex: number): void {
  const { analysis, logger } = exploration;
  const routine = analysis.structure.routines[routineIndex] as Routine;
  const frame: Frame = newFrame(0, routineIndex, -1);
  if (routine.start === 0) frame.registers[1] = pointer("context");
  else {
    argumentRegisters(analysis, prototypeOf(analysis, routine)).forEach((register, index) => {
      frame.registers[index + 1] = register;
    });
  }
  const first: State = {
    frames: [frame],
    references: [],
    lock: undefined,
    insn: routine.start,
    previous: -1,
    parent: undefined,
    unrolled: 0,
  };
  exploration.seen.clear();
  exploration.edges.length = 0;
  analysis.pending.length = 0;
  analysis.pending.push(first);
  for (let state = analysis.pending.pop(); state !== undefined; state = analysis.pending.pop()) {
    analysis.state = state;
    for (;;) {
      const { insn: slot } = state;
      const insn = analysis.insns[slot] as Instruction;
      exploration.instructions += 1;
      if (exploration.instructions > exploration.maximum) {
        tooComplex(
          `more than ${exploration.maximum} instructions were looked at; the program has too many ways to tell whether it is safe`,
        );
      }
      if (analysis.structure.prune[slot] === 1 && visited(exploration)) {
        logger?.line(`${slot}: safe`);
        break;
      }
      analysis.reachable[slot] = true;
      logger?.line(`${slot}: ${formatState(state)}`);
      if (isJump(insn)) analysis.jumps += 1;
      if (step(analysis, insn)) break;
    }
    endWay(exploration, state.parent);
  }
}
