/** What loads share: never a program that was verified with maps of one shape, for maps of another. */
import { describe, expect, it } from "vitest";
import { long, seed } from "../../../test/seed.js";
import { seededWords } from "../../random.js";
import { assembleXdp } from "../../xdp/library/source.js";
import { createMapStore } from "../../xdp/maps/store.js";
import { createXdpMemory } from "../../xdp/memory.js";
import { state } from "../../xdp/run/state.js";
import { createThread } from "../../xdp/run/thread.js";
import { type MapSpec, mapFlag, type ProgramSpec } from "../../xdp/spec.js";
import { shapeMismatch } from "./map-shape.js";
import { createToolchain, kept, type Toolchain } from "./program-toolchain.js";

const block = 8192;
const mapsAt = 4 * 65536;
const readOnly = mapFlag.readOnlyProgram;

/** Reads a word of its first map's value at where the second one, a constant, says; and writes there. */
const text = `
  r6 = map[where][0]+0
  r6 = *(u32 *)(r6 +0)
  r1 = 0
  *(u32 *)(r10 -4) = r1
  r2 = r10
  r2 += -4
  r1 = map[values] ll
  call bpf_map_lookup_elem#1
  if r0 == 0 goto out
  r0 += r6
  r1 = *(u32 *)(r0 +0)
  r1 += 1
  *(u32 *)(r0 +0) = r1
  r0 = 2
  exit
out:
  r0 = 1
  exit
`;

interface Shape {
  readonly values?: Partial<Pick<MapSpec, "type" | "keySize" | "valueSize" | "maxEntries" | "flags">>;
  readonly at?: number;
  readonly where?: Partial<Pick<MapSpec, "type" | "keySize" | "valueSize" | "maxEntries" | "flags">>;
}

const word = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);
const base = assembleXdp(
  { test: text },
  {
    maps: {
      values: { type: "array", valueSize: 64, maxEntries: 4 },
      where: { type: "array", flags: readOnly, initial: word(0) },
    },
  },
).programs[0]!;

/** The same program, as it comes out of one object with other globals and sizes: with other maps. */
const shaped = ({ values, at = 0, where }: Shape): ProgramSpec => ({
  ...base,
  maps: base.maps.map(
    (map): MapSpec => ({
      ...map,
      ...(map.name === "values" ? values : { initial: word(at), ...where }),
    }),
  ),
});

function world() {
  const memory = createXdpMemory(mapsAt + (1 << 22));
  const store = createMapStore({ memory, region: { start: mapsAt, bytes: 1 << 22 }, cpus: 2 });
  const toolchain = createToolchain(memory, 2);
  const thread = createThread({ memory, state: block, cpu: 1, cpus: 2 });

  /** Verdict, fault and what is then in the first map; or why there is none. */
  function outcome(spec: ProgramSpec, using: Toolchain): unknown {
    const maps = spec.maps.map((map) => store.create(map));
    try {
      const { module } = using.compile(spec, maps, 1);
      const instance = thread.install({ code: { kind: "module", module }, maps: maps.map(({ record }) => record) });
      const values = maps[spec.maps.findIndex(({ name }) => name === "values")]!;
      const verdict = instance.run();
      const entries = [...values.entries()].map(([key, value]) => `${key}: ${value}`);
      return { verdict, fault: memory.u32[(block + state.fault) >>> 2], entries };
    } catch (error) {
      return (error as Error).message;
    } finally {
      for (const map of maps) map.release();
    }
  }
  return { memory, store, toolchain, outcome };
}

describe("loads of one program", () => {
  it("share a module, each with its own maps", () => {
    const { store, toolchain } = world();
    const modules = [1, 2, 3].map((slot) => {
      const spec = shaped({ at: 8 });
      return toolchain.compile(
        spec,
        spec.maps.map((map) => store.create(map)),
        slot,
      );
    });
    expect(modules[1]!.module).toBe(modules[0]!.module);
    expect(modules[2]!.module).toBe(modules[0]!.module);
    expect(modules[1]!.maps).not.toEqual(modules[0]!.maps);
    expect(toolchain.kept.modules).toBe(1);
  });

  it.each<[string, Shape]>([
    ["a value that is smaller", { values: { valueSize: 8 }, at: 8 }],
    ["a constant that leads out of the value", { at: 61 }],
    ["a map that programs must not write", { values: { flags: readOnly }, at: 8 }],
    ["a place that is no constant", { where: { flags: 0 }, at: 8 }],
    ["a queue", { values: { type: "queue", keySize: 0 }, at: 8 }],
    ["longer keys", { values: { type: "hash", keySize: 16 }, at: 8 }],
  ])("are refused with %s, though it was fine with others", (_what, shape) => {
    const { toolchain, outcome } = world();
    const fine = outcome(shaped({ at: 8 }), toolchain);
    expect(fine).toMatchObject({ verdict: 2, fault: 0 });
    expect(outcome(shaped(shape), toolchain)).toMatch(/^program test: /);
    expect(outcome(shaped({ at: 8 }), toolchain)).toEqual(fine);
    expect(toolchain.kept.modules).toBe(1);
  });

  it("come out as if each were the first, whatever was loaded before", () => {
    const next = seededWords(seed);
    const pick = <T>(choices: readonly T[]): T => choices[next() % choices.length]!;
    const { memory, toolchain, outcome } = world();
    const seen = new Set<string>();
    for (let round = 0; round < (long ? 3000 : 300); round++) {
      const shape: Shape = {
        at: pick([0, 4, 8, 12, 28, 60, 61, 1 << 20]),
        values: {
          type: pick(["array", "array", "percpu_array", "hash", "lru_hash"]),
          valueSize: pick([4, 8, 12, 16, 64]),
          maxEntries: pick([1, 2, 4, 100]),
          flags: pick([0, 0, 0, readOnly, mapFlag.writeOnlyProgram]),
        },
        where: { flags: pick([readOnly, readOnly, readOnly, 0]) },
      };
      const result = outcome(shaped(shape), toolchain);
      expect(result, JSON.stringify(shape)).toEqual(outcome(shaped(shape), createToolchain(memory, 2)));
      seen.add(typeof result === "string" ? "refused" : "ran");
      expect(toolchain.kept.modules).toBeLessThanOrEqual(kept.modules.count);
    }
    expect(seen).toEqual(new Set(["refused", "ran"]));
  });

  it("do not pile up", () => {
    const { store, toolchain } = world();
    for (let entries = 1; entries <= kept.modules.count + 20; entries++) {
      const spec = shaped({ values: { maxEntries: entries } });
      const maps = spec.maps.map((map) => store.create(map));
      toolchain.compile(spec, maps, 1);
      for (const map of maps) map.release();
    }
    expect(toolchain.kept.modules).toBe(kept.modules.count);
  });
});

describe("a map in the place of one of the object", () => {
  const values: MapSpec = { name: "a", type: "array", keySize: 4, valueSize: 8, maxEntries: 2, flags: 0 };
  const constants: MapSpec = { ...values, flags: readOnly, initial: word(1) };

  it.each<[MapSpec, MapSpec, string | undefined]>([
    [values, { ...values, name: "b" }, undefined],
    [values, { ...values, type: "percpu_array" }, "type is percpu_array, not array"],
    [values, { ...values, valueSize: 4 }, "valueSize is 4, not 8"],
    [values, { ...values, maxEntries: 3 }, "maxEntries is 3, not 2"],
    [values, { ...values, flags: readOnly }, `flags is ${readOnly}, not 0`],
    [{ ...values, spinLockOffset: 4 }, values, "spinLockOffset is 0, not 4"],
    [constants, { ...constants, initial: word(1) }, undefined],
    [constants, { ...constants, initial: word(2) }, "its values are others, and the program takes them for constants"],
    [
      { ...values, type: "array_of_maps", inner: values },
      { ...values, type: "array_of_maps", inner: { ...values, valueSize: 4 } },
      "of the maps that it holds, valueSize is 4, not 8",
    ],
  ])("is of its shape (%#)", (declared, real, expected) => {
    expect(shapeMismatch(declared, real)).toBe(expected);
  });
});
