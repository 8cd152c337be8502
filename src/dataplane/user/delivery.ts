/** Where a session's frame goes: over its bridge, to its unit, or up to the control thread for whoever reads its channel. */
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import type { Forward } from "./egress.js";
import { fate } from "./hooks/fate.js";
import type { Hooks } from "./hooks/hooks.js";
import { puntRingBytes, session, sessionCounter, sessionFlag } from "./layout.js";
import { type PuntWriter, puntKind } from "./punt-ring.js";
import { isTapped, type Tap, tapWord } from "./tap.js";
import type { UnitIngress } from "./unit-ingress.js";

export interface Delivery {
  /** Begins a batch. */
  begin(): void;
  /** Takes the frame of `length` bytes at `payload` that the session at `slot` received on `port`. */
  deliver(slot: number, port: number, priority: number, payload: number, length: number, room: number): void;
  /** As `deliver`, after the channel's programs have run. */
  resume(slot: number, port: number, priority: number, payload: number, length: number, room: number): void;
}

/** Frames that nothing takes, per batch: enough for a negotiation, too few to crowd out what matters. */
const puntsPerBatch = 16;

export function createDelivery(
  context: Context,
  forward: Forward,
  ingress: UnitIngress,
  punts: PuntWriter,
  tap: Tap,
  hooks: Hooks,
): Delivery {
  const { memory, layout, arena } = context;
  const { u32, i32, f64 } = memory;
  const records = layout.sessions >> 2;
  const counters = arena.sessionCounters >> 3;
  const drops = createDropCounter(context);
  let puntsLeft = 0;

  function punt(slot: number, port: number, payload: number, length: number): void {
    const channel = u32[records + slot * session.words + session.channel]!;
    if (puntsLeft-- <= 0) drops.received(drop["no-bridge"], port);
    else if (!punts.write(puntKind.channel, channel, payload, length, 0, 0, puntRingBytes / 2)) {
      drops.received(drop["punt-overflow"], port);
    }
  }

  function keep(slot: number, length: number): void {
    const counter = counters + slot * sessionCounter.count;
    f64[counter + sessionCounter.keptPackets]! += 1;
    f64[counter + sessionCounter.keptBytes]! += length;
  }

  function resume(slot: number, port: number, priority: number, payload: number, length: number, room: number): void {
    const relation = i32[records + slot * session.words + session.relation]!;
    if (relation > 0) {
      forward(relation, priority, payload, length, room, slot);
      return;
    }
    keep(slot, length);
    if (relation < 0) ingress.receive(-relation, slot, port, payload, length);
    else punt(slot, port, payload, length);
  }

  return {
    begin() {
      puntsLeft = puntsPerBatch;
    },
    deliver(slot, port, priority, payload, length, room) {
      const word = u32[tapWord(layout.ways, slot)]!;
      if (isTapped(word)) tap.received(slot, payload, length);
      if ((word & sessionFlag.ingress) === 0) {
        resume(slot, port, priority, payload, length, room);
        return;
      }
      const became = hooks.channelIn(slot, port, payload, length, room);
      const { frame } = hooks;
      if (became === fate.passed) resume(slot, port, priority, frame.at, frame.length, frame.room);
      else if (became !== fate.handed) keep(slot, length);
    },
    resume,
  };
}
