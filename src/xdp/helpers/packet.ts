/** Helpers that move the edges of the frame or copy bytes of it. Limits and errnos are the kernel's (net/core/filter.c describes them). */
import { state } from "../run/state.js";
import type { HelperEnv, HelperGroup } from "./env.js";
import { errno } from "./errno.js";

const ethernetHeader = 14;
/** The metadata's length is kept in a byte. */
const maximumMetadata = 255;
const maximumCopy = 0xffff;

export function packetHelpers({ memory, host, windows }: HelperEnv): HelperGroup {
  const { u32, u8 } = memory;
  const word = (block: number, field: number): number => u32[(block + field) >>> 2]!;
  const set = (block: number, field: number, value: number): void => {
    u32[(block + field) >>> 2] = value;
  };
  const headroom = (block: number): number => word(block, state.data) - word(block, state.hardStart);
  const tailroom = (block: number): number => word(block, state.hardEnd) - word(block, state.dataEnd);
  const makeRoom = (block: number, head: number, tail: number): boolean => {
    const metadata = word(block, state.data) - word(block, state.dataMeta);
    const length = word(block, state.dataEnd) - word(block, state.data);
    if (host.reseat === undefined || head > maximumCopy || tail > maximumCopy) return false;
    if (!host.reseat(block, head, tail)) return false;
    const moved = word(block, state.dataEnd) - word(block, state.data) === length;
    return (
      moved &&
      word(block, state.data) - word(block, state.dataMeta) === metadata &&
      headroom(block) >= head &&
      tailroom(block) >= tail
    );
  };

  /** Where `length` bytes at `offset` of the frame are, or an errno. */
  function locate(block: number, offset: number, length: number): number {
    const from = offset >>> 0;
    const bytes = length >>> 0;
    if (from > maximumCopy || bytes > maximumCopy) return -errno.EFAULT;
    if (from + bytes > word(block, state.dataEnd) - word(block, state.data)) return -errno.EINVAL;
    return word(block, state.data) + from;
  }

  return {
    // long bpf_xdp_adjust_head(ctx, int delta)
    helper_44: (block, delta = 0) => {
      const metadata = word(block, state.data) - word(block, state.dataMeta);
      const length = word(block, state.dataEnd) - word(block, state.data);
      if (delta > length - ethernetHeader) return -errno.EINVAL;
      if (-delta + metadata > headroom(block) && !makeRoom(block, -delta + metadata, 0)) return -errno.EINVAL;
      const from = word(block, state.dataMeta);
      if (metadata > 0) u8.copyWithin(from + delta, from, from + metadata);
      set(block, state.dataMeta, from + delta);
      set(block, state.data, word(block, state.data) + delta);
      return 0;
    },

    // long bpf_xdp_adjust_meta(ctx, int delta)
    helper_54: (block, delta = 0) => {
      const metadata = word(block, state.data) - word(block, state.dataMeta) - delta;
      if (metadata < 0) return -errno.EINVAL;
      if (metadata > headroom(block) && (metadata > maximumMetadata || !makeRoom(block, metadata, 0))) {
        return -errno.EINVAL;
      }
      if ((metadata & 3) !== 0 || metadata > maximumMetadata) return -errno.EACCES;
      const start = word(block, state.data) - metadata;
      // What lay before the frame is nobody's here but may be another frame's: the kernel leaves it, we do not.
      if (start < word(block, state.dataMeta)) u8.fill(0, start, word(block, state.dataMeta));
      set(block, state.dataMeta, start);
      return 0;
    },

    // long bpf_xdp_adjust_tail(ctx, int delta)
    helper_65: (block, delta = 0) => {
      const length = word(block, state.dataEnd) - word(block, state.data);
      if (length + delta < ethernetHeader) return -errno.EINVAL;
      if (delta > tailroom(block) && !makeRoom(block, 0, delta)) return -errno.EINVAL;
      const end = word(block, state.dataEnd);
      if (delta > 0) u8.fill(0, end, end + delta);
      set(block, state.dataEnd, end + delta);
      return 0;
    },

    // u64 bpf_xdp_get_buff_len(ctx)
    helper_188: (block) => {
      set(block, state.returnHigh, 0);
      return word(block, state.dataEnd) - word(block, state.data);
    },

    // long bpf_xdp_load_bytes(ctx, u32 offset, void *buf, u32 len)
    helper_189: (block, offset = 0, buffer = 0, length = 0) => {
      const from = locate(block, offset, length);
      if (from < 0) return from;
      if (!windows.mayTouch(block, buffer, length, true)) return -errno.EFAULT;
      u8.copyWithin(buffer >>> 0, from, from + length);
      return 0;
    },

    // long bpf_xdp_store_bytes(ctx, u32 offset, void *buf, u32 len)
    helper_190: (block, offset = 0, buffer = 0, length = 0) => {
      const to = locate(block, offset, length);
      if (to < 0) return to;
      if (!windows.mayTouch(block, buffer, length, false)) return -errno.EFAULT;
      const from = buffer >>> 0;
      u8.copyWithin(to, from, from + length);
      return 0;
    },

    // long bpf_check_mtu(ctx, u32 ifindex, u32 *mtu_len, s32 len_diff, u64 flags)
    helper_163: (block, ifindex = 0, pointer = 0, difference = 0, flags = 0, flagsHigh = 0) => {
      if (flags !== 0 || flagsHigh !== 0) return -errno.EINVAL;
      const device = ifindex === 0 ? word(block, state.ingressIfindex) : ifindex >>> 0;
      const known = host.mtu?.(device);
      if (known === undefined) return -errno.ENODEV;
      if (!windows.mayTouch(block, pointer, 4, true)) return -errno.EFAULT;
      const asked = memory.view.getUint32(pointer >>> 0, true);
      const length = asked === 0 ? word(block, state.dataEnd) - word(block, state.data) : (asked + known.header) | 0;
      memory.view.setUint32(pointer >>> 0, known.mtu, true);
      // Words that wrap, as the kernel's.
      return ((length + difference) | 0) > known.mtu + known.header ? 1 : 0;
    },
  };
}
