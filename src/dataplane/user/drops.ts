/** Why a frame went no further. The order is that of the counters in shared memory. */
export const dropReasons = [
  "too-short",
  "truncated",
  "bad-version",
  "bad-length",
  "bad-offset",
  "unknown-tunnel",
  "unknown-session",
  "wrong-source",
  "wrong-port",
  "sequence-missing",
  "sequence-old",
  "sequence-discarded",
  "reorder-timeout",
  "reorder-overflow",
  "relation-ended",
  "device-down",
  "no-bridge",
  "punt-overflow",
  "mtu-exceeded",
  "port-closed",
  "tx-no-buffers",
  "tx-refused",
  "tx-too-big",
  "tx-error",
  "inject-no-port",
  "inject-no-channel",
  "inject-no-unit",
  /** From a unit's peer. */
  "bad-ppp",
  "bad-ip",
  "np-down",
  "bad-source",
  "rate-exceeded",
  "unit-no-port",
  "unit-punt-limit",
  "tun-error",
  /** Fragments: late or repeated; of packets that never became whole; of packets beyond MRRU; more than there is room for. */
  "multilink-late",
  "multilink-lost",
  "multilink-too-long",
  "multilink-overflow",
  "multilink-malformed",
  "multilink-busy",
  /** Not a drop: a frame of a tapped channel that the control thread got no copy of. */
  "tap-overflow",
  /** From the host to a unit. */
  "bad-offload",
  "no-route",
  "unit-no-channel",
  "packet-too-big",
  /** A program's verdict, or a run that was ended; a redirect to where no frame can go. */
  "xdp-drop",
  "xdp-aborted",
  "xdp-unknown",
  "xdp-redirect",
  /** No longer a frame of its device: its Ethernet header says nothing that PPP or IP can. */
  "xdp-framing",
  "handoff-overflow",
  /** Not a drop: lines of programs that were not told. */
  "trace-overflow",
  /** Not a drop: a message that the kernel would not cut into datagrams went out datagram by datagram. */
  "segmentation-refused",
] as const;

export type DropReason = (typeof dropReasons)[number];

/** Index of each reason. */
export const drop = Object.fromEntries(dropReasons.map((reason, index) => [reason, index])) as Readonly<
  Record<DropReason, number>
>;
