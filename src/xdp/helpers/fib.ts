/** fib_lookup: struct bpf_fib_lookup (64 bytes, linux/bpf.h) in and out. */
import { type FibLookup, fibResult } from "../run/host.js";
import type { HelperEnv, HelperGroup } from "./env.js";
import { errno } from "./errno.js";

const bytes = 64;
const inet = 2;
const inet6 = 10;
const flag = { direct: 1, output: 2, skipNeighbour: 4, table: 8, source: 16, mark: 32 } as const;
const knownFlags = 63;

export function fibHelpers({ memory, host, windows }: HelperEnv): HelperGroup {
  const { u8, view } = memory;
  const lookup: FibLookup = {
    family: 0,
    protocol: 0,
    sourcePort: 0,
    destinationPort: 0,
    totalLength: 0,
    ifindex: 0,
    tos: 0,
    table: 0,
    mark: 0,
    flags: 0,
    source: new Uint8Array(16),
    destination: new Uint8Array(16),
    metric: 0,
    mtu: 0,
    sourceMac: new Uint8Array(6),
    destinationMac: new Uint8Array(6),
  };

  function read(at: number, flags: number): void {
    lookup.family = u8[at]!;
    lookup.protocol = u8[at + 1]!;
    lookup.sourcePort = view.getUint16(at + 2);
    lookup.destinationPort = view.getUint16(at + 4);
    lookup.totalLength = view.getUint16(at + 6, true);
    lookup.ifindex = view.getUint32(at + 8, true);
    lookup.tos = lookup.family === inet ? u8[at + 12]! : view.getUint32(at + 12);
    lookup.flags = flags;
    lookup.table = (flags & flag.table) !== 0 ? view.getUint32(at + 48, true) : 0;
    lookup.mark = (flags & flag.mark) !== 0 ? view.getUint32(at + 52, true) : 0;
    for (let index = 0; index < 16; index++) {
      lookup.source[index] = u8[at + 16 + index]!;
      lookup.destination[index] = u8[at + 32 + index]!;
    }
    lookup.metric = 0;
    lookup.mtu = 0;
  }

  function write(at: number, result: number): void {
    const { success, noNeighbour, fragmentationNeeded } = fibResult;
    if (result === fragmentationNeeded) view.setUint16(at + 6, lookup.mtu, true);
    if (result !== success && result !== noNeighbour) return;
    view.setUint32(at + 8, lookup.ifindex, true);
    view.setUint32(at + 12, lookup.metric, true);
    u8[at] = lookup.family;
    u8.set(lookup.destination, at + 32);
    if ((lookup.flags & flag.source) !== 0) u8.set(lookup.source, at + 16);
    if (result !== success) return;
    view.setUint16(at + 6, lookup.mtu, true);
    view.setUint32(at + 48, 0, true);
    if ((lookup.flags & flag.skipNeighbour) !== 0) return;
    u8.set(lookup.sourceMac, at + 52);
    u8.set(lookup.destinationMac, at + 58);
  }

  return {
    // long bpf_fib_lookup(ctx, struct bpf_fib_lookup *params, int plen, u32 flags)
    helper_69: (block, pointer = 0, length = 0, flags = 0) => {
      if (length < bytes || (flags & ~knownFlags) !== 0) return -errno.EINVAL;
      if (!windows.mayTouch(block, pointer, bytes, true)) return -errno.EFAULT;
      const at = pointer >>> 0;
      read(at, flags);
      if (lookup.family !== inet && lookup.family !== inet6) return -errno.EAFNOSUPPORT;
      if (host.fib === undefined) return fibResult.notForwarded;
      const result = host.fib(lookup) | 0;
      write(at, result);
      return result;
    },
  };
}
