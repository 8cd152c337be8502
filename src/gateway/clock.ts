/** What time it is and who wants to be woken: the machine's clock in service, a virtual one in simulation. */
export interface Clock {
  /** Milliseconds since the epoch; never runs backwards. */
  now(): number;
  /** Calls `wake` once, at or after `at`. Answers how to call it off. */
  schedule(at: number, wake: () => void): () => void;
}

/** setTimeout takes no longer delay. */
const longestDelay = 0x7fff_ffff;

/** The machine's monotonic clock. What it has scheduled keeps no process alive. */
export const realClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  schedule(at, wake) {
    const delay = Math.min(longestDelay, Math.max(0, Math.ceil(at - realClock.now())));
    const timer = setTimeout(wake, delay);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
