/** Events as server-sent events (WHATWG HTML §9.2): `id`, `event` (its type) and `data` (the whole event as JSON). */

import type { Subscription } from "./events.js";
import type { Event } from "./schemas.js";

const encoder = new TextEncoder();

const encodeEvent = (event: Event): string =>
  `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

/** What the stream ends with when it was not the reader who ended it. */
const encodeEnd = (reason: string): string => `event: end\ndata: ${JSON.stringify({ reason })}\n\n`;

/** A comment: lets a client and the systems between see that the stream lives. */
const beat = ": \n\n";

/** The stream pulls, so that a reader that does not read lets its subscription's queue fill up, and nothing else. */
export function eventStream(subscription: Subscription, beatInterval = 15_000): ReadableStream<Uint8Array> {
  const batches = subscription[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode(beat));
        timer = setInterval(() => {
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(beat));
        }, beatInterval);
        timer.unref();
      },
      async pull(controller) {
        const { value, done } = await batches.next();
        if (done !== true) return controller.enqueue(encoder.encode(value.map(encodeEvent).join("")));
        clearInterval(timer);
        controller.enqueue(encoder.encode(encodeEnd(subscription.ended ?? "")));
        controller.close();
      },
      cancel() {
        clearInterval(timer);
        subscription.cancel();
      },
    },
    { highWaterMark: 1 },
  );
}
