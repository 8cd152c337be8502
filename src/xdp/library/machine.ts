/** What objects that share maps have in common: a memory, the maps in it, and a thread that runs programs. */
import { JunctorError } from "../../errors.js";
import { createMapStore, type MapStore, type XdpMap } from "../maps/store.js";
import { createXdpMemory, type XdpMemory } from "../memory.js";
import { frameRegion } from "../run/frame.js";
import type { XdpHost } from "../run/host.js";
import { state } from "../run/state.js";
import { createThread, type Instance, type Thread } from "../run/thread.js";
import type { AttachType, ProgramSpec } from "../spec.js";

export type Engine = "jit" | "interpreter";

/** A program as others of the machine find it. */
export interface Runnable {
  /** Counts from 1. */
  readonly id: number;
  readonly spec: ProgramSpec;
  /** Verifies and compiles it if that is not done yet. */
  ready(engine: Engine): Instance;
  /** Runs it after another program: with the frame as it lies, below so many frames of the stack. */
  readonly interpreted: () => { run(block: number): number; runAt?(block: number, depth: number): bigint } | undefined;
}

export interface Machine {
  readonly memory: XdpMemory;
  readonly store: MapStore;
  readonly thread: Thread;
  /** Offset of the thread's state block, of room for what `mostBatch` frames come to, and of where frames are placed. */
  readonly block: number;
  readonly outcomes: number;
  readonly region: number;
  readonly programs: Runnable[];
  /** Goes up when an entry of a prog_array is set. */
  tailCallChanges(): number;
}

/** Frames that are run on in one call. */
export const mostBatch = 64;

const block = 8192;
const outcomes = block + state.bytes;
const region = 65536;
const mapsAt = Math.ceil((region + frameRegion) / 65536) * 65536;
/** Programs of one machine that tail calls may reach. */
export const slots = 1024;

const attachOf: Readonly<Record<string, AttachType>> = {
  devmap: "xdp/devmap",
  devmap_hash: "xdp/devmap",
  cpumap: "xdp/cpumap",
};

/** The program's id in an entry of a devmap or cpumap; 0: it has none. */
export const programInEntry = (value: Uint8Array): number =>
  value.length < 8 ? 0 : new DataView(value.buffer, value.byteOffset).getUint32(4, true);

export function createMachine({ host = {}, mapBytes = 2 ** 26 }: { host?: XdpHost; mapBytes?: number }): Machine {
  const memory = createXdpMemory(mapsAt + mapBytes);
  const programs: Runnable[] = [];
  let changes = 0;

  function find(id: number, map: XdpMap): Runnable {
    const found = programs[id - 1];
    if (found !== undefined) return found;
    throw new JunctorError("EINVAL", `map ${map.spec.name}: there is no program ${id}`, "use a program's id");
  }

  /** Answers what the data path finds in the entry: not 0. */
  function resolve(map: XdpMap, value: Uint8Array): number {
    const first = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
    const { type, name } = map.spec;
    if (type === "prog_array") {
      changes++;
      return find(first, map).id - 1;
    }
    if (type === "xskmap") return first + 1;
    const id = programInEntry(value);
    if (id !== 0) {
      const { spec } = find(id, map);
      if (spec.attach !== attachOf[type]) {
        const mend = `its section is to be ${attachOf[type]}`;
        throw new JunctorError("EINVAL", `map ${name}: program ${spec.name} is for ${spec.attach}`, mend);
      }
    }
    return first;
  }

  const store = createMapStore({
    memory,
    region: { start: mapsAt, bytes: mapBytes },
    cpus: 1,
    host: { resolve },
  });
  const thread = createThread({ memory, state: block, cpu: 0, cpus: 1, host, slots });
  return { memory, store, thread, block, outcomes, region, programs, tailCallChanges: () => changes };
}
