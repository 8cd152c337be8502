/** csum_diff: the difference that replacing bytes makes to an Internet checksum (RFC 1624). Any number of bytes, as in Linux since 6.13. */
import type { HelperEnv, HelperGroup } from "./env.js";
import { errno } from "./errno.js";

const modulus = 0xffffffff;
/** A sum of 32-bit words with end-around carry. Only a sum of nothing but zeros is 0. */
const carry = (sum: number): number => (sum <= modulus ? sum : sum % modulus || modulus);

export function checksumHelpers({ memory, windows }: HelperEnv): HelperGroup {
  const { view, u8 } = memory;

  /**
   * `size` bytes added to `seed`; what is left of a word counts as if zeros followed. A frame has at most 2^14 words, so that the sum stays
   * exact.
   */
  function add(pointer: number, size: number, seed: number): number {
    const start = pointer >>> 0;
    const end = start + size;
    let sum = seed;
    let at = start;
    for (; at + 4 <= end; at += 4) sum += view.getUint32(at, true);
    for (let place = 1; at < end; at++, place *= 256) sum += u8[at]! * place;
    return carry(sum);
  }

  return {
    // s64 bpf_csum_diff(__be32 *from, u32 from_size, __be32 *to, u32 to_size, __wsum seed)
    helper_28: (block, from = 0, fromSize = 0, to = 0, toSize = 0, seedWord = 0) => {
      const oldBytes = fromSize >>> 0;
      const newBytes = toSize >>> 0;
      const seed = seedWord >>> 0;
      if (oldBytes > 0 && !windows.mayTouch(block, from, oldBytes, false)) return -errno.EFAULT;
      if (newBytes > 0 && !windows.mayTouch(block, to, newBytes, false)) return -errno.EFAULT;
      let sum = seed;
      if (oldBytes > 0 && newBytes > 0) {
        sum = carry(add(to, newBytes, seed) + (~add(from, oldBytes, 0) >>> 0));
      } else if (newBytes > 0) sum = add(to, newBytes, seed);
      else if (oldBytes > 0) sum = ~add(from, oldBytes, ~seed >>> 0) >>> 0;
      const folded = (sum & 0xffff) + (sum >>> 16);
      return (folded & 0xffff) + (folded >>> 16);
    },
  };
}
