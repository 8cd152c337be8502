/**
 * What is to be in the store, gathered for a while and written at once: a transaction costs much more than what is in it,
 * and what is put and removed in between never gets there.
 */
import type { Clock } from "../clock.js";
import type { Log } from "../log.js";
import type { Store } from "../store/types.js";

export interface Journal {
  put(key: string, value: string): void;
  remove(key: string): void;
  /** Calls back when all that has been put and removed so far is in the store. */
  whenStored(done: () => void): void;
  /** Writes what is gathered now; resolves when it is in the store. */
  flush(): Promise<void>;
  /** Writes that failed: what was in them is not stored. */
  readonly failures: number;
}

/** Milliseconds in which changes are gathered. */
const gathering = 100;

export function createJournal(store: Store, clock: Clock, log: Log): Journal {
  let changes = new Map<string, string | undefined>();
  let waiting: (() => void)[] = [];
  let writing: Promise<void> | undefined;
  let calledOff: (() => void) | undefined;
  let failures = 0;

  const arm = (): void => {
    if (calledOff || writing) return;
    calledOff = clock.schedule(clock.now() + gathering, () => void begin());
  };

  const begin = (): Promise<void> => {
    calledOff?.();
    calledOff = undefined;
    writing ??= write();
    return writing;
  };

  const write = async (): Promise<void> => {
    const [batch, done] = [changes, waiting];
    changes = new Map();
    waiting = [];
    try {
      await store.write(batch);
    } catch (problem) {
      failures++;
      log.error({ problem, records: batch.size }, "accounting could not be stored; a crash now would lose it");
    }
    writing = undefined;
    if (changes.size > 0 || waiting.length > 0) arm();
    for (const each of done) each();
  };

  return {
    put(key, value) {
      changes.set(key, value);
      arm();
    },
    remove(key) {
      changes.set(key, undefined);
      arm();
    },
    whenStored(done) {
      waiting.push(done);
      arm();
    },
    async flush() {
      await writing;
      while (changes.size > 0 || waiting.length > 0) await begin();
    },
    get failures() {
      return failures;
    },
  };
}
