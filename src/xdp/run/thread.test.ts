import { describe, expect, it } from "vitest";
import { assembleXdp, type MapDescription } from "../library/source.js";
import { createMapStore } from "../maps/store.js";
import { createXdpMemory } from "../memory.js";
import { prepareProgram } from "../program.js";
import { placeFrame } from "./frame.js";
import { action, fault, state } from "./state.js";
import { createThread, type Instance } from "./thread.js";

const block = 8192;
const region = 65536;
const mapsAt = 4 * 65536;
const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

function machine(
  programs: Readonly<Record<string, string>>,
  maps: Readonly<Record<string, MapDescription>> = {},
  blind = false,
) {
  const memory = createXdpMemory(mapsAt + (1 << 20));
  const store = createMapStore({ memory, region: { start: mapsAt, bytes: 1 << 20 }, cpus: 1 });
  const { programs: specs, maps: mapSpecs } = assembleXdp(programs, { maps });
  const made = mapSpecs.map((spec) => store.create(spec));
  const thread = createThread({ memory, state: block, cpu: 0, slots: 8 });
  const records = made.map(({ record }) => record);
  const prepared = specs.map((spec) => prepareProgram(spec, memory, records, { fuel: 1000, blind }));
  const install = (name: string, slot?: number): Instance => {
    const { module, maps: of } = prepared[specs.findIndex((spec) => spec.name === name)]!;
    return thread.install({ code: { kind: "module", module: module! }, maps: of }, slot);
  };
  const field = (offset: number): number => memory.u32[(block + offset) >>> 2]!;
  const frames = (count: number, bytes: (index: number) => number): void => {
    for (let index = 0; index < count; index++)
      memory.u8.fill(bytes(index), region + index * 128, region + index * 128 + 64);
  };
  const place = (): void => placeFrame(memory, block, region, new Uint8Array(64));
  const map = (name: string) => made[mapSpecs.findIndex((spec) => spec.name === name)]!;
  return { memory, store, thread, install, field, frames, place, map };
}

/** What ends a run that has 1000 jumps to spend. */
const spend = "r7 = 2000\nr7 += -1\nif r7 != 0 goto pc-2";

/** By the frame's first byte: 0 passes, 1 drops, 2 goes on for too long, 3 redirects, 4 cuts the tail, 5 cuts the head and goes on, 9 is none. */
const byByte = `
  r6 = r1
  r2 = *(u32 *)(r1 +0)
  r3 = *(u32 *)(r1 +4)
  r4 = r2
  r4 += 14
  if r4 > r3 goto pass
  r5 = *(u8 *)(r2 +0)
  r0 = 1
  if r5 == 1 goto end
  r0 = 9
  if r5 == 9 goto end
  if r5 == 2 goto trap
  if r5 == 3 goto away
  if r5 == 4 goto cut
  if r5 == 5 goto behead
pass:
  r0 = 2
end:
  exit
trap:
  ${spend}
  r0 = 2
  exit
behead:
  r1 = r6
  r2 = 40
  call bpf_xdp_adjust_head
  goto trap
away:
  r1 = 5
  r2 = 0
  call bpf_redirect
  exit
cut:
  r1 = r6
  r2 = -4
  call bpf_xdp_adjust_tail
  r0 = 2
  exit`;

describe("a thread's programs", () => {
  it("pass a batch up to the frame that is something else", () => {
    const { install, field, frames } = machine({ byByte });
    const program = install("byByte");
    const batch = (bytes: readonly number[]): number => {
      frames(bytes.length, (index) => bytes[index]!);
      return program.batch(region, bytes.length, 64, 128);
    };
    expect(batch([0, 0, 0])).toBe(3);
    expect([batch([0, 0, 1, 0]), field(state.verdict)]).toEqual([2, action.drop]);
    expect([batch([0, 3, 1, 0]), field(state.verdict), field(state.redirectKey)]).toEqual([1, action.redirect, 5]);
    expect([batch([4]), field(state.verdict), field(state.dataEnd)]).toEqual([0, action.pass, region + 60]);
    expect([...program.counters.verdicts]).toEqual([0, 1, 7, 0, 1]);
  });

  it("tell at which frame a batch was ended, whatever it did to the frame's edges", () => {
    const { install, field, frames } = machine({ byByte });
    const program = install("byByte");
    for (const byte of [2, 5]) {
      frames(5, (index) => (index === 3 ? byte : 0));
      expect(program.batch(region, 5, 64, 128)).toBe(3);
      expect([field(state.verdict), field(state.fault)]).toEqual([action.aborted, fault.fuel]);
    }
    // Frames may lie on each other, and all in one place.
    expect(program.batch(region, 5, 64, 0)).toBe(5);
    expect(program.counters.faults[fault.fuel]).toBe(2);
  });

  it("count what is no verdict as aborted, and what faults", () => {
    const { install, place, memory, field } = machine({ byByte });
    const program = install("byByte");
    for (const byte of [9, 2, 0]) {
      place();
      memory.u8[field(state.data)] = byte;
      program.run();
    }
    expect([...program.counters.verdicts]).toEqual([2, 0, 1, 0, 0]);
    expect(program.counters.faults[fault.fuel]).toBe(1);
  });

  it("give back a lock when they are ended, and when they forget", () => {
    const value = (then: string): string => `
  *(u32 *)(r10 -4) = 0
  r2 = r10
  r2 += -4
  r1 = map[m] ll
  call bpf_map_lookup_elem
  if r0 == 0 goto none
  r6 = r0
  r1 = r0
  call bpf_spin_lock
  ${then}
none:
  r0 = 2
  exit`;
    const { install, place, memory, map } = machine(
      { traps: value(spend), forgets: value("r7 = 0") },
      { m: { type: "array", valueSize: 16 } },
      true,
    );
    const lockAt = memory.u32[(map("m").record >>> 2) + 6]! >>> 2;
    for (const [name, verdict] of [
      ["traps", action.aborted],
      ["forgets", action.pass],
    ] as const) {
      const program = install(name);
      place();
      expect(program.run(), name).toBe(verdict);
      expect(memory.u32[lockAt], name).toBe(0);
    }
  });

  it("wait for a lock within bounds", () => {
    const text = `
  *(u32 *)(r10 -4) = 0
  r2 = r10
  r2 += -4
  r1 = map[m] ll
  call bpf_map_lookup_elem
  if r0 == 0 goto none
  r1 = r0
  call bpf_spin_lock
none:
  r0 = 2
  exit`;
    const { install, place, memory, map, field } = machine({ text }, { m: { type: "array", valueSize: 16 } }, true);
    memory.u32[memory.u32[(map("m").record >>> 2) + 6]! >>> 2] = 1;
    const program = install("text");
    place();
    expect(program.run()).toBe(action.aborted);
    expect(field(state.fault)).toBe(fault.fuel);
  });
});

describe("tail calls", () => {
  const jump = (to: number, verdict: number): string =>
    `r2 = map[jumps] ll\nr3 = ${to}\ncall bpf_tail_call\nr0 = ${verdict}\nexit`;

  it("fall through at a slot whose program is gone, and cost no call", () => {
    const { install, place, thread, map, field } = machine(
      { first: jump(0, 1), second: "r0 = 3\nexit" },
      { jumps: { type: "prog_array", maxEntries: 4 } },
    );
    map("jumps").update(word(0), word(5));
    const first = install("first", 0);
    const run = (): number => {
      place();
      return first.run();
    };
    expect([run(), field(state.fault), field(state.tailCalls)]).toEqual([action.drop, fault.none, 0]);
    install("second", 5);
    expect([run(), field(state.tailCalls)]).toEqual([action.tx, 1]);
    thread.remove(5);
    expect([run(), field(state.fault), field(state.vacant)]).toEqual([action.drop, fault.none, 0]);
  });

  it("end after 33", () => {
    const { install, place, map, field } = machine({ again: jump(0, 2) }, { jumps: { type: "prog_array" } });
    map("jumps").update(word(0), word(1));
    const again = install("again", 1);
    place();
    expect([again.run(), field(state.tailCalls)]).toEqual([action.pass, 33]);
  });
});

describe("maps of maps", () => {
  const text = `
  *(u32 *)(r10 -4) = 0
  r2 = r10
  r2 += -4
  r1 = map[outer] ll
  call bpf_map_lookup_elem
  if r0 == 0 goto none
  *(u32 *)(r10 -4) = 0
  r2 = r10
  r2 += -4
  r1 = r0
  call bpf_map_lookup_elem
  if r0 == 0 goto none
  r1 = *(u32 *)(r0 +0)
  r1 += 1
  *(u32 *)(r0 +0) = r1
  r0 = 2
  exit
none:
  r0 = 1
  exit`;
  const inner: MapDescription = { type: "array" };

  it("lead to whatever map they hold, also where a freed one was", () => {
    const { store, install, place, map } = machine(
      { text },
      { inner, outer: { type: "array_of_maps", inner: "inner" } },
    );
    const program = install("text");
    const run = (): number => {
      place();
      return program.run();
    };
    expect(run()).toBe(action.drop);
    const outer = map("outer");
    const { spec } = map("inner");
    const seen = new Set<number>();
    for (let round = 0; round < 5; round++) {
      const one = store.create({ ...spec, name: `one${round}` });
      seen.add(one.record);
      outer.update(word(0), word(one.id));
      expect([run(), run()]).toEqual([action.pass, action.pass]);
      expect(one.lookup(word(0))).toEqual(word(2));
      outer.delete(word(0));
      one.release();
      expect(run()).toBe(action.drop);
    }
    // Records are used again, which is what this is about.
    expect(seen.size).toBeLessThan(5);
  });

  it("are all that a program reaches besides its own", () => {
    const { store, memory, install, place, map } = machine(
      {
        stray: `
  *(u32 *)(r10 -4) = 0
  r2 = r10
  r2 += -4
  r1 = map[own] ll
  call bpf_map_lookup_elem
  if r0 == 0 goto none
  *(u32 *)(r10 -4) = 0
  r1 = *(u32 *)(r0 +0)
  r2 = r10
  r2 += -4
  r3 = r10
  r3 += -4
  r4 = 0
  call bpf_map_update_elem
none:
  exit`,
      },
      { own: { type: "array" } },
      true,
    );
    const other = store.create({ ...map("own").spec, name: "other" });
    other.update(word(0), word(7));
    const program = install("stray");
    for (const pointer of [other.record, other.record + 4, 0, block, memory.size - 4, 0xffff_fff0]) {
      map("own").update(word(0), word(pointer));
      place();
      program.run();
      expect(other.lookup(word(0))).toEqual(word(7));
    }
  });
});
