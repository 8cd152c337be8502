/** The way of a frame, assembled for one thread: port → demultiplexer → (sequence) → bridge or punt → port. */
import { createRegion, type Region } from "../../system/memory.js";
import type { Context } from "./context.js";
import { createCrossing } from "./crossing.js";
import { createDelivery } from "./delivery.js";
import { createDemultiplexer, type Demultiplexer, together } from "./demultiplexer.js";
import { createEgress, type Egress } from "./egress.js";
import { createPuntWriter } from "./punt-ring.js";
import { createSequencer } from "./sequence.js";
import { createTransmitter, type Transmitter } from "./transmit.js";

export interface Path {
  /** For what the thread needs besides. */
  readonly region: Region;
  readonly transmitter: Transmitter;
  readonly egress: Egress;
  readonly receive: Demultiplexer["receive"];
  /** Begins a batch; `now` is in milliseconds. */
  begin(now: number): void;
  /** Ends a batch: everything leaves, and the buffers it lay in may be used again. */
  end(): void;
  /** Gives up on missing data that is due. */
  expire(now: number): void;
  /** When `expire` is due; Infinity when nothing waits. */
  deadline(): number;
}

export function createPath(context: Context): Path {
  const { memory, arena } = context;
  const region = createRegion(memory, arena.work, arena.work + arena.workBytes);
  const transmitter = createTransmitter(context, region);
  const punts = createPuntWriter(memory, arena.puntRing);
  const egress = createEgress(context, transmitter);
  const delivery = createDelivery(context, egress, punts);
  const sequencer = createSequencer(context, region, delivery);
  const hints = { slots: new Int32Array(together + 1), count: 0 };
  const crossing = createCrossing(context, transmitter, hints);
  const demultiplexer = createDemultiplexer(context, delivery, sequencer, punts, crossing, hints);
  return {
    region,
    transmitter,
    egress,
    receive: demultiplexer.receive,
    begin(now) {
      delivery.begin();
      demultiplexer.begin(now);
    },
    end() {
      transmitter.flush();
      sequencer.release();
    },
    expire: sequencer.expire,
    deadline: sequencer.deadline,
  };
}
