/** Programs that are not in an object file: written in assembly. */

import { kfuncs } from "../helpers/kfuncs.js";
import { helpers } from "../helpers/table.js";
import { assemble } from "../insn/assembler.js";
import type { Instruction } from "../insn/instruction.js";
import { callKind, loadKind } from "../insn/instruction.js";
import type { AttachType, FunctionSpec, MapSpec, MapTypeName, ObjectSpec } from "../spec.js";

export interface MapDescription {
  readonly type: MapTypeName;
  /** Default 4, or what the type wants. */
  readonly keySize?: number;
  readonly valueSize?: number;
  readonly maxEntries?: number;
  readonly flags?: number;
  /** Name of the map that is the template of what this one holds. */
  readonly inner?: string;
  readonly initial?: Uint8Array;
}

export interface AssembleOptions {
  /** Default "GPL". */
  readonly license?: string;
  readonly maps?: Readonly<Record<string, MapDescription>>;
}

const withoutKey: ReadonlySet<MapTypeName> = new Set(["queue", "stack", "bloom_filter", "ringbuf"]);

/**
 * An object of programs in assembly (`insn/assembler.ts` has the syntax): text by name, or by section and name as in "xdp/devmap:out".
 * Maps are named as in `r1 = map[blocked] ll`. EINVAL with line and column for what is none.
 */
export function assembleXdp(programs: Readonly<Record<string, string>>, options: AssembleOptions = {}): ObjectSpec {
  const { license = "GPL", maps: described = {} } = options;
  const made = new Map<string, MapSpec>();
  const names = Object.keys(described);
  // Templates first.
  for (const name of names.sort((one, other) => Number(!!described[one]!.inner) - Number(!!described[other]!.inner))) {
    const { type, keySize, valueSize, maxEntries, flags, inner, initial } = described[name]!;
    const template = inner === undefined ? undefined : made.get(inner);
    made.set(name, {
      name,
      type,
      keySize: keySize ?? (withoutKey.has(type) ? 0 : 4),
      valueSize: valueSize ?? (type === "ringbuf" ? 0 : 4),
      maxEntries: maxEntries ?? (type === "ringbuf" ? 4096 : 1),
      flags: flags ?? 0,
      ...(template !== undefined && { inner: template }),
      ...(initial !== undefined && { initial }),
    });
  }
  const maps = Object.keys(described).map((name) => made.get(name)!);
  const numbers = {
    helpers: new Map(helpers.map(({ name, id }) => [name, id])),
    kfuncs: new Map(kfuncs.map(({ name, id }) => [name, id])),
    maps: maps.map(({ name }) => name),
  };
  return {
    license,
    maps,
    programs: Object.entries(programs).map(([place, text]) => {
      const [section, name] = place.includes(":") ? (place.split(":", 2) as [string, string]) : ["xdp", place];
      const insns = assemble(text, numbers);
      const attach: AttachType = section === "xdp/devmap" || section === "xdp/cpumap" ? section : "xdp";
      return {
        name,
        section,
        attach,
        frags: false,
        license,
        insns,
        maps,
        functions: functionsOf(insns, name),
        lines: [],
      };
    }),
  };
}

/** Functions as calls and loads of callbacks name them. */
function functionsOf(insns: readonly Instruction[], name: string): readonly FunctionSpec[] {
  const starts = new Set<number>();
  for (const [slot, { opcode, src, imm }] of insns.entries()) {
    const called = opcode === 0x85 && src === callKind.local;
    if (called || (opcode === 0x18 && src === loadKind.function)) starts.add(slot + 1 + imm);
  }
  const others = [...starts].filter((start) => start > 0 && start < insns.length).sort((a, b) => a - b);
  return [
    { name, start: 0, btfId: 0, linkage: "global" },
    ...others.map((start) => ({ name: `function_${start}`, start, btfId: 0, linkage: "static" as const })),
  ];
}
