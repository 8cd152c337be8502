/**
 * Runs chains of programs on frames where they lie: one per thread. A chain is what a device's hook has: programs in order, each with the
 * verdicts after which the next one runs.
 */
import type { Region } from "../../../system/memory.js";
import { isAborted, outcome, writeOutcome } from "../../../xdp/run/outcome.js";
import { action, state } from "../../../xdp/run/state.js";
import type { Framing as FramingName } from "../../attributes.js";
import { type Context, createDropCounter } from "../context.js";
import { drop } from "../drops.js";
import { fate } from "./fate.js";
import { createFraming } from "./framing.js";
import { createOutcomes, mostBatch, type Outcomes } from "./outcomes.js";
import type { Redirects } from "./redirect.js";
import { createTally } from "./tally.js";

/** A program as a thread has it. */
export interface Instance {
  /** Runs on the frame that the state block tells of; answers the verdict. Never throws. */
  run(): number;
  /**
   * Runs on `count` frames of `size` bytes, each `size` after the one before, and writes what each came to at `outcomes`. Answers how many
   * it was: behind one that is aborted, or that a helper has given another place, it ends.
   */
  batch(start: number, count: number, size: number, outcomes: number): number;
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
  /**
   * Runs a chain on the `length` bytes at `at`, and answers the frame's fate, never `away`. If it is to go on or back, `frame` says where it
   * is. One that is not is counted, and what was written over it is put back.
   */
  run(chain: number, kind: number, device: number, egress: boolean, at: number, length: number, room: number): number;
  /**
   * Runs a chain whose framing is native on frames of `size` bytes that a device received, which follow each other, before any of them goes
   * on. Answers how many of the first it was, at least 1; what follows here takes them in their order.
   */
  batch(chain: number, device: number, start: number, count: number, size: number): number;
  /** What the batch came to. */
  readonly outcomes: Pick<Outcomes, "verdict" | "isMoved">;
  /** How many frames of the batch, from this one on, came to the same. Counts their runs: each frame is to be asked for once. */
  alike(first: number): number;
  /** Drops so many frames of the batch. */
  drop(count: number): void;
  /** As `run` answers, for a frame of the batch. */
  settle(index: number, kind: number, room: number): number;
  /** Runs the program of a map's entry on the frame in hand, as `egress` if it leaves by `device`. False: it is not to go on. */
  enter(slot: number, device: number, egress: boolean): boolean;
  /**
   * Runs an entry's program (slot, or -1 for none) on a frame that another run has left as its program saw it: at another thread
   * (`egress` 0), where it may redirect it, or on its way out of a device. Answers as `run`, never `back`.
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

/** Tags of the device in hand are filled into the state block by its kind. */
export type Tags = (state: number, device: number) => void;

/** Told of each run that was aborted, with what aborted it still in the state block. */
export type Aborted = () => void;

export function createRunner(
  context: Context,
  region: Region,
  scratch: (bytes: number) => number,
  tags: Tags,
  redirects: Pick<Redirects, "settle" | "send">,
  aborted: Aborted = () => {},
): Runner {
  const { memory, arena } = context;
  const { u8, u32 } = memory;
  const drops = createDropCounter(context);
  const block = arena.programState;
  const word = block >> 2;
  const framing = createFraming(memory);
  const instances: (Instance | undefined)[] = [];
  const programNumbers: number[] = [];
  const chains: (Chain | undefined)[] = [];
  const frame: Frame = { at: 0, length: 0, room: 0 };
  /** Where the buffer begins that the frame in hand was moved to, and its size; 0: it is where it was. */
  let seat = 0;
  let seatBytes = 0;
  const outcomes = createOutcomes(region);
  const tally = createTally(context);
  /** The batch: its frames, how many of them programs have run on, their device, and why those are dropped that are to be. */
  let [batchStart, batchSize, batchCount, batchDevice, batchDrop] = [0, 0, 0, 0, 0];
  /** Whose runs its verdicts are; -1: they are counted. */
  let batchSlot = -1;
  /** Where a batch's last frame is moved to: those before it are sent first, and what they leave with may take all of `scratch`. */
  const held = region.allocate(longestSeat);
  let isBatch = false;
  let current = 0;
  const aside = region.allocate(longestSeat);

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

  function once(slot: number, instance: Instance): number {
    current = slot;
    const begun = tally.begin();
    let verdict = instance.run();
    tally.end(slot, begun, 1);
    // What is no verdict aborts; the state block says what it was.
    if (verdict === action.aborted) {
      verdict = u32[word + (state.verdict >> 2)]!;
      aborted();
    }
    tally.add(slot, verdict, 1);
    return verdict;
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
    return fate.dropped;
  }

  /** Drops a frame for what a program said of it. */
  function refuseFor(verdict: number): number {
    if (verdict === action.aborted) return refuse(drop["xdp-aborted"]);
    return refuse(verdict >>> 0 > action.redirect ? drop["xdp-unknown"] : drop["xdp-drop"]);
  }

  /**
   * Does what a verdict means for the frame in hand, which was at `at` with `room` bytes before it. `redirect` is the offset of what was
   * said of a redirect.
   */
  function conclude(
    verdict: number,
    chainFraming: FramingName,
    kind: number,
    at: number,
    room: number,
    redirect = block + state.redirect,
  ): number {
    let became: number = fate.passed;
    if (verdict === action.redirect) {
      // While the frame still is as its program saw it.
      became = redirects.settle(kind, chainFraming, redirect);
      if (became !== fate.away) {
        framing.restore();
        return became;
      }
    } else if (verdict === action.tx) became = fate.back;
    else if (verdict !== action.pass) return refuseFor(verdict);
    framing.at = u32[word + (state.data >> 2)]!;
    framing.end = u32[word + (state.dataEnd >> 2)]!;
    if (chainFraming === "ethernet" && !framing.leave(kind)) return refuse(drop["xdp-framing"]);
    frame.at = framing.at;
    frame.length = framing.end - framing.at;
    frame.room = seat === 0 ? Math.max(0, room + frame.at - at) : frame.at - seat;
    if (became !== fate.away) return became;
    redirects.send(kind, frame.at, frame.length, frame.room);
    return fate.sent;
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
    seat = isBatch ? held : scratch(bytes);
    seatBytes = bytes;
    const to = seat + before;
    u8.copyWithin(to, aside, aside + end - meta);
    u32[word + (state.dataMeta >> 2)] = to;
    u32[word + (state.data >> 2)] = to + data - meta;
    u32[word + (state.dataEnd >> 2)] = to + end - meta;
    u32[word + (state.hardStart >> 2)] = seat + headroomKept;
    u32[word + (state.hardEnd >> 2)] = seat + bytes;
    return true;
  }

  /** Has the state block tell of a frame of the batch again: others may have run meanwhile. */
  function recall(record: number, at: number): void {
    seat = 0;
    place(at, at + batchSize);
    if (u32[word + (state.device >> 2)] !== batchDevice || u32[word + (state.egressIfindex >> 2)] !== 0) {
      about(batchDevice, false);
    }
    const data = u32[record + outcome.data / 4]!;
    if (data === 0) return;
    const end = u32[record + outcome.dataEnd / 4]!;
    const meta = u32[record + outcome.dataMeta / 4]!;
    let by = 0;
    if (meta >= held && meta < held + longestSeat) {
      seat = scratch(seatBytes);
      by = seat - held;
      u8.copyWithin(meta + by, meta, end);
      u32[word + (state.hardStart >> 2)] = seat + headroomKept;
      u32[word + (state.hardEnd >> 2)] = seat + seatBytes;
    }
    u32[word + (state.data >> 2)] = data + by;
    u32[word + (state.dataEnd >> 2)] = end + by;
    u32[word + (state.dataMeta >> 2)] = meta + by;
  }

  /** A batch that no program sees. */
  function unseen(verdict: number, count: number): number {
    outcomes.fill(verdict, count);
    return count;
  }

  /** A batch of one program. */
  function together(slot: number, start: number, count: number, size: number): number {
    const instance = instances[slot];
    if (instance === undefined) return unseen(action.pass, count);
    current = slot;
    const begun = tally.begin();
    const ran = instance.batch(start, count, size, outcomes.at(0));
    tally.end(slot, begun, ran);
    if (isAborted(outcomes.verdict(ran - 1))) aborted();
    batchSlot = slot;
    return ran;
  }

  /** A batch of several programs, which take turns. */
  function oneByOne(programs: readonly ChainProgram[], start: number, count: number, size: number): number {
    for (let index = 0; index < count; index++) {
      const at = start + index * size;
      place(at, at + size);
      if (!writeOutcome(u32, block, outcomes.at(index), through(programs), at, at + size)) return index + 1;
    }
    return count;
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
    measure: tally.measure,
    run(index, kind, device, egress, at, length, room) {
      const chain = chains[index];
      frame.at = at;
      frame.length = length;
      frame.room = room;
      if (chain === undefined) {
        if (index === 0) return fate.passed;
        // It was taken away, and its device with it: nothing may go on that programs were to see.
        drops.leaving(drop["relation-ended"]);
        return fate.dropped;
      }
      seat = 0;
      if (chain.framing === "native") {
        place(at, at + length);
      } else {
        if (!framing.enter(kind, at, length, device, egress)) return fate.passed;
        place(framing.at, framing.end);
      }
      about(device, egress);
      const verdict = through(chain.programs);
      // What leaves may be dropped or sent elsewhere; back is no way for it.
      if (egress && verdict === action.tx) return refuse(drop["xdp-unknown"]);
      return conclude(verdict, chain.framing, kind, at, room);
    },
    batch(index, device, start, count, size) {
      const chain = chains[index];
      const most = Math.min(count, mostBatch);
      batchStart = start;
      batchSize = size;
      batchDevice = device;
      batchDrop = chain === undefined ? drop["relation-ended"] : drop["xdp-drop"];
      about(device, false);
      batchSlot = -1;
      isBatch = true;
      if (chain === undefined) batchCount = unseen(index === 0 ? action.pass : action.drop, most);
      else if (chain.programs.length === 1) batchCount = together(chain.programs[0]!.slot, start, most, size);
      else batchCount = oneByOne(chain.programs, start, most, size);
      isBatch = false;
      return batchCount;
    },
    outcomes,
    alike(first) {
      const count = outcomes.alike(first, batchCount);
      if (batchSlot !== -1) tally.add(batchSlot, outcomes.verdict(first), count);
      return count;
    },
    drop(count) {
      drops.leaving(batchDrop, count);
    },
    settle(index, kind, room) {
      const record = outcomes.at(index);
      const verdict = outcomes.verdict(index);
      const at = batchStart + index * batchSize;
      recall(record >> 2, at);
      return conclude(verdict, "native", kind, at, room, record + outcome.redirect);
    },
    enter(slot, device, egress) {
      const instance = instances[slot];
      if (instance === undefined) return true;
      if (egress) u32[word + (state.egressIfindex >> 2)] = device;
      const verdict = once(slot, instance);
      if (verdict === action.pass) return true;
      refuseFor(verdict);
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
        return conclude(verdict, chainFraming, kind, at, room);
      }
      return refuseFor(verdict);
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

/** As XDP_PACKET_HEADROOM, and what L2TP and PPP headers need besides. */
const headroomKept = 352;
export const seatRoom = headroomKept + 256;
const tailroomOfSeats = 320;
const longestSeat = 128 << 10;
