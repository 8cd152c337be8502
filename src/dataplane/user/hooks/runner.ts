/**
 * Runs chains of programs on frames where they lie: one per thread. A chain is what a device's hook has: programs in order, each with the
 * verdicts after which the next one runs.
 */
import type { Region } from "../../../system/memory.js";
import { action, state } from "../../../xdp/run/state.js";
import type { Framing as FramingName } from "../../attributes.js";
import { type Context, createDropCounter } from "../context.js";
import { drop } from "../drops.js";
import { programCounter } from "../layout.js";
import { createFraming } from "./framing.js";

/** A program as a thread has it. */
export interface Instance {
  /** Runs on the frame that the state block tells of; answers the verdict. Never throws. */
  run(): number;
  /**
   * Runs on `count` frames of `size` bytes, each `size` after the one before. Answers how many passed unmoved; the verdict of
   * the one after them is in the state block.
   */
  batch(start: number, count: number, size: number): number;
}

export interface ChainProgram {
  readonly slot: number;
  /** Bit by verdict: after it, the next program runs. */
  readonly runOn: number;
}

export interface Chain {
  readonly programs: readonly ChainProgram[];
  readonly framing: FramingName;
}

/** Where the frame is after its programs; `room` bytes before it may be overwritten. */
export interface Frame {
  at: number;
  length: number;
  room: number;
}

export interface Runner {
  readonly frame: Frame;
  /** Offset of the thread's state block. */
  readonly state: number;
  /** `number` is the program's own, which no other gets when its slot is used again. */
  setProgram(slot: number, instance: Instance | undefined, number?: number): void;
  setChain(index: number, chain: Chain | undefined): void;
  /** Slot of the program that runs, or ran last. */
  running(): number;
  /** Measures the time of runs from now on, or does not. */
  measure(on: boolean): void;
  /** Begins a batch. */
  begin(): void;
  /**
   * Runs a chain on the `length` bytes at `at`, and answers the verdict. For a frame that goes on (`pass`, `tx`, `redirect`) `frame`
   * says where it is; one that does not is counted, and what was written over it is put back. A redirect is settled by
   * `redirected` while the program still sees the frame.
   */
  run(chain: number, kind: number, device: number, egress: boolean, at: number, length: number, room: number): number;
  /**
   * As `run` for frames that follow each other; answers how many of them passed as they are. The next one is to be `run`, even if that
   * was done already: its verdict is remembered.
   */
  pass(chain: number, device: number, start: number, count: number, size: number): number;
  /** Runs the program of a map's entry on the frame in hand, as `egress` if it leaves by `device`. False: it is not to go on. */
  enter(slot: number, device: number, egress: boolean): boolean;
  /**
   * Runs an entry's program (slot, or -1 for none) on a frame that another run has left as its program saw it: at another thread
   * (`egress` 0), or on its way out of a device. Then as `run`: `pass`, or at another thread `redirect`, say that it goes on.
   */
  resume(
    slot: number,
    framing: FramingName,
    kind: number,
    ingress: number,
    egress: number,
    at: number,
    length: number,
    room: number,
  ): number;
  /** Number of the program in a slot, never used again; 0: there is none. */
  programIn(slot: number): number;
  /** Copies a frame to a place of its own with `seatRoom` bytes before it, and answers where. 0: it is too long. */
  seat(bytes: Uint8Array): number;
  /** Gives the frame in hand another place with this much room; false: there is none. */
  reseat(headroom: number, tailroom: number): boolean;
}

/** What programs know a thread as: workers count from 0, the control thread comes last. */
export const cpuOf = ({ arena, layout }: Context): number =>
  arena.index === 0 ? layout.arenas.length - 1 : arena.index - 1;

/** What decides about a redirect: called with the frame as the program left it. Answers whether it goes on as `redirect`. */
export type Redirected = (kind: number, framing: FramingName) => boolean;

/** Tags of the device in hand are filled into the state block by its kind. */
export type Tags = (state: number, device: number) => void;

/** Told of each run that was aborted, with what aborted it still in the state block. */
export type Aborted = () => void;

export function createRunner(
  context: Context,
  region: Region,
  scratch: (bytes: number) => number,
  tags: Tags,
  redirected: Redirected,
  aborted: Aborted = () => {},
): Runner {
  const { memory, arena } = context;
  const { u8, u32, f64 } = memory;
  const drops = createDropCounter(context);
  const block = arena.programState;
  const word = block >> 2;
  const framing = createFraming(memory);
  const counters = arena.programCounters >> 3;
  const instances: (Instance | undefined)[] = [];
  const programNumbers: number[] = [];
  const chains: (Chain | undefined)[] = [];
  const frame: Frame = { at: 0, length: 0, room: 0 };
  /** Where the buffer begins that the frame in hand was moved to; 0: it is where it was. */
  let seat = 0;
  /**
   * The frame that ended `pass`: its programs have run. 0: there is none. Those before it go on first, and programs run on them, so what
   * was left in the state block is kept, and the frame too if it was moved.
   */
  let stopped = 0;
  let stoppedSeat = 0;
  const stoppedState = new Uint32Array(keptWords);
  let current = 0;
  let measuring = false;
  const aside = region.allocate(longestSeat);
  const stoppedFrame = region.allocate(longestSeat);

  u32[word + (state.rxQueueIndex >> 2)] = cpuOf(context);

  function place(at: number, end: number): void {
    u32[word + (state.data >> 2)] = at;
    u32[word + (state.dataEnd >> 2)] = end;
    u32[word + (state.dataMeta >> 2)] = at;
    u32[word + (state.hardStart >> 2)] = at;
    u32[word + (state.hardEnd >> 2)] = end;
  }

  function about(device: number, egress: boolean): void {
    u32[word + (state.ingressIfindex >> 2)] = device;
    u32[word + (state.egressIfindex >> 2)] = egress ? device : 0;
    tags(block, device);
  }

  function tally(counter: number, verdict: number): void {
    f64[counter + programCounter.runs]! += 1;
    const known = verdict >>> 0 <= action.redirect ? verdict : action.redirect + 1;
    f64[counter + programCounter.verdicts + known]! += 1;
  }

  function measured(counter: number, before: number, runs: number): void {
    f64[counter + programCounter.nanoseconds]! += (performance.now() - before) * 1e6;
    f64[counter + programCounter.measured]! += runs;
  }

  function once(slot: number, instance: Instance): number {
    current = slot;
    const counter = counters + slot * programCounter.count;
    const before = measuring ? performance.now() : 0;
    let verdict = instance.run();
    if (measuring) measured(counter, before, 1);
    // What is no verdict aborts; the state block says what it was.
    if (verdict === action.aborted) {
      verdict = u32[word + (state.verdict >> 2)]!;
      aborted();
    }
    tally(counter, verdict);
    return verdict;
  }

  function keepStopped(at: number): void {
    stopped = at;
    stoppedSeat = seat;
    for (let index = 0; index < keptWords; index++) stoppedState[index] = u32[word + index]!;
    if (seat === 0) return;
    const meta = u32[word + (state.dataMeta >> 2)]!;
    u8.copyWithin(stoppedFrame + meta - seat, meta, u32[word + (state.dataEnd >> 2)]!);
  }

  function recallStopped(): void {
    stopped = 0;
    for (let index = 0; index < keptWords; index++) u32[word + index] = stoppedState[index]!;
    seat = stoppedSeat;
    if (seat === 0) return;
    const meta = u32[word + (state.dataMeta >> 2)]!;
    const length = u32[word + (state.dataEnd >> 2)]! - meta;
    const next = scratch(u32[word + (state.hardEnd >> 2)]! - seat);
    u8.copyWithin(next + meta - seat, stoppedFrame + meta - seat, stoppedFrame + meta - seat + length);
    for (const field of [state.data, state.dataEnd, state.dataMeta, state.hardStart, state.hardEnd]) {
      u32[word + (field >> 2)]! += next - seat;
    }
    seat = next;
  }

  function through(programs: readonly ChainProgram[]): number {
    let verdict: number = action.pass;
    for (let index = 0; index < programs.length; index++) {
      const { slot, runOn } = programs[index]!;
      const instance = instances[slot];
      if (instance === undefined) continue;
      verdict = once(slot, instance);
      if (verdict >>> 0 > action.redirect || (runOn & (1 << verdict)) === 0) break;
    }
    return verdict;
  }

  function refuse(reason: number): number {
    framing.restore();
    drops.leaving(reason);
    return action.drop;
  }

  /** What a map's entry says of a frame, if not that it goes on. */
  function refuseEntry(verdict: number): number {
    if (verdict === action.aborted) return refuse(drop["xdp-aborted"]);
    return refuse(verdict > action.redirect ? drop["xdp-unknown"] : drop["xdp-drop"]);
  }

  /** What a verdict means for the frame in hand. */
  function settle(verdict: number, chainFraming: FramingName, kind: number, at: number, room: number): number {
    if (verdict === action.drop) return refuse(drop["xdp-drop"]);
    if (verdict === action.aborted) return refuse(drop["xdp-aborted"]);
    if (verdict >>> 0 > action.redirect) return refuse(drop["xdp-unknown"]);
    if (verdict === action.redirect && !redirected(kind, chainFraming)) {
      framing.restore();
      return action.drop;
    }
    framing.at = u32[word + (state.data >> 2)]!;
    framing.end = u32[word + (state.dataEnd >> 2)]!;
    if (chainFraming === "ethernet" && !framing.leave(kind)) return refuse(drop["xdp-framing"]);
    frame.at = framing.at;
    frame.length = framing.end - framing.at;
    frame.room = seat === 0 ? Math.max(0, room + frame.at - at) : frame.at - seat;
    return verdict;
  }

  /** Moves the frame, metadata and all, to a buffer of its own. */
  function reseat(headroom: number, tailroom: number): boolean {
    const meta = u32[word + (state.dataMeta >> 2)]!;
    const data = u32[word + (state.data >> 2)]!;
    const end = u32[word + (state.dataEnd >> 2)]!;
    const before = Math.max(headroom + data - meta, seatRoom);
    const bytes = before + (end - meta) + Math.max(tailroom, tailroomOfSeats);
    if (bytes > longestSeat) return false;
    // `scratch` may send what is queued: the bytes under the view must be their owners' again by then.
    u8.copyWithin(aside, meta, end);
    framing.restore();
    seat = scratch(bytes);
    const to = seat + before;
    u8.copyWithin(to, aside, aside + end - meta);
    u32[word + (state.dataMeta >> 2)] = to;
    u32[word + (state.data >> 2)] = to + data - meta;
    u32[word + (state.dataEnd >> 2)] = to + end - meta;
    u32[word + (state.hardStart >> 2)] = seat + headroomKept;
    u32[word + (state.hardEnd >> 2)] = seat + bytes;
    return true;
  }

  return {
    frame,
    state: block,
    setProgram(slot, instance, number = 0) {
      instances[slot] = instance;
      programNumbers[slot] = number;
    },
    programIn: (slot) => programNumbers[slot] ?? 0,
    setChain(index, chain) {
      chains[index] = chain;
    },
    running: () => current,
    measure(on) {
      measuring = on;
    },
    begin() {
      stopped = 0;
    },
    run(index, kind, device, egress, at, length, room) {
      const chain = chains[index];
      frame.at = at;
      frame.length = length;
      frame.room = room;
      if (chain === undefined) {
        if (index === 0) return action.pass;
        // It was taken away, and its device with it: nothing may go on that programs were to see.
        drops.leaving(drop["relation-ended"]);
        return action.drop;
      }
      seat = 0;
      if (stopped === at) {
        recallStopped();
        return settle(u32[word + (state.verdict >> 2)]!, chain.framing, kind, at, room);
      }
      if (chain.framing === "native") {
        place(at, at + length);
      } else {
        if (!framing.enter(kind, at, length, device, egress)) return action.pass;
        place(framing.at, framing.end);
      }
      about(device, egress);
      return settle(through(chain.programs), chain.framing, kind, at, room);
    },
    pass(index, device, start, count, size) {
      const chain = chains[index];
      if (chain === undefined) return index === 0 ? count : 0;
      if (chain.framing !== "native" || chain.programs.length !== 1) return 0;
      const { slot } = chain.programs[0]!;
      const instance = instances[slot];
      if (instance === undefined) return count;
      about(device, false);
      const before = measuring ? performance.now() : 0;
      seat = 0;
      current = slot;
      const passed = instance.batch(start, count, size);
      const counter = counters + slot * programCounter.count;
      f64[counter + programCounter.runs]! += passed;
      f64[counter + programCounter.verdicts + action.pass]! += passed;
      if (passed < count) {
        const verdict = u32[word + (state.verdict >> 2)]!;
        if (verdict === action.aborted || verdict > action.redirect) aborted();
        tally(counter, verdict);
        keepStopped(start + passed * size);
      }
      if (measuring) measured(counter, before, Math.min(passed + 1, count));
      return passed;
    },
    enter(slot, device, egress) {
      const instance = instances[slot];
      if (instance === undefined) return true;
      if (egress) u32[word + (state.egressIfindex >> 2)] = device;
      const verdict = once(slot, instance);
      if (verdict === action.pass) return true;
      refuseEntry(verdict);
      return false;
    },
    resume(slot, chainFraming, kind, ingress, egress, at, length, room) {
      framing.adopt();
      seat = at - room;
      place(at, at + length);
      about(ingress, false);
      u32[word + (state.egressIfindex >> 2)] = egress;
      const instance = instances[slot];
      const verdict = instance === undefined ? action.pass : once(slot, instance);
      if (verdict === action.pass || (verdict === action.redirect && egress === 0)) {
        return settle(verdict, chainFraming, kind, at, room);
      }
      return refuseEntry(verdict);
    },
    seat(bytes) {
      const all = seatRoom + bytes.length + tailroomOfSeats;
      if (all > longestSeat) return 0;
      framing.restore();
      const at = scratch(all) + seatRoom;
      u8.set(bytes, at);
      return at;
    },
    reseat,
  };
}

/** Words of the state block that tell of the frame in hand: all up to the time. */
const keptWords = state.time >> 2;
/** As XDP_PACKET_HEADROOM, and what L2TP and PPP headers need besides. */
const headroomKept = 352;
export const seatRoom = headroomKept + 256;
const tailroomOfSeats = 320;
const longestSeat = 128 << 10;
