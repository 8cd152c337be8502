/**
 * One stream of events to any number of readers. A reader that does not keep up loses the oldest events, which is counted;
 * it never holds up the writer.
 */
export interface Fanout<T> {
  emit(event: T): void;
  /** Every event from now on, until the iterator is returned or the fanout closed. */
  subscribe(): AsyncIterableIterator<T>;
  close(): void;
  /** Events lost by slow readers. */
  readonly lost: number;
}

interface Reader<T> {
  queue: T[];
  wake: (() => void) | undefined;
  closed: boolean;
}

export function createFanout<T>(limit: number): Fanout<T> {
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
          const dropped = reader.queue.splice(0, limit >> 1 || 1);
          lost += dropped.length;
        }
        reader.queue.push(event);
        reader.wake?.();
      }
    },
    subscribe() {
      const reader: Reader<T> = { queue: [], wake: undefined, closed };
      if (!closed) readers.add(reader);
      return iterate(reader, () => release(reader));
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

function iterate<T>(reader: Reader<T>, release: () => void): AsyncIterableIterator<T> {
  let batch: T[] = [];
  let at = 0;
  const take = (): IteratorResult<T> | undefined => {
    if (at === batch.length) [batch, at, reader.queue] = [reader.queue, 0, []];
    return at < batch.length ? { done: false, value: batch[at++] as T } : undefined;
  };
  return {
    async next() {
      for (;;) {
        const result = take();
        if (result) return result;
        if (reader.closed) return { done: true, value: undefined };
        await new Promise<void>((resolve) => {
          reader.wake = resolve;
        });
        reader.wake = undefined;
      }
    },
    async return() {
      release();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
