/** What programs say as it happens, as server-sent events: lines of bpf_trace_printk, records of ring buffers. */
import type { Hono } from "hono";
import { JunctorError } from "../errors.js";
import { toHex } from "./map-values.js";
import { type Push, pushed, streamHeaders } from "./pushed.js";
import type { Service } from "./service.js";

const encoder = new TextEncoder();
const maxReaders = 64;
const beatInterval = 15_000;

const event = (type: string, data: object): Uint8Array =>
  encoder.encode(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);

/** Events with a place for `lost` where a slow reader had no room, and comments that show that the stream lives. */
function eventful(start: (send: (type: string, data: object) => void) => () => void): ReadableStream<Uint8Array> {
  return pushed((push: Push) => {
    let lost = 0;
    const beat = (): void => void push(encoder.encode(": \n\n"));
    beat();
    const timer = setInterval(beat, beatInterval);
    timer.unref();
    const stop = start((type, data) => {
      if (lost > 0 && push(event("lost", { count: lost }))) lost = 0;
      if (lost > 0 || !push(event(type, data))) lost += 1;
    });
    return () => {
      clearInterval(timer);
      stop();
    };
  });
}

export function mountStreams(app: Hono, { plane }: Service): void {
  let readers = 0;

  /** Counts those who read, so that they stay few. */
  function stream(start: Parameters<typeof eventful>[0]): ReadableStream<Uint8Array> {
    if (readers >= maxReaders) {
      throw new JunctorError("EBUSY", `${maxReaders} readers of programs are connected`, "close one of them");
    }
    return eventful((send) => {
      const stop = start(send);
      readers += 1;
      return () => {
        readers -= 1;
        stop();
      };
    });
  }

  app.get("/v1/programs/trace", (context) => {
    const body = stream((send) =>
      plane.program.trace((lines) => {
        for (const { time, ...line } of lines) {
          send("line", { time: new Date(time / 1000).toISOString(), ...line });
        }
      }),
    );
    return context.body(body, 200, streamHeaders("text/event-stream"));
  });

  app.get("/v1/maps/:map/records", async (context) => {
    const handle = context.req.param("map");
    const map = /^[1-9]\d{0,9}$/.test(handle) ? Number(handle) : 0;
    if (map < 1 || map > 0xffff_ffff) throw new JunctorError("invalid", `${handle}: expected the handle of a map`);
    await plane.map.get({ map });
    const body = stream((send) =>
      plane.map.consume({ map }, (record) => {
        send("record", { time: new Date().toISOString(), bytes: toHex(record) });
      }),
    );
    return context.body(body, 200, streamHeaders("text/event-stream"));
  });
}
