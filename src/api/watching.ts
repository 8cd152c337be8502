/** What is watched of one session: its control frames in words (server-sent events), or all its frames (pcapng). */
import type { Context, Hono } from "hono";
import { JunctorError } from "../errors.js";
import type { TracedFrame } from "../gateway/tracing.js";
import { concealL2tp, concealPpp, decodeL2tp, decodePpp } from "../trace/index.js";
import { createPcapng } from "../trace/pcapng.js";
import { parseSessionName, sessionName } from "./names.js";
import { type Push, pushed, streamHeaders } from "./pushed.js";
import { missing } from "./routes/params.js";
import type { Service } from "./service.js";

const encoder = new TextEncoder();

interface Shown {
  readonly decode: (bytes: Uint8Array) => string;
  /** The same octets without passwords. */
  readonly conceal: (bytes: Uint8Array) => Uint8Array;
}

const layers: Readonly<Record<TracedFrame["layer"], Shown>> = {
  ppp: { decode: decodePpp, conceal: concealPpp },
  l2tp: { decode: decodeL2tp, conceal: concealL2tp },
};

export interface TraceLine {
  readonly time: string;
  readonly direction: "in" | "out";
  readonly layer: "ppp" | "l2tp";
  readonly text: string;
  readonly bytes: string;
}

const traceLine = ({ time, direction, layer, bytes }: TracedFrame): TraceLine => ({
  time: new Date(time).toISOString(),
  direction,
  layer,
  text: layers[layer].decode(bytes),
  bytes: Buffer.from(layers[layer].conceal(bytes)).toString("hex"),
});

function callOf(context: Context): number {
  const name = context.req.param("session") ?? "";
  const call = parseSessionName(name);
  if (call === undefined) throw new JunctorError("invalid", `${name}: expected TUNNEL/SESSION (%2F for the slash)`);
  return call;
}

export function mountWatching(app: Hono, { gateway }: Service): void {
  app.get("/v1/sessions/:session/trace", (context) => {
    const call = callOf(context);
    let push: Push = () => false;
    const stop = gateway.trace(call, (frame) =>
      push(frame && encoder.encode(`event: frame\ndata: ${JSON.stringify(traceLine(frame))}\n\n`)),
    );
    if (stop === undefined) throw missing("session", sessionName(call));
    const stream = pushed((into) => {
      push = into;
      push(encoder.encode(": \n\n"));
      return stop;
    });
    return context.body(stream, 200, streamHeaders("text/event-stream"));
  });

  app.get("/v1/sessions/:session/capture", async (context) => {
    const call = callOf(context);
    const file = createPcapng();
    let push: Push = () => false;
    const stop = await gateway.capture(call, (copy) => push(copy && file.frame(copy.time, copy.direction, copy.bytes)));
    if (stop === undefined) throw missing("session", sessionName(call));
    const stream = pushed((into) => {
      push = into;
      push(file.head());
      return () => void stop();
    });
    return context.body(stream, 200, streamHeaders("application/x-pcapng"));
  });
}
