/**
 * One stream of events to any number of readers. A reader that does not keep up loses the oldest events and is told how many
 * in their place; it never holds up the writer.
 */
export interface Fanout<T> {
  emit(event: T): void;
  /** Every event from now on, until the iterator is returned or the fanout closed; what is pending then is still read out. */
  subscribe(): AsyncIterableIterator<T>;
  close(): void;
  /** Events lost by slow readers. */
  readonly lost: number;
}

interface Reader<T> {
  queue: T[];
  /** Events lost since it was last told. */
  lost: number;
  wake: (() => void) | undefined;
  closed: boolean;
}

/** `limit`: events that a reader may be behind. `lostEvent`: what it is told of those that it lost. */
export function createFanout<T>(limit: number, lostEvent: (count: number) => T): Fanout<T> {
  const readers = new Set<Reader<T>>();
  let lost = 0;
  let closed = false;

  const release = (reader: Reader<T>): void => {
    reader.closed = true;
    readers.delete(reader);
    reader.wake?.();
  };

  return {
    emit(event) {
      for (const reader of readers) {
        if (reader.queue.length >= limit) {
          // Half at a time: shifting one by one would cost the writer the length of the queue for each event.
          const dropped = reader.queue.splice(0, limit >> 1 || 1).length;
          reader.lost += dropped;
          lost += dropped;
        }
        reader.queue.push(event);
        reader.wake?.();
      }
    },
    subscribe() {
      const reader: Reader<T> = { queue: [], lost: 0, wake: undefined, closed };
      if (!closed) readers.add(reader);
      return iterate(reader, lostEvent, () => release(reader));
    },
    close() {
      closed = true;
      for (const reader of readers) release(reader);
    },
    get lost() {
      return lost;
    },
  };
}

function iterate<T>(reader: Reader<T>, lostEvent: (count: number) => T, release: () => void): AsyncIterableIterator<T> {
  let batch: readonly T[] = [];
  let at = 0;
  const take = (): IteratorResult<T> | undefined => {
    if (at < batch.length) return { done: false, value: batch[at++] as T };
    if (reader.lost > 0) {
      const value = lostEvent(reader.lost);
      reader.lost = 0;
      return { done: false, value };
    }
    if (reader.queue.length === 0) return undefined;
    [batch, at, reader.queue] = [reader.queue, 1, []];
    return { done: false, value: batch[0] as T };
  };
  return {
    async next() {
      for (;;) {
        const result = take();
        if (result) return result;
        batch = [];
        at = 0;
        if (reader.closed) return { done: true, value: undefined };
        await new Promise<void>((resolve) => {
          reader.wake = resolve;
        });
        reader.wake = undefined;
      }
    },
    async return() {
      release();
      [batch, at] = [[], 0];
      Object.assign(reader, { queue: [], lost: 0 });
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
