/** Conditional jumps: which ways are possible, and what is learned on each. */
import { type Instruction, insnClass, jmpOp, sourceX } from "../insn/instruction.js";
import { type Analysis, read } from "./analysis.js";
import { tooComplex } from "./refusal.js";
import {
  atEnd,
  beyondEnd,
  change,
  constantScalar,
  isNull,
  isPacket,
  isPointer,
  isScalar,
  known,
  markPrecise,
  type Register,
  refined,
} from "./register.js";
import { alu64 } from "./scalar/alu.js";
import { type BranchOperation, refine } from "./scalar/branch.js";
import { constant, isConstant, isConstant32 } from "./scalar/scalar.js";
import { copyState, mapRegisters, type State, topFrame } from "./state.js";
import { classOf, operationOf, targetOf } from "./structure.js";

const names: Readonly<Record<number, BranchOperation>> = {
  [jmpOp.jeq]: "jeq",
  [jmpOp.jgt]: "jgt",
  [jmpOp.jge]: "jge",
  [jmpOp.jset]: "jset",
  [jmpOp.jne]: "jne",
  [jmpOp.jsgt]: "jsgt",
  [jmpOp.jsge]: "jsge",
  [jmpOp.jlt]: "jlt",
  [jmpOp.jle]: "jle",
  [jmpOp.jslt]: "jslt",
  [jmpOp.jsle]: "jsle",
};

/** The same question with its sides changed. */
const flipped: Readonly<Record<number, number>> = {
  [jmpOp.jgt]: jmpOp.jlt,
  [jmpOp.jlt]: jmpOp.jgt,
  [jmpOp.jge]: jmpOp.jle,
  [jmpOp.jle]: jmpOp.jge,
};

const maximumPending = 8192;
const maximumPacketOffset = 0xffffn;

export function push(analysis: Analysis, state: State): void {
  if (state.parent !== undefined) state.parent.branches += 1;
  analysis.pending.push(state);
  if (analysis.pending.length > maximumPending) tooComplex(`more than ${maximumPending} jumps wait to be followed`);
}

/** Whether packet pointers compared with the end are known to be at or beyond it. */
function packetOutcome(a: Register, b: Register, operation: number): boolean | undefined {
  const reversed = a.kind === "end";
  if (!reversed && b.kind !== "end") return undefined;
  const packet = reversed ? b : a;
  const op = reversed ? (flipped[operation] ?? operation) : operation;
  if (packet.range >= 0) return undefined;
  if (op === jmpOp.jle || op === jmpOp.jgt) return packet.range === beyondEnd ? op === jmpOp.jgt : undefined;
  if (op === jmpOp.jlt || op === jmpOp.jge) return op === jmpOp.jge;
  return undefined;
}

/** Others may be moved to address 0, or the kernel does not say so of them. */
const neverNull: ReadonlySet<string> = new Set(["map", "value", "key", "memory"]);
const notNull = (register: Register): boolean => neverNull.has(register.kind) && !register.nullable;

/** A pointer compared with zero. */
function pointerOutcome(a: Register, b: Register, operation: number): boolean | undefined {
  const [pointer, number] = isPointer(a) ? [a, b] : [b, a];
  if (known(number) !== 0n || !notNull(pointer)) return undefined;
  if (operation === jmpOp.jeq) return false;
  if (operation === jmpOp.jne) return true;
  return undefined;
}

/** `distance` bytes after the base of a packet pointer are there. */
function learnRange(state: State, register: Register, open: boolean): void {
  if (register.fixed < 0 || (register.fixed === 0 && open)) return;
  const { umax } = register.value;
  if (umax > maximumPacketOffset || umax + BigInt(register.fixed) > maximumPacketOffset) return;
  const range = register.fixed + (open ? 1 : 0);
  mapRegisters(state, (other) =>
    other.kind === register.kind && other.id === register.id && other.range < range ? change(other, { range }) : other,
  );
}

function learnEnd(state: State, index: number, open: boolean): void {
  const { registers } = topFrame(state);
  const register = registers[index] as Register;
  if (register.kind === "packet") registers[index] = change(register, { range: open ? beyondEnd : atEnd });
}

const isPair = (a: Register, b: Register): boolean =>
  (a.kind === "packet" && b.kind === "end") ||
  (a.kind === "meta" &&
    b.kind === "packet" &&
    b.id === 0 &&
    b.fixed === 0 &&
    b.value.umax === 0n &&
    b.value.umin === 0n);

/** A packet pointer compared with the end of what it points into tells how many bytes are there. */
function learnPacket(insn: Instruction, a: Register, b: Register, taken: State, fallthrough: State): void {
  let operation = operationOf(insn);
  let [left, right, index] = [a, b, insn.dst];
  if (!isPair(left, right)) {
    if (!isPair(b, a) || flipped[operation] === undefined) return;
    operation = flipped[operation] as number;
    [left, right, index] = [b, a, insn.src];
  }
  switch (operation) {
    case jmpOp.jgt:
      learnRange(fallthrough, left, false);
      learnEnd(taken, index, true);
      return;
    case jmpOp.jle:
      learnRange(taken, left, false);
      learnEnd(fallthrough, index, true);
      return;
    case jmpOp.jlt:
      learnRange(taken, left, true);
      learnEnd(fallthrough, index, false);
      return;
    case jmpOp.jge:
      learnRange(fallthrough, left, true);
      learnEnd(taken, index, false);
      return;
    default:
  }
}

/** The pointers of one call's result are all null, or none is. */
export function learnNull(state: State, register: Register, isNullHere: boolean): void {
  const { id, reference } = register;
  if (isNullHere && reference !== 0 && reference === id)
    state.references = state.references.filter((one) => one.id !== reference);
  mapRegisters(state, (other) => {
    if (!other.nullable || other.id !== id) return other;
    if (isNullHere) return constantScalar(0n);
    const keepsId = other.map?.spinLockOffset !== undefined && other.kind === "value";
    return change(other, { nullable: false, id: keepsId ? other.id : 0 });
  });
}

/** What was learned of one number holds for those that are equal to it, or apart by a constant. */
export function spread(state: State, index: number, before: Register): void {
  const { registers } = topFrame(state);
  const now = registers[index] as Register;
  if (before.id === 0) return;
  mapRegisters(state, (other) => {
    if (other === now || other.kind !== "scalar" || other.id !== before.id) return other;
    const distance = other.fixed - now.fixed;
    // Not `now` itself, even where it is the same number: that the two are equal is known of the other, and needed.
    return refined(other, distance === 0 ? now.value : alu64("add", now.value, constant(BigInt(distance))), now);
  });
}

function learnNumbers(
  state: State,
  insn: Instruction,
  a: Register,
  b: Register,
  values: ReturnType<typeof refine>["taken"],
  useX: boolean,
): void {
  if (values === undefined) return;
  const { registers } = topFrame(state);
  if (values.a !== a.value) registers[insn.dst] = useX ? refined(a, values.a, b) : refined(a, values.a);
  if (useX && insn.src !== insn.dst && values.b !== b.value) registers[insn.src] = refined(b, values.b, a);
  const changedA = registers[insn.dst] !== a;
  const changedB = useX && insn.src !== insn.dst && registers[insn.src] !== b;
  if (changedB) spread(state, insn.src, b);
  if (changedA && (registers[insn.dst] as Register).value !== a.value) spread(state, insn.dst, a);
}

/** Executes a conditional jump: the state in hand goes on with one way, the other waits. */
export function conditional(analysis: Analysis, insn: Instruction): void {
  const { state } = analysis;
  const operation = operationOf(insn);
  const narrow = classOf(insn) === insnClass.jmp32;
  const useX = (insn.opcode & sourceX) !== 0;
  const a = read(analysis, insn.dst);
  const b = useX ? read(analysis, insn.src) : constantScalar(BigInt(insn.imm));
  const target = targetOf(state.insn, insn);
  const next = state.insn + 1;

  const numbers = isScalar(a) && isScalar(b);
  const refinement = numbers
    ? refine(names[operation] as BranchOperation, a.value, useX && insn.src === insn.dst ? a.value : b.value, narrow)
    : undefined;
  // The kernel decides `a & b` in advance only for a constant b; were we wiser, we would not see what it refuses on the other way.
  const undecided =
    refinement !== undefined && operation === jmpOp.jset && !(narrow ? isConstant32(b.value) : isConstant(b.value));
  const unchanged = { a: a.value, b: b.value };
  const ways = undecided
    ? { taken: refinement.taken ?? unchanged, fallthrough: refinement.fallthrough ?? unchanged }
    : refinement;
  let outcome: boolean | undefined;
  if (ways !== undefined) {
    if (ways.taken === undefined) outcome = false;
    else if (ways.fallthrough === undefined) outcome = true;
  } else if (!narrow) {
    outcome = isPointer(a) && isPointer(b) ? packetOutcome(a, b, operation) : pointerOutcome(a, b, operation);
  }
  if (outcome !== undefined) {
    markPrecise(a);
    if (useX) markPrecise(b);
    state.insn = outcome ? target : next;
    return;
  }

  const other = copyState(state);
  other.insn = target;
  other.previous = state.insn;
  push(analysis, other);
  state.insn = next;
  if (ways !== undefined) {
    if (useX && insn.src === insn.dst) return;
    learnNumbers(other, insn, a, b, ways.taken, useX);
    learnNumbers(state, insn, a, b, ways.fallthrough, useX);
    return;
  }
  if (narrow) return;
  const equality = operation === jmpOp.jeq || operation === jmpOp.jne;
  const equal = operation === jmpOp.jeq ? other : state;
  const different = operation === jmpOp.jeq ? state : other;
  if (!useX) {
    if (equality && a.nullable && isNull(b)) {
      learnNull(equal, a, true);
      learnNull(different, a, false);
    }
    return;
  }
  if (equality && isPointer(a) && isPointer(b) && a.nullable !== b.nullable && !isPacket(a) && !isPacket(b)) {
    learnNull(equal, a.nullable ? a : b, false);
    return;
  }
  if (isPointer(a) && isPointer(b)) learnPacket(insn, a, b, other, state);
}
