/** Drives the L2TP machines: control messages in, outputs out to the transport and to a handler, time-outs by one timer. */
import type { Datagram, Endpoint, Output } from "../l2tp/types.js";
import type { Side } from "./board.js";
import type { Transport } from "./transport.js";

export type ControlEvent = Exclude<Output, { readonly type: "send" }>;

export interface Control {
  readonly endpoints: readonly [lac: Endpoint, lns: Endpoint];
  /** Takes messages that arrived at the transport's sockets. */
  take(batch: readonly Datagram[]): void;
  /** Sends and reports what commands to the machines have brought about; call it after any. */
  pump(): void;
  close(): void;
}

export function createControl(
  endpoints: readonly [lac: Endpoint, lns: Endpoint],
  transport: Transport,
  handle: (side: Side, event: ControlEvent) => void,
): Control {
  const sides = transport.sockets.map(({ side }) => side);
  let timer: NodeJS.Timeout | undefined;
  let wakeAt = Number.POSITIVE_INFINITY;
  let closed = false;

  /** One machine's outputs; handling them may make either machine put out more. */
  const empty = (side: Side): boolean => {
    const outputs = endpoints[side].take();
    for (const output of outputs) {
      if (output.type === "send") transport.send(output.port, output.remote, output.bytes);
      else handle(side, output);
    }
    return outputs.length > 0;
  };

  const pump = (): void => {
    let more = true;
    while (more) {
      more = empty(0);
      more = empty(1) || more;
    }
    transport.flush();
    arm();
  };

  const arm = (): void => {
    const next = Math.min(...endpoints.map((endpoint) => endpoint.deadline() ?? Number.POSITIVE_INFINITY));
    // A timer that comes too early finds nothing due and costs less than a new one for every message.
    if (closed || next >= wakeAt) return;
    clearTimeout(timer);
    wakeAt = next;
    timer = setTimeout(expire, Math.max(0, next - performance.now()));
  };

  const expire = (): void => {
    wakeAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    for (const endpoint of endpoints) {
      const due = endpoint.deadline();
      if (due !== undefined && due <= now) endpoint.expire(now);
    }
    pump();
  };

  return {
    endpoints,
    take(batch) {
      const now = performance.now();
      for (const datagram of batch) endpoints[sides[datagram.port]!].handle(datagram, now);
      pump();
    },
    pump,
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
