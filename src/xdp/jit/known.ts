/**
 * What was checked of pointers before, so that accesses off the same register share one check: for a register, that its lower word and any
 * offset from `low` to `high` (not included) lies within a window. Nothing here is believed of the verifier: each entry stems from a
 * check in the code, or from the frame pointer.
 */
import {
  aluOp,
  frameBytes,
  framePointer,
  type Instruction,
  insnClass,
  isWideLoad,
  sourceX,
} from "../insn/instruction.js";

/** Below 0 as named here; else a map's values. */
export type Window = number;
export const packetWindow: Window = -1;
export const stackWindow: Window = -2;
/** The values of any one map. */
export const readableWindow: Window = -3;
export const writableWindow: Window = -4;

export interface Checked {
  readonly window: Window;
  readonly low: number;
  readonly high: number;
}

/** By register. Never changed in place but by its owner; entries are immutable. */
export type Known = (Checked | undefined)[];

const frame: Checked = { window: stackWindow, low: -frameBytes, high: 0 };
const farthest = 1 << 29;

export function nothingKnown(): Known {
  const known: Known = new Array(11).fill(undefined);
  known[framePointer] = frame;
  return known;
}

/** What holds whichever way one came. */
export function commonOf(ways: readonly Known[]): Known {
  const first = ways[0];
  if (first === undefined) return nothingKnown();
  return first.map((entry, register) => {
    let common = entry;
    for (const way of ways) {
      const other = way[register];
      if (common === undefined || other === undefined || other.window !== common.window) return undefined;
      if (other === common) continue;
      const low = Math.max(common.low, other.low);
      const high = Math.min(common.high, other.high);
      if (low >= high) return undefined;
      common = { window: common.window, low, high };
    }
    return common;
  });
}

export const covers = (known: Known, register: number, window: Window, low: number, high: number): boolean => {
  const entry = known[register];
  return entry !== undefined && entry.window === window && entry.low <= low && entry.high >= high;
};

export function note(known: Known, register: number, window: Window, low: number, high: number): void {
  if (register !== framePointer) known[register] = { window, low, high };
}

/** Windows that may lie in the packet: the host is asked about slices of it too. */
const moving: ReadonlySet<Window> = new Set([packetWindow, readableWindow, writableWindow]);

/** After the packet may have moved. */
export function forgetPacket(known: Known): void {
  known.forEach((entry, register) => {
    if (entry !== undefined && moving.has(entry.window)) known[register] = undefined;
  });
}

export function forgetArguments(known: Known): void {
  known.fill(undefined, 0, 6);
}

/** The register that an instruction of the classes alu and ldx, a wide load or a fetch sets; -1: none. r0 for a compare-and-exchange. */
export function registerSetBy(insn: Instruction): number {
  const kind = insn.opcode & 7;
  if (kind === insnClass.alu || kind === insnClass.alu64 || kind === insnClass.ldx || isWideLoad(insn)) return insn.dst;
  if (kind !== insnClass.stx || (insn.opcode & 0xe0) !== 0xc0) return -1;
  if (insn.imm === 0xf1) return 0;
  return (insn.imm & 1) !== 0 ? insn.src : -1;
}

/** Follows an instruction that is no call. */
export function follow(known: Known, insn: Instruction): void {
  const set = registerSetBy(insn);
  if (set < 0) return;
  if ((insn.opcode & 7) === insnClass.alu64) {
    const operation = insn.opcode & 0xf0;
    const ofRegister = (insn.opcode & sourceX) !== 0;
    if (operation === aluOp.mov && ofRegister && insn.offset === 0) {
      known[set] = known[insn.src];
      return;
    }
    const entry = known[set];
    if ((operation === aluOp.add || operation === aluOp.sub) && !ofRegister && entry !== undefined) {
      const by = operation === aluOp.add ? insn.imm : -insn.imm;
      const [low, high] = [entry.low - by, entry.high - by];
      known[set] =
        Math.abs(low) < farthest && Math.abs(high) < farthest ? { window: entry.window, low, high } : undefined;
      return;
    }
  }
  known[set] = undefined;
}
