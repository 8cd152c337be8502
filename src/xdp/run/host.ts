/** What programs need of the world outside the shared memory. A host is given when a thread's runtime is made; all of it is optional. */

/**
 * A route lookup: the fields of struct bpf_fib_lookup, the same object for every call. Addresses are in network order, the first 4 bytes
 * for IPv4. The host answers in place.
 */
export interface FibLookup {
  /** AF_INET 2 or AF_INET6 10. */
  family: number;
  protocol: number;
  sourcePort: number;
  destinationPort: number;
  /** Bytes of the IP packet, 0: do not check. */
  totalLength: number;
  /** In: where the frame came in, or (flag OUTPUT) goes out. Out: the next device. */
  ifindex: number;
  /** Type of service, or flow label with class. */
  tos: number;
  /** In with flag TBID: the routing table. */
  table: number;
  /** In with flag MARK. */
  mark: number;
  /** BPF_FIB_LOOKUP_…: DIRECT 1, OUTPUT 2, SKIP_NEIGH 4, TBID 8, SRC 16, MARK 32. */
  flags: number;
  readonly source: Uint8Array;
  /** Out: the next hop, where there is a gateway. */
  readonly destination: Uint8Array;
  /** Out. */
  metric: number;
  mtu: number;
  readonly sourceMac: Uint8Array;
  readonly destinationMac: Uint8Array;
}

/** BPF_FIB_LKUP_RET_…; a negative answer is an errno. */
export const fibResult = {
  success: 0,
  blackhole: 1,
  unreachable: 2,
  prohibit: 3,
  notForwarded: 4,
  forwardingDisabled: 5,
  unsupported: 6,
  noNeighbour: 7,
  fragmentationNeeded: 8,
  noSourceAddress: 9,
} as const;

export interface XdpHost {
  /** Monotonic nanoseconds; undefined: the machine's. */
  readonly now?: () => number;
  /** Nanoseconds to add to the monotonic time for International Atomic Time. */
  readonly atomicOffset?: number;
  /** Four words that seed the random numbers; undefined: the machine's. */
  readonly seed?: readonly number[];
  /** 16 bytes that SYN cookies are made with, the same for all threads; undefined: the process's own. */
  readonly cookieSecret?: Uint8Array;
  /** A line of bpf_trace_printk, without its line feed, at most 1023 characters. `cpu` is the thread's number. */
  readonly trace?: (line: string, cpu: number) => void;
  readonly fib?: (lookup: FibLookup) => number;
  /** MTU of a device and bytes of its link header; undefined: there is no such device. */
  readonly mtu?: (ifindex: number) => { readonly mtu: number; readonly header: number } | undefined;
  /** A perf or ring buffer has records for a consumer that may be waiting; `record` is the map's. Not told of records behind unread ones. */
  readonly wake?: (record: number) => void;
  /**
   * Moves the frame in hand (metadata and all) to where there are at least `headroom` bytes before its data and `tailroom` after it, and sets
   * data, dataEnd, dataMeta, hardStart and hardEnd of the state block. False: there is no such place.
   */
  readonly reseat?: (state: number, headroom: number, tailroom: number) => boolean;
}
