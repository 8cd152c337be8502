import type { DataplaneEvent } from "../contract.js";

export interface EventStream {
  emit(event: DataplaneEvent): void;
  subscribe(): AsyncIterableIterator<DataplaneEvent>;
  /** Ends all subscriptions once they have been read out. */
  close(): void;
}

/** Each subscriber sees every event from its subscription on, in order, at its own pace. */
export function createEventStream(): EventStream {
  const subscribers = new Set<{ push(event: DataplaneEvent): void; end(): void }>();

  function subscribe(): AsyncIterableIterator<DataplaneEvent> {
    const queue: DataplaneEvent[] = [];
    let ended = false;
    let wake: (() => void) | undefined;
    const subscriber = {
      push(event: DataplaneEvent) {
        queue.push(event);
        wake?.();
      },
      end() {
        ended = true;
        wake?.();
      },
    };
    subscribers.add(subscriber);
    const finish = () => {
      subscribers.delete(subscriber);
      subscriber.end();
      return Promise.resolve({ done: true as const, value: undefined });
    };
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        while (queue.length === 0 && !ended) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        const value = queue.shift();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
      return: finish,
    };
  }

  return {
    emit(event) {
      for (const subscriber of subscribers) subscriber.push(event);
    },
    subscribe,
    close() {
      for (const subscriber of subscribers) subscriber.end();
      subscribers.clear();
    },
  };
}
