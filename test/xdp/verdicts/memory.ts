/** Stack, context, map values, memory in general. */
import { bad, good, lookup, pass, type VerdictRow } from "./row.js";

export const stackRows: readonly VerdictRow[] = [
  good("a word stored and read", `*(u64 *)(r10 -8) = 7\nr0 = *(u64 *)(r10 -8)\nexit`),
  good("at the bottom", `*(u64 *)(r10 -512) = 7${pass}`),
  bad("below the bottom", `*(u64 *)(r10 -520) = 7${pass}`, /stack/i),
  bad("above the top", `*(u64 *)(r10 +0) = 7${pass}`, /stack/i),
  bad("across the top", `*(u64 *)(r10 -4) = 7${pass}`, /stack|align/i),
  bad("above the top, through another register", `r2 = r10\nr2 += 8\n*(u8 *)(r2 -1) = 7${pass}`, /stack/i),
  good("through another register", `r2 = r10\nr2 += -16\n*(u32 *)(r2 +4) = 7\nr0 = *(u32 *)(r10 -12)\nexit`),
  good("never written, read with privilege", `r0 = *(u64 *)(r10 -8)\nexit`),
  bad("misaligned pointer spill", `*(u64 *)(r10 -12) = r1${pass}`, /align/i),
  bad("misaligned word", `*(u32 *)(r10 -6) = 1${pass}`, /align/i),
  good("byte anywhere", `*(u8 *)(r10 -7) = 1${pass}`),
  good("a pointer spilled and filled", `*(u64 *)(r10 -8) = r1\nr1 = *(u64 *)(r10 -8)\nr0 = *(u32 *)(r1 +12)\nexit`),
  bad("part of a spilled pointer read", `*(u64 *)(r10 -8) = r1\nr0 = *(u32 *)(r10 -8)\nexit`, /part/i),
  bad(
    "a spilled pointer damaged, then used",
    `*(u64 *)(r10 -8) = r1\n*(u8 *)(r10 -7) = 0\nr1 = *(u64 *)(r10 -8)\nr0 = *(u32 *)(r1 +0)\nexit`,
    /number|scalar|R1/i,
  ),
  good(
    "a spilled bound is remembered",
    `r2 = *(u32 *)(r1 +12)\nr2 &= 7\n*(u64 *)(r10 -8) = r2\nr3 = *(u64 *)(r10 -8)\nr4 = r10\nr4 += -32\nr4 += r3\n*(u8 *)(r4 +0) = 1${pass}`,
  ),
  good(
    "a variable offset within bounds",
    `r2 = *(u32 *)(r1 +12)\nr2 &= 15\nr3 = r10\nr3 += -16\nr3 += r2\n*(u8 *)(r3 +0) = 1${pass}`,
  ),
  bad(
    "a variable offset that may leave",
    `r2 = *(u32 *)(r1 +12)\nr2 &= 31\nr3 = r10\nr3 += -16\nr3 += r2\n*(u8 *)(r3 +0) = 1${pass}`,
    /stack/i,
  ),
  bad(
    "a variable offset without bound",
    `r2 = *(u32 *)(r1 +12)\nr3 = r10\nr3 += r2\n*(u8 *)(r3 +0) = 1${pass}`,
    /stack|bound|offset/i,
  ),
  bad(
    "a variable offset that may be negative",
    `call bpf_get_prandom_u32\nif r0 s> 15 goto +4\nr3 = r10\nr3 += -16\nr3 += r0\n*(u8 *)(r3 +0) = 1${pass}`,
    /stack|bound|offset|negative|minimum/i,
  ),
  good(
    "a variable offset read of what was written",
    `*(u64 *)(r10 -8) = 0\nr2 = *(u32 *)(r1 +12)\nr2 &= 7\nr3 = r10\nr3 += -8\nr3 += r2\nr0 = *(u8 *)(r3 +0)\nexit`,
  ),
  bad(
    "a helper reads what is below the stack",
    `r1 = r10\nr1 += -520\nr2 = 8\nr3 = 0\nr4 = 0\nr5 = 0\ncall bpf_csum_diff${pass}`,
    /stack|R1/i,
  ),
  bad(
    "pointer minus a register that is a pointer to the stack",
    `r2 = r10\nr2 -= 8\n*(u8 *)(r2 +0) = 1${pass}`,
    /stack|subtract/i,
  ),
];

export const contextRows: readonly VerdictRow[] = [
  good(
    "every field",
    `r2 = *(u32 *)(r1 +0)\nr2 = *(u32 *)(r1 +4)\nr2 = *(u32 *)(r1 +8)\nr0 = *(u32 *)(r1 +12)\nr0 = *(u32 *)(r1 +16)\nexit`,
  ),
  bad("egress_ifindex outside of a devmap", "r0 = *(u32 *)(r1 +20)\nexit", /context|egress/i),
  good("egress_ifindex in a devmap", "r0 = *(u32 *)(r1 +20)\nr0 = 2\nexit", { attach: "xdp/devmap" }),
  bad("beyond the context", "r0 = *(u32 *)(r1 +24)\nexit", /context/i),
  bad("before the context", "r0 = *(u32 *)(r1 -4)\nexit", /context/i),
  bad("a byte of a field", "r0 = *(u8 *)(r1 +12)\nexit", /context/i),
  bad("half a field", "r0 = *(u16 *)(r1 +12)\nexit", /context/i),
  bad("two fields at once", "r0 = *(u64 *)(r1 +8)\nexit", /context/i),
  bad("across fields", "r0 = *(u32 *)(r1 +2)\nexit", /context|align/i),
  bad("a field written", `*(u32 *)(r1 +12) = 0${pass}`, /context|read.only|write/i),
  bad("the packet's start written", `r2 = 0\n*(u32 *)(r1 +0) = r2${pass}`, /context|read.only|write/i),
  bad("atomic on the context", `r2 = 1\nlock *(u32 *)(r1 +12) += r2${pass}`, /context|atomic/i),
  bad(
    "the context moved by a variable",
    "r2 = *(u32 *)(r1 +12)\nr2 &= 4\nr1 += r2\nr0 = *(u32 *)(r1 +0)\nexit",
    /context|variable/i,
  ),
  bad("the context, moved, to a helper", `r1 += 4\nr2 = 0\ncall bpf_xdp_adjust_head${pass}`, /context|R1|offset/i),
  bad("a number as context", `r1 = 0\nr2 = 0\ncall bpf_xdp_adjust_head${pass}`, /R1|context/),
  bad("the context through its own value", "r1 = *(u32 *)(r1 +12)\nr0 = *(u32 *)(r1 +0)\nexit", /R1|number|memory/i),
];

export const mapRows: readonly VerdictRow[] = [
  good("a value read after the null check", `${lookup("flows", 8)}\nif r0 == 0 goto +1\nr0 = *(u64 *)(r0 +0)\nexit`),
  good("a value counted up", `${lookup("flows", 8)}\nif r0 == 0 goto +2\nr1 = 1\nlock *(u64 *)(r0 +0) += r1${pass}`),
  bad("no null check", `${lookup("flows", 8)}\nr0 = *(u64 *)(r0 +0)\nexit`, /null/i),
  bad(
    "the null check the wrong way round",
    `${lookup("flows", 8)}\nif r0 != 0 goto +1\nr0 = *(u64 *)(r0 +0)\nr0 = 2\nexit`,
    /R0|null|number|memory/i,
  ),
  bad(
    "arithmetic before the null check",
    `${lookup("flows", 8)}\nr0 += 4\nif r0 == 0 goto +1\nr0 = *(u32 *)(r0 +0)\nexit`,
    /null/i,
  ),
  good("null check of a copy", `${lookup("flows", 8)}\nr6 = r0\nif r0 == 0 goto +2\n*(u64 *)(r6 +0) = 1${pass}`),
  good(
    "null check after a spill",
    `${lookup("flows", 8)}\n*(u64 *)(r10 -16) = r0\nif r0 == 0 goto +3\nr6 = *(u64 *)(r10 -16)\n*(u64 *)(r6 +0) = 1${pass}`,
  ),
  bad(
    "null check of another lookup",
    `${lookup("flows", 8)}\nr6 = r0${lookup("flows", 8)}\nif r0 == 0 goto +1\n*(u64 *)(r6 +0) = 1${pass}`,
    /null/i,
  ),
  good(
    "no null check after a constant key of an array, which is always there",
    `${lookup("counters")}\nr0 = *(u64 *)(r0 +0)\nexit`,
  ),
  bad(
    "no null check after a constant key beyond the array",
    `*(u32 *)(r10 -4) = 4\nr2 = r10\nr2 += -4\nr1 = map[counters] ll\ncall bpf_map_lookup_elem\nr0 = *(u64 *)(r0 +0)\nexit`,
    /null/i,
  ),
  bad(
    "no null check after a key of an array that varies",
    `r2 = *(u32 *)(r1 +12)\nr2 &= 3\n*(u32 *)(r10 -4) = r2\nr2 = r10\nr2 += -4\nr1 = map[counters] ll\ncall bpf_map_lookup_elem\nr0 = *(u64 *)(r0 +0)\nexit`,
    /null/i,
  ),
  bad(
    "beyond the value",
    `${lookup("counters")}\nif r0 == 0 goto +1\nr0 = *(u64 *)(r0 +8)\nexit`,
    /map|counters|value/i,
  ),
  bad(
    "across the end of the value",
    `${lookup("counters")}\nif r0 == 0 goto +1\nr0 = *(u32 *)(r0 +6)\nexit`,
    /map|counters|value|align/i,
  ),
  bad(
    "before the value",
    `${lookup("counters")}\nif r0 == 0 goto +1\nr0 = *(u8 *)(r0 -1)\nexit`,
    /map|counters|value/i,
  ),
  good(
    "a masked index",
    `r6 = *(u32 *)(r1 +12)${lookup("wide")}\nif r0 == 0 goto +4\nr6 &= 63\nr0 += r6\nr1 = *(u8 *)(r0 +0)\nr0 = r1\nexit`,
  ),
  bad(
    "a masked index that is one too many",
    `r6 = *(u32 *)(r1 +12)${lookup("wide")}\nif r0 == 0 goto +4\nr6 &= 63\nr0 += r6\nr1 = *(u16 *)(r0 +0)\nr0 = r1\nexit`,
    /map|wide|value|align/i,
  ),
  good(
    "a compared index",
    `r6 = *(u32 *)(r1 +12)${lookup("wide")}\nif r0 == 0 goto +4\nif r6 > 63 goto +3\nr0 += r6\nr1 = *(u8 *)(r0 +0)\nr0 = r1\nexit`,
  ),
  bad(
    "an index without bound",
    `r6 = *(u32 *)(r1 +12)${lookup("wide")}\nif r0 == 0 goto +2\nr0 += r6\nr1 = *(u8 *)(r0 +0)\nr0 = 2\nexit`,
    /map|wide|bound/i,
  ),
  bad(
    "an index with a signed bound only",
    `call bpf_get_prandom_u32\nr6 = r0${lookup("wide")}\nif r0 == 0 goto +3\nif r6 s> 63 goto +2\nr0 += r6\nr1 = *(u8 *)(r0 +0)\nr0 = 2\nexit`,
    /negative|bound|map|offset/i,
  ),
  good(
    "an index with both signed bounds",
    `call bpf_get_prandom_u32\nr6 = r0${lookup("wide")}\nif r0 == 0 goto +4\nif r6 s> 63 goto +3\nif r6 s< 0 goto +2\nr0 += r6\nr1 = *(u8 *)(r0 +0)\nr0 = 2\nexit`,
  ),
  good(
    "an index bounded as a remainder of the size",
    `call bpf_get_prandom_u32\nr6 = r0\nr6 &= 31\nr6 <<= 1${lookup("wide")}\nif r0 == 0 goto +2\nr0 += r6\nr1 = *(u16 *)(r0 +0)\nr0 = 2\nexit`,
  ),
  good("a pointer to the map read", "r1 = map[counters] ll\nr0 = *(u64 *)(r1 +0)\nexit", {
    says: /map/i,
    ours: { accept: false, because: "there is no struct bpf_map behind it" },
  }),
  bad("a write through a pointer to the map", `r1 = map[counters] ll\n*(u64 *)(r1 +0) = 1${pass}`, /map/i),
  bad(
    "a write into a map that programs may only read",
    `${lookup("constants")}\nif r0 == 0 goto +1\n*(u64 *)(r0 +0) = 1${pass}`,
    /read/i,
  ),
  bad(
    "a helper writes into a map that programs may only read",
    `*(u32 *)(r10 -4) = 0\n*(u64 *)(r10 -24) = 0\n*(u64 *)(r10 -16) = 0\nr1 = map[constants] ll\nr2 = r10\nr2 += -4\nr3 = r10\nr3 += -24\nr4 = 0\ncall bpf_map_update_elem${pass}`,
    /read/i,
  ),
  bad(
    "beyond the value of an array, by constant",
    "r1 = map[counters][0]+8 ll\nr0 = *(u64 *)(r1 +0)\nexit",
    /map|counters|value|bytes|outside/i,
  ),
  good("the value of an array at its start", "r1 = map[constants][0]+8 ll\nr0 = *(u64 *)(r1 +0)\nexit"),
  bad(
    "misaligned in a map value",
    `${lookup("wide")}\nif r0 == 0 goto +1\nr0 = *(u32 *)(r0 +62)\nexit`,
    /map|wide|align/i,
  ),
  good(
    "a pointer stored in a map, with privilege",
    `r6 = r1${lookup("counters")}\nif r0 == 0 goto +1\n*(u64 *)(r0 +0) = r6${pass}`,
  ),
  bad("key not on the stack but a number", `r1 = map[counters] ll\nr2 = 0\ncall bpf_map_lookup_elem${pass}`, /R2/),
  good(
    "key never written, with privilege",
    `r2 = r10\nr2 += -8\nr1 = map[counters] ll\ncall bpf_map_lookup_elem${pass}`,
  ),
  bad(
    "key beyond the stack's top",
    `r2 = r10\nr2 += -2\nr1 = map[counters] ll\ncall bpf_map_lookup_elem${pass}`,
    /stack|R2/i,
  ),
  bad("no map", `*(u64 *)(r10 -8) = 0\nr2 = r10\nr2 += -8\nr1 = 0\ncall bpf_map_lookup_elem${pass}`, /R1|map/i),
  bad(
    "a lookup in a ring buffer",
    `*(u64 *)(r10 -8) = 0\nr2 = r10\nr2 += -8\nr1 = map[ring] ll\ncall bpf_map_lookup_elem${pass}`,
    /ring/i,
  ),
  bad("redirect by a hash", `r1 = map[flows] ll\nr2 = 0\nr3 = 0\ncall bpf_redirect_map\nexit`, /flows|hash|map/i),
  good("redirect by a devmap", "r1 = map[ports] ll\nr2 = 0\nr3 = 0\ncall bpf_redirect_map\nexit"),
  good(
    "a map value as key of another map",
    `${lookup("counters")}\nif r0 == 0 goto +4\nr2 = r0\nr1 = map[flows] ll\ncall bpf_map_lookup_elem${pass}`,
  ),
  bad(
    "a map value too short as a value",
    `${lookup("counters")}\nif r0 == 0 goto +8\nr3 = r0\n*(u64 *)(r10 -8) = 0\nr2 = r10\nr2 += -8\nr1 = map[flows] ll\nr4 = 0\ncall bpf_map_update_elem${pass}`,
    /map|counters|value|R3/i,
  ),
  good(
    "a queue",
    `*(u64 *)(r10 -8) = 1\nr2 = r10\nr2 += -8\nr1 = map[words] ll\nr3 = 0\ncall bpf_map_push_elem${pass}`,
  ),
];
