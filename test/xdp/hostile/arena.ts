/**
 * A memory in which spoiled programs are loaded and run, with bytes around all that is theirs, and a map of somebody else's, that must stay
 * as they are.
 */
import { JunctorError } from "../../../src/errors.js";
import { kfuncByName } from "../../../src/xdp/helpers/kfuncs.js";
import { bindMap } from "../../../src/xdp/jit/bindings.js";
import { compileProgram } from "../../../src/xdp/jit/compile.js";
import { inlineRoutine } from "../../../src/xdp/maps/inline/routines.js";
import { createMapStore } from "../../../src/xdp/maps/store.js";
import { createXdpMemory, isShared, wasm } from "../../../src/xdp/memory.js";
import { loadObject } from "../../../src/xdp/object/load.js";
import { frameRegion, placeFrame } from "../../../src/xdp/run/frame.js";
import { fault as faults, state } from "../../../src/xdp/run/state.js";
import { createThread } from "../../../src/xdp/run/thread.js";
import type { MapSpec, ObjectSpec, ProgramSpec } from "../../../src/xdp/spec.js";
import { verify } from "../../../src/xdp/verifier/verify.js";

const page = 65536;
const block = 2 * page;
const frames = 4 * page;
const mapsAt = 7 * page;
const mapBytes = 32 * page;
const others = mapsAt + mapBytes + page;
const otherBytes = page;
const total = others + otherBytes + page;

/** How far a mutant came. */
export type End =
  | "no object"
  | "no maps"
  | "unharmed"
  | "refused"
  | "too complex"
  | "ran"
  | "out of fuel"
  | "ran unverified"
  | "faulted unverified";

export interface Arena {
  /**
   * Loads an object and tries one of its programs, by `which` modulo their number, unless it is `unharmed`. `whole`: with maps as large as
   * it says. Anything thrown is a mistake of ours.
   */
  tryObject(
    bytes: Uint8Array,
    frame: Uint8Array,
    which: number,
    whole: boolean,
    unharmed: (program: ProgramSpec) => boolean,
  ): End;
  /** `blind`: as if the verifier had let it through. */
  tryProgram(spec: ProgramSpec, frame: Uint8Array, blind: boolean): End;
}

/** What a mutant may cost. */
export interface Limits {
  readonly maximumInstructions: number;
  readonly fuel: number;
}

/** Its maps with few entries each, so that making them takes no time. */
export function withSmallMaps<T extends ObjectSpec | ProgramSpec>(spec: T): T {
  const small = new Map(
    spec.maps.map((map) => [map, map.maxEntries > 16 && map.type !== "ringbuf" ? { ...map, maxEntries: 16 } : map]),
  );
  const replace = (maps: readonly MapSpec[]): readonly MapSpec[] => maps.map((map) => small.get(map) ?? map);
  if (!("programs" in spec)) return { ...spec, maps: replace(spec.maps) };
  const programs = spec.programs.map((program) => ({ ...program, maps: replace(program.maps) }));
  return { ...spec, maps: replace(spec.maps), programs };
}

/** The end of a mutant that was told of by an error of ours; anything else goes on. */
function told(error: unknown, end: End): End {
  if (!(error instanceof JunctorError)) throw error;
  if (error.message.length < 8 || error.message.length > 4096 || error.code === "") {
    throw new Error(`an error that says nothing, or too much: ${error.code} ${error.message.slice(0, 200)}`);
  }
  return end;
}

export function createArena({ maximumInstructions, fuel }: Limits): Arena {
  const memory = createXdpMemory(total);
  const { u8 } = memory;
  const thread = createThread({
    memory,
    state: block,
    cpu: 0,
    cpus: 1,
    host: { seed: [1, 2, 3, 4] },
    slots: 8,
  });

  const strangers = createMapStore({ memory, region: { start: others, bytes: otherBytes }, cpus: 1 });
  const secret = strangers.create({
    name: "secret",
    type: "array",
    keySize: 4,
    valueSize: 64,
    maxEntries: 64,
    flags: 0,
  });
  for (let key = 0; key < 64; key++) secret.update(Uint8Array.of(key, 0, 0, 0), new Uint8Array(64).fill(0xa5));
  // What belongs to nobody: below the state block, between the regions, and behind.
  const guards: readonly (readonly [number, number])[] = [
    [0, block],
    [block + state.bytes, frames],
    [frames + Math.ceil(frameRegion / page) * page, mapsAt],
    [mapsAt + mapBytes, others],
    [others, total],
  ];
  for (const [from, to] of guards.slice(0, 4)) u8.fill(0x5a, from, to);
  const kept = guards.map(([from, to]) => [from, Buffer.from(u8.slice(from, to))] as const);
  const views = guards.map(([from, to]) => Buffer.from(u8.buffer as ArrayBuffer, from, to - from));

  function checkGuards(): void {
    for (const [index, [from, before]] of kept.entries()) {
      if (!views[index]!.equals(before))
        throw new Error(`memory behind byte ${from} was written, which is not the program's`);
    }
  }

  let last: ReturnType<typeof createMapStore> | undefined;

  function makeMaps(maps: readonly MapSpec[]): ReadonlyMap<MapSpec, number> {
    // A store begins with memory that is all zeros.
    if (last !== undefined) u8.fill(0, mapsAt, mapsAt + mapBytes - last.free + page);
    const store = createMapStore({ memory, region: { start: mapsAt, bytes: mapBytes }, cpus: 1, perfBytes: 4096 });
    last = store;
    return new Map(maps.map((map) => [map, store.create(map).record]));
  }

  function tryWith(spec: ProgramSpec, records: ReadonlyMap<MapSpec, number>, frame: Uint8Array, blind: boolean): End {
    const verified = verify(spec, { maximumInstructions, blind });
    if (!verified.ok) {
      if (verified.summary.length < 8) throw new Error(`a refusal that says nothing: ${verified.summary}`);
      return verified.reason === "unsafe" ? "refused" : "too complex";
    }
    const own = spec.maps.map((map) => records.get(map)!);
    const bindings = spec.maps.map((map, index) => bindMap(memory, own[index]!, map, 1));
    const { bytes } = compileProgram({
      spec,
      verified,
      bindings,
      fuel,
      inlineRoutine: (into, { record, base }, operation, host) =>
        inlineRoutine(into, { memory, record, base }, operation, host),
      sharedMemory: isShared(memory),
    });
    const instance = thread.install({ code: { kind: "module", module: new wasm!.Module(bytes) }, maps: own }, 1);
    placeFrame(memory, block, frames, frame);
    instance.run();
    const fault = memory.u32[(block + state.fault) >>> 2]!;
    checkGuards();
    if (blind) return fault === 0 ? "ran unverified" : "faulted unverified";
    if (fault === faults.none) return "ran";
    // bpf_loop may go round 2^23 times: what is verified may take long, and nothing else.
    if (fault === faults.fuel) return "out of fuel";
    const slot = memory.u32[(block + state.faultInsn) >>> 2]!;
    throw new Error(`verified, and ended by fault ${fault} at instruction ${slot}`);
  }

  return {
    tryObject(bytes, frame, which, whole, unharmed) {
      let object: ObjectSpec;
      try {
        object = loadObject(bytes, { kfuncs: (name) => kfuncByName(name)?.id });
        if (!whole) object = withSmallMaps(object);
      } catch (error) {
        return told(error, "no object");
      }
      const spec = object.programs[which % object.programs.length];
      if (spec !== undefined && unharmed(spec)) return "unharmed";
      let records: ReadonlyMap<MapSpec, number>;
      try {
        records = makeMaps(object.maps);
      } catch (error) {
        return told(error, "no maps");
      }
      return spec === undefined ? "no object" : tryWith(spec, records, frame, false);
    },
    tryProgram(spec, frame, blind) {
      try {
        return tryWith(spec, makeMaps(spec.maps), frame, blind);
      } catch (error) {
        if (blind) return told(error, "refused");
        throw error;
      }
    },
  };
}
