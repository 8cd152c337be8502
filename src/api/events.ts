/**
 * One reader of the gateway's events, many subscribers. Each has a bounded queue; one that does not keep up is dropped with
 * a reason rather than served with gaps or at everybody's expense.
 */
import type { GatewayEvent } from "../gateway/types.js";
import type { Event } from "./schemas.js";
import { eventJson } from "./views.js";

export interface Subscription extends AsyncIterable<Event> {
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
  /** Events that a subscriber may have pending. */
  readonly queue?: number;
  readonly now?: () => number;
}

interface Subscriber {
  readonly queue: Event[];
  ended: string | undefined;
  wake: () => void;
}

export function createEventHub(source: AsyncIterableIterator<GatewayEvent>, options: HubOptions = {}): EventHub {
  const limit = options.queue ?? 1024;
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
      if (subscriber.queue.length === limit) {
        dropped += 1;
        subscriber.queue.length = 0;
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
      id += 1;
      deliver(eventJson(event, id, now()));
    }
    close();
  })();

  return {
    subscribe() {
      const subscriber: Subscriber = { queue: [], ended: closed, wake: () => {} };
      if (closed === undefined) subscribers.add(subscriber);
      return {
        get ended() {
          return subscriber.ended;
        },
        cancel: () => end(subscriber, "cancelled"),
        async *[Symbol.asyncIterator]() {
          for (;;) {
            const event = subscriber.queue.shift();
            if (event !== undefined) yield event;
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
