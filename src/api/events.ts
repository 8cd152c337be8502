/**
 * One reader of the gateway's events, many subscribers. Each has a bounded queue; one that does not keep up is dropped with
 * a reason rather than served with gaps or at everybody's expense.
 */
import type { GatewayEvent } from "../gateway/types.js";
import type { Event } from "./schemas.js";
import { eventJson } from "./views.js";

/** Yields what is pending, in batches, oldest first. */
export interface Subscription extends AsyncIterable<readonly Event[]> {
  /** Why there are no more events; undefined while there may be. */
  readonly ended: string | undefined;
  cancel(): void;
}

export interface EventHub {
  subscribe(): Subscription;
  readonly subscribers: number;
  /** Subscribers that did not keep up. */
  readonly dropped: number;
  close(): void;
}

export interface HubOptions {
  /** Events that a subscriber may have pending; tunnels that end with all their sessions make many at once. */
  readonly queue?: number;
  readonly now?: () => number;
}

/** Events in one batch: few enough to be one write. */
const batchSize = 256;

interface Subscriber {
  queue: Event[];
  /** Events at the head of the queue that are delivered already. */
  taken: number;
  ended: string | undefined;
  wake: () => void;
}

export function createEventHub(source: AsyncIterableIterator<GatewayEvent>, options: HubOptions = {}): EventHub {
  const limit = options.queue ?? 1 << 18;
  const now = options.now ?? Date.now;
  const subscribers = new Set<Subscriber>();
  let id = 0;
  let dropped = 0;
  let closed: string | undefined;

  const end = (subscriber: Subscriber, reason: string): void => {
    subscribers.delete(subscriber);
    subscriber.ended = reason;
    subscriber.wake();
  };

  const deliver = (event: Event): void => {
    for (const subscriber of subscribers) {
      if (subscriber.queue.length - subscriber.taken === limit) {
        dropped += 1;
        subscriber.queue = [];
        subscriber.taken = 0;
        end(subscriber, `the reader is too slow: ${limit} events were pending`);
        continue;
      }
      subscriber.queue.push(event);
      subscriber.wake();
    }
  };

  const close = (): void => {
    closed = "the daemon stops";
    for (const subscriber of subscribers) end(subscriber, closed);
  };

  void (async () => {
    for await (const event of source) {
      if (closed !== undefined) return;
      id += event.type === "lost" ? event.count : 1;
      if (subscribers.size > 0) deliver(eventJson(event, id, now()));
    }
    close();
  })();

  return {
    subscribe() {
      const subscriber: Subscriber = { queue: [], taken: 0, ended: closed, wake: () => {} };
      if (closed === undefined) subscribers.add(subscriber);
      return {
        get ended() {
          return subscriber.ended;
        },
        cancel: () => end(subscriber, "cancelled"),
        async *[Symbol.asyncIterator]() {
          for (;;) {
            const batch = takeBatch(subscriber);
            if (batch.length > 0) yield batch;
            else if (subscriber.ended !== undefined) return;
            else await new Promise<void>((resolve) => Object.assign(subscriber, { wake: resolve }));
          }
        },
      };
    },
    get subscribers() {
      return subscribers.size;
    },
    get dropped() {
      return dropped;
    },
    close() {
      close();
      void source.return?.();
    },
  };
}

function takeBatch(subscriber: Subscriber): readonly Event[] {
  const { queue, taken } = subscriber;
  const batch = queue.slice(taken, taken + batchSize);
  subscriber.taken += batch.length;
  if (subscriber.taken === queue.length) Object.assign(subscriber, { queue: [], taken: 0 });
  return batch;
}
