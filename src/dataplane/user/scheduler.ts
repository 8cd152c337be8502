/** The time, and being called at one: the machine's, or a simulation's. Milliseconds, never running backwards. */
export interface Scheduler {
  now(): number;
  /** Calls back once at or after `time`; answers how to call it off. */
  at(time: number, callback: () => void): () => void;
}

export const machineScheduler: Scheduler = {
  now: () => performance.now(),
  at(time, callback) {
    const timer = setTimeout(callback, Math.max(0, Math.ceil(time - performance.now())));
    return () => clearTimeout(timer);
  },
};
