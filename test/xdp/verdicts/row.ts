/** Programs by hand, good and bad, with the verdict that the kernel gives and what a refusal should say. */
import { assemble } from "../../../src/xdp/insn/assembler.js";
import type { Instruction } from "../../../src/xdp/insn/instruction.js";
import type { AttachType, FunctionSpec, MapSpec, ProgramSpec } from "../../../src/xdp/spec.js";
import { typeId } from "./btf.js";

export interface VerdictRow {
  readonly name: string;
  /** Assembly (insn/assembler.ts) with maps by name, or instructions where assembly cannot say it. */
  readonly code: string | readonly Instruction[];
  /** The kernel's verdict. */
  readonly accept: boolean;
  /** What our summary of the refusal must have in it. */
  readonly says?: RegExp;
  readonly attach?: AttachType;
  readonly license?: string;
  /** Callbacks and locks: its functions and the map `locks` have types (btf.ts). */
  readonly btf?: boolean;
  /** Where ours is not the kernel's verdict, and why. */
  readonly ours?: { readonly accept: boolean; readonly because: string };
}

const map = (name: string, type: MapSpec["type"], keySize: number, valueSize: number, maxEntries: number, flags = 0) =>
  ({ name, type, keySize, valueSize, maxEntries, flags }) satisfies MapSpec;

/** What every row may use. */
export const verdictMaps: readonly MapSpec[] = [
  map("counters", "array", 4, 8, 4),
  map("flows", "hash", 8, 16, 16),
  map("wide", "array", 4, 64, 2),
  map("ring", "ringbuf", 0, 0, 4096),
  map("jumps", "prog_array", 4, 4, 4),
  map("ports", "devmap", 4, 4, 4),
  map("constants", "array", 4, 16, 1, 128),
  map("words", "queue", 0, 8, 4),
];

/** And those with BTF, `locks`: a lock, then a number at 8. */
const typedMaps: readonly MapSpec[] = [
  ...verdictMaps,
  { ...map("locks", "array", 4, 16, 2), keyType: typeId.int, valueType: typeId.cell, spinLockOffset: 0 },
];

export const helperNumbers: ReadonlyMap<string, number> = new Map(
  Object.entries({
    map_lookup_elem: 1,
    map_update_elem: 2,
    map_delete_elem: 3,
    ktime_get_ns: 5,
    trace_printk: 6,
    get_prandom_u32: 7,
    get_smp_processor_id: 8,
    tail_call: 12,
    redirect: 23,
    perf_event_output: 25,
    csum_diff: 28,
    xdp_adjust_head: 44,
    redirect_map: 51,
    xdp_adjust_meta: 54,
    xdp_adjust_tail: 65,
    map_push_elem: 87,
    map_pop_elem: 88,
    spin_lock: 93,
    spin_unlock: 94,
    ringbuf_output: 130,
    ringbuf_reserve: 131,
    ringbuf_submit: 132,
    ringbuf_discard: 133,
    ringbuf_query: 134,
    for_each_map_elem: 164,
    loop: 181,
    strncmp: 182,
    xdp_get_buff_len: 188,
    xdp_load_bytes: 189,
    xdp_store_bytes: 190,
    dynptr_from_mem: 197,
    ringbuf_reserve_dynptr: 198,
    ringbuf_submit_dynptr: 199,
    ringbuf_discard_dynptr: 200,
    dynptr_read: 201,
    dynptr_write: 202,
    dynptr_data: 203,
  }),
);

export function programOf(row: VerdictRow): ProgramSpec {
  const maps = row.btf ? typedMaps : verdictMaps;
  const insns =
    typeof row.code === "string"
      ? assemble(row.code, { helpers: helperNumbers, maps: maps.map(({ name }) => name) })
      : row.code;
  const main: FunctionSpec = { name: "main", start: 0, btfId: row.btf ? typeId.main : 0, linkage: "global" };
  return {
    name: "verdict",
    section: row.attach ?? "xdp",
    attach: row.attach ?? "xdp",
    frags: false,
    license: row.license ?? "GPL",
    insns,
    maps,
    functions: [main, ...calledFrom(insns, row.btf ? typeId.callee : 0)],
    lines: [],
  };
}

/** Functions as calls and loads of callbacks name them. */
function calledFrom(insns: readonly Instruction[], btfId: number): readonly FunctionSpec[] {
  const starts = new Set<number>();
  for (const [slot, { opcode, src, imm }] of insns.entries()) {
    if ((opcode === 0x85 && src === 1) || (opcode === 0x18 && src === 4)) starts.add(slot + 1 + imm);
  }
  return [...starts]
    .filter((start) => start > 0 && start < insns.length)
    .sort((a, b) => a - b)
    .map((start) => ({ name: `function_${start}`, start, btfId, linkage: "static" as const }));
}

export const good = (name: string, code: VerdictRow["code"], more: Partial<VerdictRow> = {}): VerdictRow => ({
  name,
  code,
  accept: true,
  ...more,
});

export const bad = (
  name: string,
  code: VerdictRow["code"],
  says: RegExp,
  more: Partial<VerdictRow> = {},
): VerdictRow => ({ name, code, accept: false, says, ...more });

/** Looks up key 0 of `counters`: r0 is the value or null. */
export const lookup = (name: string, keyBytes: 4 | 8 = 4): string => `
  *(u${keyBytes * 8} *)(r10 -8) = 0
  r2 = r10
  r2 += -8
  r1 = map[${name}] ll
  call bpf_map_lookup_elem`;

export const pass = `
  r0 = 2
  exit`;
