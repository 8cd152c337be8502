/** Starts things one after another, so many under way at once and so many a second. */
export interface Window {
  readonly started: number;
  /** Starts what may start now. */
  feed(): void;
}

export interface WindowOptions {
  readonly total: number;
  /** Under way at once. */
  readonly size: number;
  /** Per second; 0: no limit. */
  readonly rate: number;
  readonly start: (index: number) => void;
  /** How many of those started have come to an end. */
  readonly finished: () => number;
}

export function createWindow({ total, size, rate, start, finished }: WindowOptions): Window {
  const from = performance.now();
  let started = 0;
  const allowed = (): number => (rate === 0 ? total : Math.floor(((performance.now() - from) * rate) / 1000) + 1);
  return {
    get started() {
      return started;
    },
    feed() {
      const most = Math.min(total, allowed());
      while (started < most && started - finished() < size) start(started++);
    },
  };
}
