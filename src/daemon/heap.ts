/**
 * Gives memory back. V8 collects garbage when a program allocates; a daemon whose sessions have all ended allocates nothing
 * and would sit on their memory for as long as nothing happens. So when it falls idle after much work, it is told to collect.
 */
import { performance } from "node:perf_hooks";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface Heap {
  /** Bytes in use, garbage included. */
  used(): number;
  /** Milliseconds since the last call in which the event loop was busy. */
  busy(): number;
  collect(): void;
}

const interval = 2000;
/** An interval with less work than this is idle. */
const idle = 0.05 * interval;
/** Work that may have left garbage worth a collection, which stops this thread (not the data workers) for some 50 ms. */
const worthwhile = 300;
const small = 32 << 20;

/** The first collection frees objects, the next returns their pages, and the third shrinks a young generation at rest. */
const passes = 3;

/** Answers what is to be done at each interval. */
export function createHeapKeeper({ used, busy, collect }: Heap): () => void {
  let worked = 0;
  let due = 0;
  return () => {
    const now = busy();
    if (now >= idle) {
      worked += now;
      return;
    }
    if (worked >= worthwhile && used() >= small) {
      worked = 0;
      due = passes;
    }
    if (due === 0) return;
    due--;
    collect();
  };
}

/** The same for this thread's heap, until stopped. */
export function keepHeapSmall(): { stop(): void } {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setFlagsFromString("--no-expose-gc");
  let since = performance.eventLoopUtilization();
  const check = createHeapKeeper({
    used: () => getHeapStatistics().used_heap_size,
    busy() {
      const before = since;
      since = performance.eventLoopUtilization();
      return performance.eventLoopUtilization(since, before).active;
    },
    collect,
  });
  const timer = setInterval(check, interval).unref();
  return { stop: () => clearInterval(timer) };
}
