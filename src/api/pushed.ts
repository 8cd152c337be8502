/** Something that is pushed, as a stream of bytes. */

/** Undefined ends the stream. Answers whether there was room. */
export type Push = (bytes: Uint8Array | undefined) => boolean;

/** Bytes that wait for a reader; beyond, what comes is left out. */
const queueLimit = 4 << 20;

/** What `start` answers is called when the reader goes. */
export function pushed(start: (push: Push) => () => void): ReadableStream<Uint8Array> {
  let stop: () => void = () => {};
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        stop = start((bytes) => {
          if (bytes === undefined) {
            controller.close();
            return true;
          }
          if ((controller.desiredSize ?? 0) <= 0) return false;
          controller.enqueue(bytes);
          return true;
        });
      },
      cancel: () => stop(),
    },
    { highWaterMark: queueLimit, size: (bytes) => bytes.length },
  );
}

export const streamHeaders = (type: string) => ({
  "content-type": type,
  "cache-control": "no-store",
  "x-accel-buffering": "no",
});
