/** Frames: what the comparison with data_end allows, in every shape. */
import { bad, good, pass, type VerdictRow } from "./row.js";

/** r2 = data, r3 = data_end, r4 = data + 14, the context in r6. */
const start = `
  r6 = r1
  r2 = *(u32 *)(r1 +0)
  r3 = *(u32 *)(r1 +4)
  r4 = r2
  r4 += 14`;

const read = "r0 = *(u8 *)(r2 +13)";

/** Comparisons of `data + 14` (r4) with data_end (r3): which of them prove 14 bytes where the jump is taken, and where it is not. */
const comparisons = [
  { test: "r4 > r3", taken: false, fallthrough: true },
  { test: "r4 >= r3", taken: false, fallthrough: true },
  { test: "r4 < r3", taken: true, fallthrough: false },
  { test: "r4 <= r3", taken: true, fallthrough: false },
  { test: "r3 > r4", taken: true, fallthrough: false },
  { test: "r3 >= r4", taken: true, fallthrough: false },
  { test: "r3 < r4", taken: false, fallthrough: true },
  { test: "r3 <= r4", taken: false, fallthrough: true },
] as const;

/** Which of them prove a byte more, at 14: the strict ones. */
const proveMore: Readonly<Record<string, "taken" | "fallthrough" | undefined>> = {
  "r4 >= r3": "fallthrough",
  "r4 < r3": "taken",
  "r3 > r4": "taken",
  "r3 <= r4": "fallthrough",
};

function shapes(): VerdictRow[] {
  const rows: VerdictRow[] = [];
  for (const { test, taken, fallthrough } of comparisons) {
    const onTaken = (body: string): string => `${start}\nif ${test} goto yes${pass}\nyes:\n${body}${pass}`;
    const onFall = (body: string): string => `${start}\nif ${test} goto no\n${body}\nno:${pass}`;
    const row = (ok: boolean, name: string, code: string): VerdictRow =>
      ok ? good(name, code) : bad(name, code, /packet/i);
    rows.push(row(taken, `14 bytes where ${test}`, onTaken(read)));
    rows.push(row(fallthrough, `14 bytes where not ${test}`, onFall(read)));
    const more = "r0 = *(u8 *)(r2 +14)";
    rows.push(row(proveMore[test] === "taken", `15 bytes where ${test}`, onTaken(more)));
    rows.push(row(proveMore[test] === "fallthrough", `15 bytes where not ${test}`, onFall(more)));
  }
  return rows;
}

const checked = `${start}\nif r4 > r3 goto no`;
const no = `\nno:${pass}`;

export const packetRows: readonly VerdictRow[] = [
  ...shapes(),
  bad("no comparison", `r2 = *(u32 *)(r1 +0)\nr0 = *(u8 *)(r2 +0)\nexit`, /packet/i),
  bad("an equality proves nothing", `${start}\nif r4 != r3 goto no\n${read}${no}`, /packet/i),
  bad("a 32-bit comparison proves nothing", `${start}\nif w4 > w3 goto no\n${read}${no}`, /packet|32|pointer|R4/i),
  bad(
    "a comparison with a number proves nothing",
    `${start}\nif r4 > 1000 goto no\n${read}${no}`,
    /packet|R4|pointer/i,
  ),
  bad("before the start", `${checked}\nr0 = *(u8 *)(r2 -1)${no}`, /packet|negative/i),
  bad("across the proven end", `${checked}\nr0 = *(u32 *)(r2 +12)${no}`, /packet/i),
  good("a word at the proven end", `${checked}\nr0 = *(u32 *)(r2 +10)${no}`),
  good("from the compared pointer backwards", `${checked}\nr0 = *(u8 *)(r4 -14)${no}`),
  good("a byte written", `${checked}\n*(u8 *)(r2 +0) = 1${no}`),
  bad("atomic on the packet", `${checked}\nr5 = 1\nlock *(u32 *)(r2 +0) += r5${no}`, /packet|atomic/i),
  bad("read through the end", `${checked}\nr0 = *(u8 *)(r3 -1)${no}`, /R3|end|data_end/i),
  bad("the end moved", `${start}\nr3 += -1\nif r4 > r3 goto no\n${read}${no}`, /R3|end|arithmetic/i),
  good("the packet's length", `${start}\nr3 -= r2\nr0 = r3\nexit`),
  bad("the length compared in place of pointers", `${start}\nr3 -= r2\nif r3 < 14 goto no\n${read}${no}`, /packet/i),
  good(
    "a pointer copied before the comparison",
    `r2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr7 = r2\nr4 = r2\nr4 += 14\nif r4 > r3 goto no\nr0 = *(u8 *)(r7 +13)${no}`,
  ),
  good(
    "a pointer spilled before the comparison",
    `r2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\n*(u64 *)(r10 -8) = r2\nr4 = r2\nr4 += 14\nif r4 > r3 goto no\nr7 = *(u64 *)(r10 -8)\nr0 = *(u8 *)(r7 +13)${no}`,
  ),
  bad(
    "loaded again from the context after it, and not compared",
    `${checked}\nr5 = *(u32 *)(r6 +0)\nr0 = *(u8 *)(r5 +13)${no}`,
    /packet/i,
  ),
  good("two comparisons", `${checked}\nr5 = r2\nr5 += 34\nif r5 > r3 goto no\nr0 = *(u32 *)(r2 +30)${no}`),
  bad(
    "the second comparison on another way",
    `${checked}\nr5 = r2\nr5 += 34\nif r5 > r3 goto less\ngoto no\nless:\nr0 = *(u32 *)(r2 +30)${no}`,
    /packet/i,
  ),
  good(
    "a header of variable length",
    `${checked}\nr5 = *(u8 *)(r2 +0)\nr5 &= 15\nr5 <<= 2\nr2 += r5\nr4 = r2\nr4 += 4\nif r4 > r3 goto no\nr0 = *(u32 *)(r2 +0)${no}`,
  ),
  bad(
    "a header of variable length, compared before it was added",
    `${checked}\nr5 = *(u8 *)(r2 +0)\nr5 &= 15\nr5 <<= 2\nr2 += r5\nr0 = *(u32 *)(r2 +0)${no}`,
    /packet/i,
  ),
  bad(
    "a variable offset without bound",
    `${checked}\ncall bpf_get_prandom_u32\nr2 = *(u32 *)(r6 +0)\nr3 = *(u32 *)(r6 +4)\nr2 += r0\nr4 = r2\nr4 += 4\nif r4 > r3 goto no\nr0 = *(u32 *)(r2 +0)${no}`,
    /packet|bound|far|offset|negative/i,
  ),
  bad(
    "a 32-bit number as offset is too much",
    `${checked}\nr5 = *(u32 *)(r2 +0)\nr2 += r5\nr4 = r2\nr4 += 4\nif r4 > r3 goto no\nr0 = *(u32 *)(r2 +0)${no}`,
    /packet|far|offset|bound/i,
  ),
  good(
    "a 16-bit number as offset",
    `${checked}\nr5 = *(u16 *)(r2 +0)\nr5 &= 0x7fff\nr2 += r5\nr4 = r2\nr4 += 4\nif r4 > r3 goto no\nr0 = *(u32 *)(r2 +0)${no}`,
  ),
  bad("a packet pointer in a 32-bit operation", `${checked}\nw2 += 1\nr0 = *(u8 *)(r2 +0)${no}`, /R2|32/i),
  bad("a packet pointer multiplied", `${checked}\nr2 *= 2\nr0 = *(u8 *)(r2 +0)${no}`, /R2|pointer|packet/i),
  good(
    "metadata",
    `r2 = *(u32 *)(r1 +8)\nr3 = *(u32 *)(r1 +0)\nr4 = r2\nr4 += 4\nif r4 > r3 goto no\nr0 = *(u32 *)(r2 +0)${no}`,
  ),
  bad(
    "metadata compared with data_end",
    `r2 = *(u32 *)(r1 +8)\nr3 = *(u32 *)(r1 +4)\nr4 = r2\nr4 += 4\nif r4 > r3 goto no\nr0 = *(u32 *)(r2 +0)${no}`,
    /packet|meta/i,
  ),
  bad(
    "data compared with metadata",
    `r2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +8)\nr4 = r2\nr4 += 4\nif r4 > r3 goto no\nr0 = *(u32 *)(r2 +0)${no}`,
    /packet|meta/i,
  ),
  ...["xdp_adjust_head", "xdp_adjust_tail", "xdp_adjust_meta"].flatMap((helper) => [
    bad(
      `a pointer from before ${helper}`,
      `${start}\nif r4 > r3 goto no\nr7 = r2\nr1 = r6\nr2 = 0\ncall bpf_${helper}\nr0 = *(u8 *)(r7 +0)${no}`,
      /R7|packet|number/i,
    ),
    good(
      `loaded and compared again after ${helper}`,
      `r6 = r1\nr2 = 0\ncall bpf_${helper}\nr2 = *(u32 *)(r6 +0)\nr3 = *(u32 *)(r6 +4)\nr4 = r2\nr4 += 14\nif r4 > r3 goto no\n${read}${no}`,
    ),
  ]),
  bad(
    "loaded but not compared again after xdp_adjust_head",
    `${start}\nif r4 > r3 goto no\nr1 = r6\nr2 = 0\ncall bpf_xdp_adjust_head\nr2 = *(u32 *)(r6 +0)\n${read}${no}`,
    /packet/i,
  ),
  good(
    "the packet as a helper's memory",
    `${checked}\nr1 = r2\nr2 = 12\nr3 = 0\nr4 = 0\nr5 = 0\ncall bpf_csum_diff${no}`,
  ),
  good("the packet as a key", `${checked}\nr1 = map[flows] ll\ncall bpf_map_lookup_elem${no}`),
  bad(
    "more of the packet than proven as a key",
    `${checked}\nr2 += 8\nr1 = map[flows] ll\ncall bpf_map_lookup_elem${no}`,
    /packet/i,
  ),
  good(
    "load_bytes to the stack",
    `r2 = 0\nr3 = r10\nr3 += -16\nr4 = 16\ncall bpf_xdp_load_bytes\nr0 = *(u8 *)(r10 -16)\nexit`,
  ),
  bad(
    "load_bytes beyond the stack",
    `r2 = 0\nr3 = r10\nr3 += -16\nr4 = 17\ncall bpf_xdp_load_bytes${pass}`,
    /stack|R3/i,
  ),
  good(
    "store_bytes leaves pointers as they are no more",
    `${checked}\nr1 = r6\nr2 = 0\nr3 = r10\nr3 += -8\n*(u64 *)(r3 +0) = 0\nr4 = 8\nr7 = r2\ncall bpf_xdp_store_bytes${no}`,
  ),
];
