/**
 * The helpers that programs may call, as data (linux/bpf.h and bpf-helpers(7) have the kernel's descriptions). Flags of 64 bits are
 * passed whole, because the kernel looks at all of their bits.
 */
import { absentHelpers } from "./kernel.js";
import { kernelHelperName } from "./names.js";
import type { Signature } from "./signature.js";

/** Maps whose elements are values that a program reads and writes. */
const valueMaps = [
  "hash",
  "array",
  "percpu_hash",
  "percpu_array",
  "lru_hash",
  "lru_percpu_hash",
  "lpm_trie",
] as const satisfies readonly string[];
const perCpuMaps = ["percpu_hash", "percpu_array", "lru_percpu_hash"];
const redirectMaps = ["devmap", "devmap_hash", "cpumap", "xskmap"];

export const helpers: readonly Signature[] = [
  {
    id: 1,
    name: "map_lookup_elem",
    arguments: ["map", "map-key"],
    returns: "map-value-or-null",
    maps: [...valueMaps, "array_of_maps", "hash_of_maps", "devmap", "devmap_hash", "xskmap"],
    summary: "the value of a key, or null; of a map of maps: the inner map",
  },
  {
    id: 2,
    name: "map_update_elem",
    arguments: ["map", "map-key", "map-value", "anything"],
    returns: "integer",
    wide: [3],
    maps: valueMaps,
    summary: "sets a key's value: BPF_ANY 0, BPF_NOEXIST 1, BPF_EXIST 2, BPF_F_LOCK 4",
  },
  {
    id: 3,
    name: "map_delete_elem",
    arguments: ["map", "map-key"],
    returns: "integer",
    maps: valueMaps,
    summary: "removes a key",
  },
  { id: 5, name: "ktime_get_ns", arguments: [], returns: "wide", summary: "monotonic nanoseconds" },
  {
    id: 6,
    name: "trace_printk",
    arguments: ["memory", "size", "unchecked", "unchecked", "unchecked"],
    returns: "integer",
    wide: [2, 3, 4],
    gplOnly: true,
    summary: "writes a line with up to three numbers to the trace",
  },
  { id: 7, name: "get_prandom_u32", arguments: [], returns: "unsigned", summary: "a random number of 32 bits" },
  { id: 8, name: "get_smp_processor_id", arguments: [], returns: "unsigned", summary: "index of the worker" },
  {
    id: 12,
    name: "tail_call",
    arguments: ["context", "map", "anything"],
    returns: "void",
    maps: ["prog_array"],
    summary: "goes on with another program; comes back only if there is none, or after 33 of them",
  },
  {
    id: 23,
    name: "redirect",
    arguments: ["anything", "anything"],
    returns: "integer",
    wide: [1],
    summary: "sends the frame out of a device, by its index; flags must be 0",
  },
  {
    id: 25,
    name: "perf_event_output",
    arguments: ["context", "map", "anything", "memory", "size-or-zero"],
    returns: "integer",
    wide: [2],
    gplOnly: true,
    maps: ["perf_event_array"],
    summary: "writes a record, and as many bytes of the frame as flags' upper part says, to a worker's buffer",
  },
  {
    id: 28,
    name: "csum_diff",
    arguments: ["memory-or-null", "size-or-zero", "memory-or-null", "size-or-zero", "anything"],
    returns: "integer",
    summary: "how an Internet checksum changes when bytes are replaced",
  },
  { id: 42, name: "get_numa_node_id", arguments: [], returns: "integer", summary: "always 0" },
  {
    id: 44,
    name: "xdp_adjust_head",
    arguments: ["context", "anything"],
    returns: "integer",
    changesPacket: true,
    summary: "moves the start of the frame: negative makes room for a header",
  },
  {
    id: 51,
    name: "redirect_map",
    arguments: ["map", "anything", "anything"],
    returns: "integer",
    wide: [2],
    maps: redirectMaps,
    summary:
      "sends the frame where an entry of a devmap, cpumap or xskmap says; the lower bits of flags are the answer on a miss",
  },
  {
    id: 54,
    name: "xdp_adjust_meta",
    arguments: ["context", "anything"],
    returns: "integer",
    changesPacket: true,
    summary: "moves the start of the metadata before the frame",
  },
  {
    id: 65,
    name: "xdp_adjust_tail",
    arguments: ["context", "anything"],
    returns: "integer",
    changesPacket: true,
    summary: "moves the end of the frame; new bytes are zero",
  },
  {
    id: 69,
    name: "fib_lookup",
    arguments: ["context", "memory", "size", "anything"],
    returns: "integer",
    writes: [1],
    gplOnly: true,
    summary: "asks the host's routes and neighbours (struct bpf_fib_lookup)",
  },
  {
    id: 87,
    name: "map_push_elem",
    arguments: ["map", "map-value", "anything"],
    returns: "integer",
    wide: [2],
    maps: ["queue", "stack", "bloom_filter"],
    summary: "adds a value; with BPF_EXIST the oldest makes room",
  },
  {
    id: 88,
    name: "map_pop_elem",
    arguments: ["map", "map-value-uninit"],
    returns: "integer",
    maps: ["queue", "stack"],
    summary: "takes a value out",
  },
  {
    id: 89,
    name: "map_peek_elem",
    arguments: ["map", "map-value-uninit"],
    returns: "integer",
    maps: ["queue", "stack", "bloom_filter"],
    summary: "reads the next value; of a bloom filter: whether the value may be in it (it must then be initialized)",
  },
  { id: 93, name: "spin_lock", arguments: ["spin-lock"], returns: "void", summary: "takes the lock in a map value" },
  { id: 94, name: "spin_unlock", arguments: ["spin-lock"], returns: "void", summary: "gives the lock back" },
  {
    id: 105,
    name: "strtol",
    arguments: ["memory", "size", "anything", "fixed-memory-uninit"],
    bytes: 8,
    wide: [2],
    returns: "integer",
    summary:
      "reads a number with a sign, to base 8, 10, 16 or (0) as it is written; answers how many characters it took",
  },
  {
    id: 106,
    name: "strtoul",
    arguments: ["memory", "size", "anything", "fixed-memory-uninit"],
    bytes: 8,
    wide: [2],
    returns: "integer",
    summary: "the same of a number without a sign",
  },
  { id: 118, name: "jiffies64", arguments: [], returns: "wide", summary: "monotonic time in ticks of 4 ms" },
  { id: 125, name: "ktime_get_boot_ns", arguments: [], returns: "wide", summary: "nanoseconds since boot" },
  {
    id: 130,
    name: "ringbuf_output",
    arguments: ["map", "memory", "size-or-zero", "anything"],
    returns: "integer",
    wide: [3],
    maps: ["ringbuf"],
    summary: "copies a record into a ring buffer",
  },
  {
    id: 131,
    name: "ringbuf_reserve",
    arguments: ["map", "constant-size-or-zero", "anything"],
    returns: "allocated-memory-or-null",
    wide: [2],
    acquires: true,
    maps: ["ringbuf"],
    summary: "room for a record in a ring buffer",
  },
  {
    id: 132,
    name: "ringbuf_submit",
    arguments: ["allocated-memory", "anything"],
    returns: "void",
    releases: true,
    summary: "hands the record over; BPF_RB_NO_WAKEUP 1, BPF_RB_FORCE_WAKEUP 2",
  },
  {
    id: 133,
    name: "ringbuf_discard",
    arguments: ["allocated-memory", "anything"],
    returns: "void",
    releases: true,
    summary: "drops the record",
  },
  {
    id: 134,
    name: "ringbuf_query",
    arguments: ["map", "anything"],
    returns: "wide",
    wide: [1],
    maps: ["ringbuf"],
    summary: "BPF_RB_AVAIL_DATA 0, BPF_RB_RING_SIZE 1, BPF_RB_CONS_POS 2, BPF_RB_PROD_POS 3",
  },
  { id: 160, name: "ktime_get_coarse_ns", arguments: [], returns: "wide", summary: "monotonic nanoseconds, coarse" },
  {
    id: 163,
    name: "check_mtu",
    arguments: ["context", "anything", "fixed-memory", "anything", "anything"],
    returns: "integer",
    bytes: 4,
    writes: [2],
    wide: [4],
    gplOnly: true,
    summary: "whether the frame, longer by a difference, fits a device's MTU",
  },
  {
    id: 164,
    name: "for_each_map_elem",
    arguments: ["map", "callback", "stack-or-null", "anything"],
    returns: "integer",
    wide: [3],
    maps: valueMaps.filter((type) => type !== "lpm_trie"),
    callback: "for-each-map",
    summary: "calls a function with each element until it gives 1",
  },
  {
    id: 165,
    name: "snprintf",
    arguments: ["memory-or-null-uninit", "size-or-zero", "constant-string", "memory-or-null", "size-or-zero"],
    returns: "integer",
    gplOnly: true,
    summary: "formats into memory; answers the length it takes with its final 0",
  },
  {
    id: 177,
    name: "trace_vprintk",
    arguments: ["memory", "size", "memory-or-null", "size-or-zero"],
    returns: "integer",
    gplOnly: true,
    summary: "writes a line with up to twelve numbers to the trace",
  },
  {
    id: 181,
    name: "loop",
    arguments: ["anything", "callback", "stack-or-null", "anything"],
    returns: "integer",
    wide: [3],
    callback: "loop",
    summary: "calls a function up to 2^23 times until it gives 1",
  },
  {
    id: 182,
    name: "strncmp",
    arguments: ["memory", "size", "constant-string"],
    returns: "integer",
    summary: "compares a string with a constant one",
  },
  {
    id: 188,
    name: "xdp_get_buff_len",
    arguments: ["context"],
    returns: "wide",
    summary: "length of the whole frame",
  },
  {
    id: 189,
    name: "xdp_load_bytes",
    arguments: ["context", "anything", "memory-uninit", "size"],
    returns: "integer",
    summary: "copies bytes of the frame",
  },
  {
    id: 190,
    name: "xdp_store_bytes",
    arguments: ["context", "anything", "memory", "size"],
    returns: "integer",
    summary: "copies bytes into the frame",
  },
  {
    id: 195,
    name: "map_lookup_percpu_elem",
    arguments: ["map", "map-key", "anything"],
    returns: "map-value-or-null",
    maps: perCpuMaps,
    summary: "the value that another worker has of a key",
  },
  {
    id: 197,
    name: "dynptr_from_mem",
    arguments: ["memory-uninit", "size-or-zero", "anything", "dynptr-uninit"],
    returns: "integer",
    wide: [2],
    summary: "a dynptr of a map value",
  },
  {
    id: 198,
    name: "ringbuf_reserve_dynptr",
    arguments: ["map", "anything", "anything", "dynptr-uninit"],
    returns: "integer",
    wide: [2],
    acquires: true,
    maps: ["ringbuf"],
    summary: "a dynptr of a record; it must be given back even if there was no room",
  },
  {
    id: 199,
    name: "ringbuf_submit_dynptr",
    arguments: ["dynptr", "anything"],
    returns: "void",
    releases: true,
    summary: "hands the record over",
  },
  {
    id: 200,
    name: "ringbuf_discard_dynptr",
    arguments: ["dynptr", "anything"],
    returns: "void",
    releases: true,
    summary: "drops the record",
  },
  {
    id: 201,
    name: "dynptr_read",
    arguments: ["memory-uninit", "size-or-zero", "dynptr", "anything", "anything"],
    returns: "integer",
    wide: [4],
    summary: "copies out of a dynptr",
  },
  {
    id: 202,
    name: "dynptr_write",
    arguments: ["dynptr", "anything", "memory", "size-or-zero", "anything"],
    returns: "integer",
    wide: [4],
    summary: "copies into a dynptr",
  },
  {
    id: 203,
    name: "dynptr_data",
    arguments: ["dynptr", "anything", "constant-size-or-zero"],
    returns: "dynptr-data-or-null",
    summary: "pointer to part of a dynptr's data",
  },
  {
    id: 204,
    name: "tcp_raw_gen_syncookie_ipv4",
    arguments: ["fixed-memory", "memory", "size-or-zero"],
    bytes: 20,
    returns: "wide",
    gplOnly: true,
    summary: "a SYN cookie, and the MSS above it in the upper word",
  },
  {
    id: 205,
    name: "tcp_raw_gen_syncookie_ipv6",
    arguments: ["fixed-memory", "memory", "size-or-zero"],
    bytes: 40,
    returns: "wide",
    gplOnly: true,
    summary: "a SYN cookie, and the MSS above it in the upper word",
  },
  {
    id: 206,
    name: "tcp_raw_check_syncookie_ipv4",
    arguments: ["fixed-memory", "fixed-memory"],
    bytes: 20,
    returns: "integer",
    gplOnly: true,
    summary: "0 if the acknowledgement carries a cookie of ours",
  },
  {
    id: 207,
    name: "tcp_raw_check_syncookie_ipv6",
    arguments: ["fixed-memory", "fixed-memory"],
    bytesByArgument: [40, 20],
    returns: "integer",
    gplOnly: true,
    summary: "0 if the acknowledgement carries a cookie of ours",
  },
  {
    id: 208,
    name: "ktime_get_tai_ns",
    arguments: [],
    returns: "wide",
    summary: "nanoseconds of International Atomic Time",
  },
];

const byId = new Map(helpers.map((helper) => [helper.id, helper]));
const byName = new Map(helpers.map((helper) => [helper.name, helper]));

export function helperById(id: number): Signature | undefined {
  return byId.get(id);
}

/** By name with or without `bpf_`. */
export function helperByName(name: string): Signature | undefined {
  return byName.get(name.startsWith("bpf_") ? name.slice(4) : name);
}

/** A helper in messages, whether there is one or not: "bpf_skb_load_bytes (26)". */
export function helperLabel(id: number): string {
  const name = kernelHelperName(id);
  return name === undefined ? `number ${id}` : `bpf_${name} (${id})`;
}

/** Why a call of a helper that is not in the table cannot be. */
export function missingHelper(id: number): string {
  if (kernelHelperName(id) === undefined) return `there is no helper ${helperLabel(id)}`;
  const absent = absentHelpers.get(id);
  if (absent !== undefined) return `helper ${helperLabel(id)} is not provided here: ${absent}`;
  return `helper ${helperLabel(id)} is not provided to XDP programs`;
}
