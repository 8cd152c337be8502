import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds between two looks. */
const look = 10;

export interface Patience {
  /** A number that changes as long as there is progress. */
  readonly progress: () => number;
  /** Milliseconds without progress after which it is given up. */
  readonly idle: number;
  readonly signal?: AbortSignal | undefined;
}

/** Waits until `done`; answers false when it was given up or aborted before. */
export async function until(done: () => boolean, { progress, idle, signal }: Patience): Promise<boolean> {
  let last = progress();
  let since = performance.now();
  while (!done()) {
    if (signal?.aborted) return false;
    const now = performance.now();
    const current = progress();
    if (current !== last) {
      last = current;
      since = now;
    } else if (now - since > idle) {
      return false;
    }
    await sleep(look);
  }
  return true;
}

/** Waits for so many seconds; less when aborted. */
export async function pause(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(seconds * 1000, undefined, signal ? { signal } : {}).catch(() => {});
}
