/** Time, random numbers, the worker's number, the spin lock, strings compared, and the tags of our own kfuncs. */
import { ProgramFault } from "../interpreter-memory.js";
import { fault, state } from "../run/state.js";
import type { HelperEnv, HelperGroup } from "./env.js";
import { errno } from "./errno.js";

const nanosecondsPerTick = 4e6;
const words = 2 ** 32;
/** As TAI was ahead of UTC since 2017. */
const leapSeconds = 37;

/** Leaves nanoseconds for the helpers of a run to answer from. */
export function setTime(u32: Uint32Array, block: number, nanoseconds: number): void {
  u32[(block + state.time) >>> 2] = nanoseconds % words;
  u32[(block + state.time + 4) >>> 2] = nanoseconds / words;
}

/**
 * Tries for a lock before the thread sleeps a millisecond at a time, and how often it does. Its holder may call nothing, so that it is soon
 * done, unless its thread is gone.
 */
const spins = 10_000;
const naps = 100;

export function basicHelpers({ memory, host, windows }: HelperEnv): HelperGroup {
  const { u8, u32, i32 } = memory;
  const atomicOffset = BigInt(
    Math.round(host.atomicOffset ?? (Date.now() - performance.now() + leapSeconds * 1e3) * 1e6),
  );

  const now = (block: number): number => {
    u32[(block + state.returnHigh) >>> 2] = u32[(block + state.time + 4) >>> 2]!;
    return u32[(block + state.time) >>> 2]! | 0;
  };
  const wide = (block: number, value: bigint): number => {
    u32[(block + state.returnHigh) >>> 2] = Number((value >> 32n) & 0xffffffffn);
    return Number(BigInt.asIntN(32, value));
  };
  const whole = (block: number): number =>
    u32[(block + state.time) >>> 2]! + u32[(block + state.time + 4) >>> 2]! * words;
  const tag =
    (field: number) =>
    (block: number): number =>
      i32[(block + field) >>> 2]!;
  const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

  return {
    helper_5: now,
    helper_125: now,
    helper_160: now,
    helper_208: (block) => wide(block, BigInt(whole(block)) + atomicOffset),
    helper_118: (block) => {
      const ticks = Math.floor(whole(block) / nanosecondsPerTick);
      u32[(block + state.returnHigh) >>> 2] = ticks / words;
      return ticks | 0;
    },

    // xoshiro128++
    helper_7: (block) => {
      const at = (block + state.random) >>> 2;
      const [a, b, c, d] = [i32[at]!, i32[at + 1]!, i32[at + 2]!, i32[at + 3]!];
      const result = (rotate((a + d) | 0, 7) + a) | 0;
      const third = c ^ a;
      const fourth = d ^ b;
      i32[at + 1] = b ^ third;
      i32[at] = a ^ fourth;
      i32[at + 2] = third ^ (b << 9);
      i32[at + 3] = rotate(fourth, 11);
      return result;
    },

    helper_8: (block) => i32[(block + state.cpu) >>> 2]!,
    helper_42: () => 0,

    // void bpf_spin_lock(struct bpf_spin_lock *)
    helper_93: (block, pointer = 0) => {
      if ((pointer & 3) !== 0) return endRun(u32, block, fault.alignment);
      if (!windows.mayTouch(block, pointer, 4, true)) return endRun(u32, block, fault.bounds);
      const at = pointer >>> 2;
      for (let tries = 0; Atomics.compareExchange(i32, at, 0, 1) !== 0; tries++) {
        if (tries > spins + naps) endRun(u32, block, fault.fuel);
        if (tries > spins) pause(i32, at);
      }
      u32[(block + state.lock) >>> 2] = pointer >>> 0;
      return 0;
    },
    helper_94: (block, pointer = 0) => {
      // Whatever the program says, it can only give back what it holds.
      if (u32[(block + state.lock) >>> 2] !== pointer >>> 0 || pointer === 0) return 0;
      releaseLock(i32, u32, block);
      return 0;
    },

    // long bpf_strncmp(const char *s1, u32 s1_sz, const char *s2)
    helper_182: (block, first = 0, size = 0, second = 0) => {
      if (!windows.mayTouch(block, first, size, false)) return -errno.EFAULT;
      const a = first >>> 0;
      const b = second >>> 0;
      for (let index = 0; index < size >>> 0; index++) {
        if (!windows.isConstant(b + index, 1)) return -errno.EFAULT;
        const difference = u8[a + index]! - u8[b + index]!;
        if (difference !== 0) return Math.sign(difference);
        if (u8[a + index] === 0) return 0;
      }
      return 0;
    },

    kfunc_1: tag(state.session),
    kfunc_2: tag(state.user),
    kfunc_3: tag(state.tunnel),
    kfunc_4: tag(state.policy),
    kfunc_5: tag(state.device),
    kfunc_6: () => -errno.EOPNOTSUPP,
    kfunc_7: () => -errno.EOPNOTSUPP,
    kfunc_8: () => -errno.EOPNOTSUPP,
  };
}

/** Gives back the spin lock that a program holds, if any: at its end, and when it is ended by force. */
export function releaseLock(i32: Int32Array, u32: Uint32Array, block: number): void {
  const pointer = u32[(block + state.lock) >>> 2]!;
  if (pointer === 0) return;
  u32[(block + state.lock) >>> 2] = 0;
  Atomics.store(i32, pointer >>> 2, 0);
  Atomics.notify(i32, pointer >>> 2);
}

/** Ends the run out of a helper. */
function endRun(u32: Uint32Array, block: number, reason: number): never {
  u32[(block + state.fault) >>> 2] = reason;
  u32[(block + state.faultInsn) >>> 2] = 0xffff_ffff;
  throw new ProgramFault(reason, -1);
}

/** Lets the holder of a lock run, where threads may sleep; a browser's main thread may not, and spins on. */
function pause(i32: Int32Array, at: number): void {
  try {
    Atomics.wait(i32, at, 1, 1);
  } catch {
    // On to the next try.
  }
}
