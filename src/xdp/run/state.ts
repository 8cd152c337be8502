/**
 * What a thread runs programs with, in the shared memory: the context of the frame in hand, what helpers leave behind, and the stack.
 * One block per thread, aligned to 8192 bytes. Byte offsets. `xdp_md` lies at its start, so that the context's pointer is the block's,
 * and its fields are read in place: pointers are 32 bits wide here.
 */
export const state = {
  // struct xdp_md
  data: 0,
  dataEnd: 4,
  dataMeta: 8,
  ingressIfindex: 12,
  rxQueueIndex: 16,
  egressIfindex: 20,
  xdpMdBytes: 24,

  /** How far adjust_head may go down, and adjust_tail up, without moving the frame. */
  hardStart: 24,
  hardEnd: 28,
  /** Upper word of a helper's 64-bit result. */
  returnHigh: 32,
  /** Tail calls that the program in hand has made. */
  tailCalls: 36,
  /** Index of the thread, as bpf_get_smp_processor_id answers. */
  cpu: 40,
  /** What XDP_REDIRECT means (`redirectKind`), and its arguments. The last call wins. */
  redirect: 44,
  redirectMap: 48,
  redirectKey: 52,
  redirectFlags: 56,
  /** Why a run was ended (`fault`), where it was (slot), and the spin lock held then (0: none). */
  fault: 60,
  faultInsn: 64,
  lock: 68,
  /** Verdict of the frame that ended a batch. */
  verdict: 72,
  /** Tags of the frame, for our own kfuncs; 0: none. */
  device: 76,
  session: 80,
  user: 84,
  tunnel: 88,
  policy: 92,
  /** Nanoseconds of the batch's begin, two words, low first: what ktime helpers answer from. */
  time: 96,
  /** Random state, four words. */
  random: 104,
  /** Not 0: the tail call just made found an empty slot; who made it sets it to 0 again and goes on (`run/tail-table.ts`). */
  vacant: 120,
  /** Frame of the batch in hand, counted from 0, so that after a trap it is known how far the batch came. */
  frameIndex: 124,
  /** What a chain of compiled programs may still spend (`jit/work.ts`). */
  fuel: 128,
  /** Room for whoever calls no one while it is in use. */
  scratch: 1024,
  scratchBytes: 64,
  /** Two keys of a map of maps, for looks at what it holds. */
  innerKeys: 1088,
  innerKeyBytes: 512,
  /** Keys that for_each_map_elem of the interpreter hands to callbacks, those of nested ones one after the other. */
  elementKeys: 2112,
  elementKeysBytes: 1984,
  /** Stack frames of 512 bytes; the program's frame is the topmost. */
  stack: 4096,
  stackTop: 8192,
  bytes: 8192,
} as const;

export const redirectKind = { none: 0, ifindex: 1, devmap: 2, cpumap: 3, xskmap: 4 } as const;

/** Why a run was ended by force; the frame is dropped as XDP_ABORTED. */
export const fault = { none: 0, bounds: 1, fuel: 2, alignment: 3, unknown: 4 } as const;

export const action = { aborted: 0, drop: 1, pass: 2, tx: 3, redirect: 4 } as const;
