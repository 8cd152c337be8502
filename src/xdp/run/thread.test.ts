import { describe, expect, it } from "vitest";
import { assembleXdp, type MapDescription } from "../library/source.js";
import { createMapStore } from "../maps/store.js";
import { createXdpMemory } from "../memory.js";
import { prepareProgram } from "../program.js";
import { placeFrame } from "./frame.js";
import type { XdpHost } from "./host.js";
import { outcome } from "./outcome.js";
import { action, fault, redirectKind, state } from "./state.js";
import { createThread, type Instance } from "./thread.js";

const block = 8192;
const outcomesAt = 32768;
const region = 65536;
const mapsAt = 4 * 65536;
const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

function machine(
  programs: Readonly<Record<string, string>>,
  maps: Readonly<Record<string, MapDescription>> = {},
  blind = false,
  host: XdpHost = {},
) {
  const memory = createXdpMemory(mapsAt + (1 << 20));
  const store = createMapStore({ memory, region: { start: mapsAt, bytes: 1 << 20 }, cpus: 1 });
  const { programs: specs, maps: mapSpecs } = assembleXdp(programs, { maps });
  const made = mapSpecs.map((spec) => store.create(spec));
  const thread = createThread({ memory, state: block, cpu: 0, slots: 8, host });
  const records = made.map(({ record }) => record);
  const prepared = specs.map((spec) => prepareProgram(spec, memory, records, { fuel: 1000, blind }));
  const install = (name: string, slot?: number): Instance => {
    const { module, maps: of } = prepared[specs.findIndex((spec) => spec.name === name)]!;
    return thread.install({ code: { kind: "module", module: module! }, maps: of }, slot);
  };
  const field = (offset: number): number => memory.u32[(block + offset) >>> 2]!;
  const set = (offset: number, value: number): void => {
    memory.u32[(block + offset) >>> 2] = value;
  };
  /** What the frames of a batch came to; `at` and `end` of those that were moved, `to` of those that go elsewhere. */
  const outcomes = (count: number) =>
    Array.from({ length: count }, (_, index) => {
      const word = (offset: number): number => memory.u32[(outcomesAt + index * outcome.bytes + offset) >>> 2]!;
      const [verdict, at] = [word(outcome.verdict), word(outcome.data)];
      return {
        verdict,
        ...(at !== 0 && { at, end: word(outcome.dataEnd) }),
        ...(verdict === action.redirect && { to: [word(outcome.redirect), word(outcome.redirectKey)] }),
      };
    });
  const frames = (count: number, bytes: (index: number) => number): void => {
    for (let index = 0; index < count; index++)
      memory.u8.fill(bytes(index), region + index * 128, region + index * 128 + 64);
  };
  const place = (): void => placeFrame(memory, block, region, new Uint8Array(64));
  const map = (name: string) => made[mapSpecs.findIndex((spec) => spec.name === name)]!;
  return { memory, store, thread, install, field, set, frames, outcomes, place, map };
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
  it("say what each frame of a batch comes to", () => {
    const { install, frames, outcomes } = machine({ byByte });
    const program = install("byByte");
    const batch = (bytes: readonly number[]) => {
      frames(bytes.length, (index) => bytes[index]!);
      return outcomes(program.batch(region, bytes.length, 64, 128, outcomesAt));
    };
    const [passed, dropped] = [{ verdict: action.pass }, { verdict: action.drop }];
    const away = { verdict: action.redirect, to: [redirectKind.ifindex, 5] };
    const cut = { verdict: action.pass, at: region + 2 * 128, end: region + 2 * 128 + 60 };
    expect(batch([0, 0, 0])).toEqual([passed, passed, passed]);
    expect(batch([0, 1, 0, 3, 1, 3])).toEqual([passed, dropped, passed, away, dropped, away]);
    expect(batch([0, 1, 4, 0])).toEqual([passed, dropped, cut, passed]);
    // The state block says why a frame was aborted, so that one is the last.
    expect(batch([1, 9, 0])).toEqual([dropped, { verdict: 9 }]);
  });

  it.each([2, 5])("tell at which frame a batch was ended (%i), whatever was done to the frame's edges", (byte) => {
    const { install, field, frames, outcomes } = machine({ byByte });
    const program = install("byByte");
    frames(5, (index) => (index === 3 ? byte : 0));
    const ran = program.batch(region, 5, 64, 128, outcomesAt);
    expect(outcomes(ran).map(({ verdict }) => verdict)).toEqual([2, 2, 2, action.aborted]);
    expect(outcomes(ran)[3]).toEqual({ verdict: action.aborted });
    expect([field(state.verdict), field(state.fault)]).toEqual([action.aborted, fault.fuel]);
    // Frames may lie on each other, and all in one place.
    expect(program.batch(region, 5, 64, 0, outcomesAt)).toBe(5);
  });

  it("end a batch behind a frame that was moved to a place of its own", () => {
    const longer = "r6 = r1\nr2 = -20\ncall bpf_xdp_adjust_head\nr0 = 2\nexit";
    const elsewhere = region + 65536;
    const { install, frames, outcomes, set } = machine({ longer }, {}, false, {
      reseat: () => {
        for (const word of [state.data, state.dataMeta]) set(word, elsewhere + 100);
        set(state.dataEnd, elsewhere + 164);
        set(state.hardStart, elsewhere);
        set(state.hardEnd, elsewhere + 1000);
        return true;
      },
    });
    frames(3, () => 0);
    const ran = install("longer").batch(region, 3, 64, 128, outcomesAt);
    expect(outcomes(ran)).toEqual([{ verdict: action.pass, at: elsewhere + 80, end: elsewhere + 164 }]);
  });

  it("abort for what is no verdict, and for what faults", () => {
    const { install, place, memory, field } = machine({ byByte });
    const program = install("byByte");
    const cameTo = [9, 2, 0].map((byte) => {
      place();
      memory.u8[field(state.data)] = byte;
      return [program.run(), field(state.verdict), field(state.fault)];
    });
    expect(cameTo).toEqual([
      [action.aborted, 9, fault.none],
      [action.aborted, action.aborted, fault.fuel],
      [action.pass, action.pass, fault.none],
    ]);
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
