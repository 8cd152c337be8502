/** A lock in one word of shared memory, for moments (U. Drepper, Futexes Are Tricky: 0 free, 1 held, 2 held and waited for). */
import type { Memory } from "../../system/memory.js";

export interface Lock {
  tryAcquire(word: number): boolean;
  /** False when it was not to be had within a second. */
  acquire(word: number): boolean;
  release(word: number): void;
}

const spins = 100;
const waits = 100;
const eachWait = 10;

export function createLock({ i32 }: Memory): Lock {
  const tryAcquire = (word: number): boolean => Atomics.compareExchange(i32, word, 0, 1) === 0;
  function wait(word: number): boolean {
    for (let spin = 0; spin < spins; spin++) if (tryAcquire(word)) return true;
    for (let round = 0; round < waits; round++) {
      if (Atomics.exchange(i32, word, 2) === 0) return true;
      Atomics.wait(i32, word, 2, eachWait);
    }
    return false;
  }
  return {
    tryAcquire,
    acquire: (word) => tryAcquire(word) || wait(word),
    release(word) {
      if (Atomics.exchange(i32, word, 0) === 2) Atomics.notify(i32, word, 1);
    },
  };
}
