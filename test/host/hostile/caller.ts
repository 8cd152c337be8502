/** Calls of a hostile LAC: subscribers of every kind, and all that they ever said as what is to be sent again, spoiled. */
import type { CallId } from "../../../src/l2tp/types.js";
import { parseFrame, pppProtocol } from "../../../src/wire/ppp.js";
import { encodeControl, parseControl } from "../../../src/wire/ppp-control.js";
import type { Lac } from "../../peers/lac.js";
import { dial, type Subscriber, type SubscriberOptions } from "../../peers/subscriber.js";
import type { Random } from "./random.js";

export interface Caller {
  readonly corpus: readonly Uint8Array[];
  /** Calls that are up. */
  readonly calls: ReadonlySet<CallId>;
  dial(options: SubscriberOptions): Subscriber;
  /** A call that agrees to whatever LCP wants, and never says who it is. */
  loiter(calledNumber?: string): void;
  send(call: CallId, frame: Uint8Array): void;
}

const most = 512;

export function createCaller(lac: Lac, random: Random): Caller {
  const corpus: Uint8Array[] = [];
  const calls = new Set<CallId>();
  const keep = (frame: Uint8Array): void => {
    if (corpus.length < most) corpus.push(frame.slice());
    else if (random.below(50) === 0) corpus[random.below(most)] = frame.slice();
  };
  const watched: Lac = {
    ...lac,
    place(avps, { up, frame, down }) {
      const id: CallId = lac.place(avps, {
        up() {
          calls.add(id);
          up();
        },
        frame(bytes) {
          keep(bytes);
          frame(bytes);
        },
        down(ended) {
          calls.delete(id);
          down(ended);
        },
      });
      return id;
    },
    send(call, frame) {
      keep(frame);
      lac.send(call, frame);
    },
  };
  return {
    corpus,
    calls,
    dial: (options) => dial(watched, options),
    loiter(calledNumber = "pap") {
      const call: CallId = watched.place(
        { calledNumber, callingNumber: "5550000" },
        {
          up() {
            lac.send(call, encodeControl(pppProtocol.lcp, { code: 1, identifier: 1, data: new Uint8Array(0) }));
          },
          frame(bytes) {
            const at = parseFrame(bytes)?.at ?? 0;
            const packet = parseControl(bytes, at);
            if ("malformed" in packet || packet.code !== 1) return;
            lac.send(call, encodeControl(pppProtocol.lcp, { ...packet, code: 2 }));
          },
          down() {},
        },
      );
    },
    send: lac.send,
  };
}
