/** The way of a frame, assembled for one thread: port → demultiplexer → (sequence) → bridge, unit or punt → port. */
import { createRegion, type Region } from "../../system/memory.js";
import { createSum } from "./checksum.js";
import type { Context } from "./context.js";
import { createCrossing } from "./crossing.js";
import { createDelivery } from "./delivery.js";
import { createDemultiplexer, type Demultiplexer, together } from "./demultiplexer.js";
import { createEgress, type Egress } from "./egress.js";
import { puntRingBytes } from "./layout.js";
import { createPuntWriter } from "./punt-ring.js";
import { createLimiter } from "./rate.js";
import { createRouteLookup } from "./route-table.js";
import { createSequencer } from "./sequence.js";
import { createTap } from "./tap.js";
import { createTransmitter, type Transmitter } from "./transmit.js";
import { createTunOutput, type TunOutput } from "./tun-output.js";
import { createUnitEgress, type UnitEgress } from "./unit-egress.js";
import { createUnitIngress } from "./unit-ingress.js";

export interface Path {
  /** For what the thread needs besides. */
  readonly region: Region;
  readonly transmitter: Transmitter;
  readonly egress: Egress;
  readonly tun: TunOutput;
  readonly receive: Demultiplexer["receive"];
  /** Takes what the host sent through a TUN port. */
  readonly fromHost: UnitEgress["receive"];
  /** Touches what packets will need that are about to be taken `fromHost`. */
  readonly fetch: UnitEgress["fetch"];
  readonly sendOnBundle: UnitEgress["sendOnBundle"];
  /** Begins a batch; `now` is in milliseconds, the same for all threads. */
  begin(now: number): void;
  /** Ends a batch: everything leaves, and the buffers it lay in may be used again. */
  end(): void;
  /** Gives up on missing data that is due, and sends what waited for its limit. */
  expire(now: number): void;
  /** When `expire` is due; Infinity when nothing waits. */
  deadline(): number;
}

export function createPath(context: Context): Path {
  const { memory, arena } = context;
  const region = createRegion(memory, arena.work, arena.work + arena.workBytes);
  const transmitter = createTransmitter(context, region);
  const punts = createPuntWriter(memory, arena.puntRing);
  const tap = createTap(context, region, punts);
  const egress = createEgress(context, transmitter, tap);
  const sum = createSum(memory);
  const routes = createRouteLookup(memory, context.layout);
  const limiter = createLimiter(memory);
  const tun = createTunOutput(context, region, sum, punts, puntRingBytes / 2);
  const flush = (): void => {
    transmitter.flush();
    tun.flush();
  };
  const ingress = createUnitIngress(context, region, tun, routes, limiter, punts, flush);
  const units = createUnitEgress(context, region, sum, egress, transmitter, tun, routes, limiter, punts);
  const delivery = createDelivery(context, egress.forward, ingress, punts, tap);
  const sequencer = createSequencer(context, region, delivery);
  const hints = { slots: new Int32Array(together + 1), count: 0 };
  const crossing = createCrossing(context, transmitter, hints);
  const demultiplexer = createDemultiplexer(context, delivery, sequencer, punts, crossing, hints);
  return {
    region,
    transmitter,
    egress,
    tun,
    receive: demultiplexer.receive,
    fromHost: units.receive,
    fetch: units.fetch,
    sendOnBundle: units.sendOnBundle,
    begin(now) {
      delivery.begin();
      ingress.begin(now);
      units.begin(now);
      demultiplexer.begin(now);
    },
    end() {
      flush();
      units.release();
      ingress.release();
      sequencer.release();
    },
    expire(now) {
      sequencer.expire(now);
      ingress.expire(now);
      units.expire(now);
    },
    deadline: () => Math.min(sequencer.deadline(), ingress.deadline(), units.deadline()),
  };
}
