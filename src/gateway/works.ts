/** Operations of the data plane that are under way. */
export interface Works {
  track(work: Promise<unknown>): void;
  /** Runs beside the others and is not waited for. */
  watch(work: Promise<unknown>): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

/** `failed` is told of what nobody expected; one call's mishap is not the others'. */
export function createWorks(failed: (error: unknown) => void): Works {
  let count = 0;
  let idle: (() => void) | undefined;
  const done = (): void => {
    count--;
    if (count === 0) idle?.();
  };
  return {
    track(work) {
      count++;
      work.then(done, (error: unknown) => {
        failed(error);
        done();
      });
    },
    watch(work) {
      work.catch(failed);
    },
    async settled() {
      while (count > 0) {
        await new Promise<void>((resolve) => {
          idle = resolve;
        });
      }
    },
  };
}
