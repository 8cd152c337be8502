/** Makers of cases by helper: what the kernel lets through, with arguments that are right, nearly right, and wrong. */
import { type Draw, type Maker, randomBytes, word32 } from "./case.js";

const store = (at: number): string => `    *(u64 *)(r7 +${at}) = r0\n`;
const delta = (draw: Draw): number =>
  draw.one([
    0,
    draw.between(-8, 8),
    draw.between(-8, 8) * 4,
    draw.between(-260, 260),
    draw.between(-4000, 4000),
    draw.one([-0x80000000, 0x7fffffff]),
  ]);
/** A constant of 64 bits in a register. */
const wide = (register: string, value: bigint): string => `    ${register} = ${BigInt.asIntN(64, value)} ll\n`;
const flags = (draw: Draw, good: readonly number[]): bigint =>
  draw.chance(75)
    ? BigInt(draw.one(good))
    : draw.one([BigInt(draw.below(64)), 1n << BigInt(draw.below(64)), BigInt(draw.word()), -1n]);

/** Overwrites the first bytes from one pointer of the context on, if they end before another: what lay before a frame is nobody's business. */
function overwrite(draw: Draw, [from, end]: readonly [number, number], count: number, label: string): string {
  const words = Array.from({ length: count >> 2 }, (_, at) => `    *(u32 *)(r1 +${at * 4}) = ${draw.word() | 0}\n`);
  const rest = Array.from({ length: count & 3 }, (_, at) => `    *(u8 *)(r1 +${(count & ~3) + at}) = ${at}\n`);
  return `    if r0 != 0 goto ${label}\n    r1 = *(u32 *)(r6 +${from})\n    r2 = *(u32 *)(r6 +${end})\n    r3 = r1\n    r3 += ${count}
    if r3 > r2 goto ${label}\n${words.join("")}${rest.join("")}${label}:\n`;
}

const [data, dataEnd, dataMeta] = [0, 4, 8];
const headroom = 256;
const taken: Readonly<Record<string, readonly [number, number]>> = {
  adjust_head: [data, dataEnd],
  adjust_meta: [dataMeta, data],
};

const edges: Maker = (draw) => ({
  frame: randomBytes(draw, draw.one([14, 15, 60, draw.between(14, 300), draw.between(1000, 3000)])),
  body: Array.from({ length: draw.between(1, 6) }, (_, index) => {
    const helper = draw.one(["adjust_head", "adjust_tail", "adjust_meta", "get_buff_len"]);
    const by = delta(draw);
    const argument = helper === "get_buff_len" ? "" : `    r2 = ${by}\n`;
    const edge = taken[helper];
    const fill = edge !== undefined && by < 0 && by >= -headroom ? overwrite(draw, edge, -by, `taken${index}`) : "";
    return `    r1 = r6\n${argument}    call bpf_xdp_${helper}\n${store(index * 8)}${fill}`;
  }).join(""),
});

const checksum: Maker = (draw) => {
  const side = (): { at: string; size: number } => {
    const size = draw.one([0, 4, 8, 20, draw.below(17) * 4, draw.below(65)]);
    if (size === 0 && draw.chance(60)) return { at: "    R = 0\n", size };
    return { at: `    R = r7\n    R += ${draw.between(16, outLeft(size))}\n`, size };
  };
  const outLeft = (size: number): number => 256 - size;
  const [from, to] = [side(), side()];
  return {
    body: `${from.at.replaceAll("R", "r1")}    r2 = ${from.size}\n${to.at.replaceAll("R", "r3")}    r4 = ${to.size}
    r5 = ${draw.one([0, 1, draw.below(65536), -1, draw.word() | 0])}
    call bpf_csum_diff\n${store(0)}`,
  };
};

const bytes: Maker = (draw) => {
  const length = draw.one([1, 2, 6, 14, draw.between(1, 64)]);
  const offset = draw.one([0, draw.below(220), draw.below(70000), -1, draw.word() | 0]);
  return {
    body: `    r1 = r6\n    r2 = ${offset}\n    r3 = r7\n    r3 += ${draw.between(16, 256 - length)}
    r4 = ${length}\n    call bpf_xdp_${draw.one(["load", "store"])}_bytes\n${store(0)}`,
  };
};

const strings = ["", "a", "abc", "abd", "ab", "abcdefgh", "\u00e9a"];
const zeroed = (texts: readonly string[]): { initial: Uint8Array; offsets: number[] } => {
  const offsets: number[] = [];
  const all: number[] = [];
  for (const text of texts) {
    offsets.push(all.length);
    all.push(...Array.from(text, (letter) => letter.charCodeAt(0)), 0);
  }
  return { initial: Uint8Array.from(all), offsets };
};
const constants = (texts: readonly string[]) => {
  const { initial, offsets } = zeroed(texts);
  return {
    offsets,
    maps: { texts: { type: "array", valueSize: initial.length, maxEntries: 1, flags: 128, initial } } as const,
  };
};

const compare: Maker = (draw) => {
  const { offsets, maps } = constants(strings);
  const text = draw.one(strings);
  const own = draw.chance(50) ? `${text}\0`.padEnd(16, "\0") : draw.one(strings).padEnd(16, draw.one(["\0", "z"]));
  const value = randomBytes(draw, 256);
  for (let at = 0; at < 16; at++) value[16 + at] = own.charCodeAt(at);
  return {
    maps,
    entries: [{ map: "out", key: word32(0), value }],
    body: `    r1 = r7\n    r1 += 16\n    r2 = ${draw.between(1, 16)}
    r3 = map[texts][0]+${offsets[strings.indexOf(text)]} ll\n    call bpf_strncmp\n${store(0)}`,
  };
};

const formats = [
  "",
  "plain",
  "%d",
  "%i|%u",
  "%x %X",
  "%llx",
  "%lld %llu",
  "%ld",
  "%5d|%-5d|%05d",
  "%08x",
  "%#x",
  "%+d",
  "% d",
  "%c%c",
  "%%",
  "100%% of %u",
  "%p",
  "%q",
  "%",
  "%d %",
  "%s",
  "%hd",
  "%hhx",
  "%lx",
  "%lu",
  "%20u|",
  "%zd",
  "a\tb\n",
  "\u0001",
  "%pI4",
  "%pI6",
  "%pi4",
  "%5c|",
  "%.3d",
  "%*d",
  "%-10s",
  "%lc",
  "%n",
  "%lli %li",
];
const numbers = (draw: Draw): bigint =>
  draw.one([
    0n,
    1n,
    -1n,
    BigInt(draw.below(128)),
    BigInt(draw.word()),
    (BigInt(draw.word()) << 32n) | BigInt(draw.word()),
  ]);

/** Addresses and strings say nothing: what they are of differs. */
const isComparable = (format: string): boolean => !/%-?\d*(?:p|s)/.test(format);

const print: Maker = (draw) => {
  const usable = formats.filter(isComparable);
  const { offsets, maps } = constants(usable);
  const format = draw.one(usable);
  const wanted = (format.replaceAll("%%", "").match(/%/g) ?? []).length;
  const count = draw.chance(80) ? wanted : draw.below(4);
  const values = Array.from({ length: Math.max(1, count) }, () => numbers(draw));
  const size = draw.one([0, 1, 8, 64, draw.below(64)]);
  const setup = values
    .map((value, index) => `${wide("r1", value)}    *(u64 *)(r10 ${-64 + index * 8}) = r1\n`)
    .join("");
  return {
    maps,
    body: `${setup}    r1 = r7\n    r1 += 64\n    r2 = ${size}\n    r3 = map[texts][0]+${offsets[usable.indexOf(format)]} ll
    r4 = r10\n    r4 += -64\n    r5 = ${count * 8}\n    call bpf_snprintf\n${store(0)}`,
  };
};

const traced = [
  "plain",
  "%d",
  "%u %x",
  "%lld %llx %d",
  "%c",
  "%d %d %d",
  "%5d",
  "%%",
  "%q",
  "%",
  "%lu\n",
  "\u0001",
  "%p",
  "%hd",
];
const trace: Maker = (draw) => {
  const format = draw.one(traced);
  const size = format.length + (draw.chance(90) ? 1 : 0);
  const { maps } = constants([format]);
  const arguments_ = ["r3", "r4", "r5"].map((register) => wide(register, numbers(draw))).join("");
  if (format.includes("%p") || size === 0) return { body: "" };
  return {
    maps,
    body: `${arguments_}    r1 = map[texts][0]+0 ll\n    r2 = ${size}\n    call bpf_trace_printk\n${store(0)}`,
  };
};

const mapTypes = ["hash", "array", "percpu_hash", "percpu_array", "lru_hash", "lpm_trie"] as const;
const maps: Maker = (draw) => {
  const type = draw.one(mapTypes);
  const keySize = type === "lpm_trie" ? 8 : 4;
  const key = (): string =>
    type === "lpm_trie"
      ? `    *(u32 *)(r10 -16) = ${draw.one([0, 8, 16, 32, 33])}\n    *(u32 *)(r10 -12) = ${draw.one([0, 10, 0xff0a])}\n`
      : `    *(u32 *)(r10 -16) = ${draw.one([0, 1, 2, 3, 4, -1])}\n`;
  const pointers = "    r2 = r10\n    r2 += -16\n    r1 = map[m] ll\n";
  const calls = Array.from({ length: draw.between(1, 7) }, (_, index) => {
    const call = draw.one(["lookup", "update", "update", "delete", ...(type.startsWith("percpu") ? ["percpu"] : [])]);
    if (call === "lookup") {
      return `${key()}${pointers}    call bpf_map_lookup_elem\n    if r0 == 0 goto +1\n    r0 = *(u32 *)(r0 +0)\n${store(index * 8)}`;
    }
    if (call === "percpu") {
      const of = `    r3 = ${draw.one([0, 0, 100000, -1])}\n`;
      return `${key()}${pointers}${of}    call bpf_map_lookup_percpu_elem\n    if r0 == 0 goto +1\n    r0 = *(u32 *)(r0 +0)\n${store(index * 8)}`;
    }
    if (call === "delete") return `${key()}${pointers}    call bpf_map_delete_elem\n${store(index * 8)}`;
    return `${key()}    *(u64 *)(r10 -32) = ${draw.between(1, 1000)}\n    r3 = r10\n    r3 += -32\n${pointers}${wide(
      "r4",
      flags(draw, [0, 0, 1, 2, 3, 4]),
    )}    call bpf_map_update_elem\n${store(index * 8)}`;
  });
  const flag = type === "lpm_trie" ? { flags: 1 } : {};
  // What an LRU map gives up is not the same, so that it is never full here.
  return {
    maps: { m: { type, keySize, valueSize: 8, maxEntries: type === "lru_hash" ? 64 : 3, ...flag } },
    body: calls.join(""),
    ...(type === "lpm_trie" && { ignore: ["m"] }),
  };
};

const queues: Maker = (draw) => {
  const type = draw.one(["queue", "stack"] as const);
  const calls = Array.from({ length: draw.between(1, 9) }, (_, index) => {
    const call = draw.one(["push", "push", "pop", "peek"]);
    const value = `    *(u64 *)(r10 -16) = ${draw.below(1000)}\n    r2 = r10\n    r2 += -16\n    r1 = map[q] ll\n`;
    const flag = call === "push" ? wide("r3", flags(draw, [0, 0, 2, 1])) : "";
    return `${value}${flag}    call bpf_map_${call}_elem\n${store(index * 16)}    r1 = *(u64 *)(r10 -16)\n    *(u64 *)(r7 +${index * 16 + 8}) = r1\n`;
  });
  return { maps: { q: { type, valueSize: 8, maxEntries: 2 } }, body: calls.join("") };
};

const bloom: Maker = (draw) => {
  const calls = Array.from({ length: draw.between(1, 7) }, (_, index) => {
    const call = draw.one(["push", "peek"]);
    const value = `    *(u64 *)(r10 -16) = ${draw.below(3)}\n    r2 = r10\n    r2 += -16\n    r1 = map[q] ll\n`;
    const flag = call === "push" ? wide("r3", flags(draw, [0, 0, 2, 1])) : "";
    return `${value}${flag}    call bpf_map_${call}_elem\n${store(index * 8)}`;
  });
  return { maps: { q: { type: "bloom_filter", valueSize: 8, maxEntries: 1000 } }, body: calls.join("") };
};

const ring: Maker = (draw) => {
  const calls = Array.from({ length: draw.between(1, 6) }, (_, index) => {
    const call = draw.one(["reserve", "output", "query"]);
    const flag = flags(draw, [0, 0, 1, 2, 3]);
    if (call === "query")
      return `    r1 = map[ring] ll\n${wide("r2", flag)}    call bpf_ringbuf_query\n${store(index * 8)}`;
    if (call === "output") {
      return `    r1 = map[ring] ll\n    r2 = r7\n    r3 = ${draw.one([0, 1, 8, draw.below(256)])}\n${wide("r4", flag)}    call bpf_ringbuf_output\n${store(index * 8)}`;
    }
    const size = draw.one([1, 8, draw.below(512), 2000, 4088, 4089, 5000]);
    const end = draw.one(["submit", "discard"]);
    const on = draw.one([0, 0, 1]);
    return `    r1 = map[ring] ll\n    r2 = ${size}\n${wide("r3", BigInt(on === 1 && draw.chance(20) ? 1 : 0))}    call bpf_ringbuf_reserve
    if r0 == 0 goto +6\n    *(u64 *)(r7 +${index * 8}) = 77\n    r1 = r0\n    r2 = ${draw.one([0, 1, 2])}\n    call bpf_ringbuf_${end}\n    r0 = 0\n    goto +2\n    r0 = 1\n    *(u64 *)(r7 +${index * 8 + 128}) = r0\n`;
  });
  return { maps: { ring: { type: "ringbuf", maxEntries: 4096 } }, body: calls.join("") };
};

const redirects: Maker = (draw) => {
  const type = draw.one(["devmap", "devmap_hash", "cpumap", "xskmap"] as const);
  const calls = Array.from({ length: draw.between(1, 4) }, (_, index) => {
    if (draw.chance(30)) {
      return `    r1 = ${draw.one([0, 1, 99999])}\n${wide("r2", flags(draw, [0]))}    call bpf_redirect\n${store(index * 8)}`;
    }
    return `    r1 = map[to] ll\n    r2 = ${draw.one([0, 1, 2, 3, 4, -1])}\n${wide("r3", flags(draw, [0, 1, 2, 3, 8, 9, 24, 16]))}    call bpf_redirect_map\n${store(index * 8)}`;
  });
  const entries =
    type === "xskmap"
      ? []
      : [1, 2].map((key) => ({
          map: "to",
          key: word32(type === "cpumap" ? 0 : key),
          value: word32(type === "cpumap" ? 64 : 1),
        }));
  return { maps: { to: { type, maxEntries: 4 } }, entries, body: calls.join(""), ignore: ["to"] };
};

const mtu: Maker = (draw) => ({
  body: `    *(u32 *)(r10 -16) = ${draw.one([0, draw.below(70000), 65536, draw.word() | 0])}\n    r1 = r6
    r2 = ${draw.one([0, 1, 1, 99999, -1])}\n    r3 = r10\n    r3 += -16
    r4 = ${draw.one([0, draw.between(-100, 100), draw.between(-70000, 70000), 0x7fffffff, -0x80000000])}
${wide("r5", flags(draw, [0, 0, 0, 1]))}    call bpf_check_mtu\n${store(0)}    r1 = *(u32 *)(r10 -16)\n    *(u64 *)(r7 +8) = r1\n`,
});

/** Only what is wrong with the arguments: routes are the host's. */
const fib: Maker = (draw) => ({
  body: `    r1 = 0\n${[8, 16, 24, 32, 40, 48, 56, 64].map((at) => `    *(u64 *)(r10 -${at}) = r1\n`).join("")}
    *(u8 *)(r10 -64) = ${draw.one([0, 1, 2, 10, 11])}\n    *(u32 *)(r10 -56) = ${draw.one([1, 99999])}
    r1 = r6\n    r2 = r10\n    r2 += -64\n    r3 = ${draw.one([64, 64, 64, 63, 8])}
    r4 = ${draw.one([0, 1, 2, 4, draw.below(128), draw.word() | 0])}\n    call bpf_fib_lookup\n    if r0 s< 0 goto +1\n    r0 = 0\n${store(0)}`,
});

const dynptrs: Maker = (draw) => {
  const size = draw.one([0, 1, 64, draw.below(129)]);
  const calls = Array.from({ length: draw.between(1, 5) }, (_, index) => {
    const offset = draw.one([0, draw.below(140), -1, 0x7fffffff]);
    const length = draw.one([1, 8, draw.between(1, 32)]);
    const flag = wide("r5", flags(draw, [0]));
    if (draw.chance(50)) {
      return `    r1 = r7\n    r1 += 200\n    r2 = ${length}\n    r3 = r10\n    r3 += -16\n    r4 = ${offset}\n${flag}    call bpf_dynptr_read\n${store(index * 8 + 8)}`;
    }
    return `    r1 = r10\n    r1 += -16\n    r2 = ${offset}\n    r3 = r7\n    r3 += 200\n    r4 = ${length}\n${flag}    call bpf_dynptr_write\n${store(index * 8 + 8)}`;
  });
  const slice = draw.between(1, 16);
  return {
    body: `    r1 = r7\n    r1 += 64\n    r2 = ${size}\n${wide("r3", flags(draw, [0]))}    r4 = r10\n    r4 += -16\n    call bpf_dynptr_from_mem\n${store(0)}${calls.join("")}
    r1 = r10\n    r1 += -16\n    r2 = ${draw.one([0, draw.below(140)])}\n    r3 = ${slice}\n    call bpf_dynptr_data\n    if r0 == 0 goto +3\n    r1 = *(u8 *)(r0 +0)\n    r1 += 1\n    *(u64 *)(r7 +48) = r1\n`,
  };
};

/** Half of the answer: where the kernel writes the loop in place, -E2BIG has 32 bits. */
const loops: Maker = (draw) => {
  const rounds = draw.one([0, 1, 5, draw.below(100), 0x800001, -1]);
  const stop = draw.one([3, 1000]);
  return {
    body: `    *(u64 *)(r10 -16) = 0\n    r1 = ${rounds}\n    r2 = subprog[callback] ll\n    r3 = r10\n    r3 += -16
${wide("r4", flags(draw, [0]))}    call bpf_loop\n    *(u32 *)(r7 +0) = r0\n    r1 = *(u64 *)(r10 -16)\n    *(u64 *)(r7 +8) = r1\n`,
    functions: `callback:\n    r3 = *(u64 *)(r2 +0)\n    r3 += r1\n    r3 += 1\n    *(u64 *)(r2 +0) = r3\n    r0 = 0\n    if r1 < ${stop} goto +1\n    r0 = 1\n    exit\n`,
  };
};

const elements: Maker = (draw) => {
  const type = draw.one(["hash", "array", "percpu_array", "percpu_hash", "lru_hash"] as const);
  const keys = [0, 1, 2, 3, 4].filter(() => draw.chance(60));
  // In no particular order where there is none.
  const stop = type.endsWith("array") ? draw.one([1, 1000]) : 1000;
  return {
    maps: { m: { type, valueSize: 8, maxEntries: 5 } },
    entries: keys.map((key) => ({ map: "m", key: word32(key), value: randomBytes(draw, 8) })),
    body: `    *(u64 *)(r10 -16) = 0\n    r1 = map[m] ll\n    r2 = subprog[callback] ll\n    r3 = r10\n    r3 += -16
${wide("r4", flags(draw, [0]))}    call bpf_for_each_map_elem\n${store(0)}    r1 = *(u64 *)(r10 -16)\n    *(u64 *)(r7 +8) = r1\n`,
    functions: `callback:\n    r5 = *(u64 *)(r4 +0)\n    r1 = *(u32 *)(r2 +0)\n    r2 = *(u64 *)(r3 +0)\n    r5 += r2\n    r2 += 1\n    *(u64 *)(r3 +0) = r2\n    *(u64 *)(r4 +0) = r5\n    r0 = 0\n    if r1 < ${stop} goto +1\n    r0 = 1\n    exit\n`,
  };
};

const jumps: Maker = (draw) => ({
  maps: { jumps: { type: "prog_array", maxEntries: 4 } },
  body: Array.from({ length: draw.between(1, 3) }, (_, index) => {
    const to = draw.one([0, 3, 4, -1, draw.word() | 0]);
    return `    r1 = r6\n    r2 = map[jumps] ll\n    r3 = ${to}\n    call bpf_tail_call\n    *(u64 *)(r7 +${index * 8}) = ${index}\n`;
  }).join(""),
});

const perf: Maker = (draw) => ({
  maps: { events: { type: "perf_event_array", maxEntries: 2 } },
  body: `    r1 = r6\n    r2 = map[events] ll\n${wide(
    "r3",
    draw.one([2n, 5n, 1n << 52n, (BigInt(draw.between(300, 1000)) << 32n) | 0xffffffffn, 1n << 63n]),
  )}    r4 = r7\n    r5 = ${draw.below(64)}\n    call bpf_perf_event_output\n${store(0)}`,
});

const cookies: Maker = (draw) => {
  const version = draw.one([4, 6]);
  if (draw.chance(50)) {
    return {
      body: `    r1 = r7\n    r1 += 16\n    r2 = r7\n    r2 += 64\n    call bpf_tcp_raw_check_syncookie_ipv${version}\n    if r0 != 0 goto +1\n    r0 = -13\n${store(0)}`,
    };
  }
  return {
    body: `    r1 = r7\n    r1 += 16\n    r2 = r7\n    r2 += 64\n    r3 = ${draw.one([0, 1, 19, 20, 60, 61, 100])}
    call bpf_tcp_raw_gen_syncookie_ipv${version}\n    if r0 s< 0 goto +2\n    r0 >>= 48\n    r0 = 0\n${store(0)}`,
  };
};

const digits = [
  "0",
  "1",
  "7",
  "9",
  "a",
  "F",
  "x",
  "0x",
  "-",
  " ",
  "\t",
  "z",
  "18446744073709551615",
  "9223372036854775808",
  "\0",
];
const numerals: Maker = (draw) => {
  const value = randomBytes(draw, 256);
  const text = Array.from({ length: draw.between(1, 6) }, () => draw.one(digits))
    .join("")
    .padEnd(80, draw.one(["\0", "0"]));
  for (let at = 0; at < 80; at++) value[16 + at] = text.charCodeAt(at);
  return {
    entries: [{ map: "out", key: word32(0), value }],
    body: `    *(u64 *)(r10 -16) = 5\n    r1 = r7\n    r1 += 16\n    r2 = ${draw.one([1, 2, 8, 22, 80, draw.between(1, 80)])}
${wide("r3", flags(draw, [0, 0, 8, 10, 16]))}    r4 = r10\n    r4 += -16\n    call bpf_${draw.one(["strtol", "strtoul"])}\n${store(0)}    r1 = *(u64 *)(r10 -16)\n    *(u64 *)(r7 +8) = r1\n`,
  };
};

const own: Maker = () => ({
  body: `    call bpf_get_smp_processor_id\n${store(0)}    call bpf_get_numa_node_id\n${store(8)}`,
});

export const makers: Readonly<Record<string, Maker>> = {
  edges,
  checksum,
  bytes,
  compare,
  print,
  trace,
  maps,
  queues,
  bloom,
  ring,
  redirects,
  mtu,
  fib,
  dynptrs,
  loops,
  elements,
  jumps,
  perf,
  cookies,
  numerals,
  own,
};
