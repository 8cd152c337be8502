/** Copies of a tapped channel's frames for the control thread: bounded, and never instead of the frame. */
import type { Region } from "../../system/memory.js";
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { puntRingBytes, session, sessionFlag, way } from "./layout.js";
import { type PuntWriter, puntKind } from "./punt-ring.js";

export interface Tap {
  /** Copies a frame that the session at a slot received: the `length` bytes at `at`. */
  received(slot: number, at: number, length: number): void;
  /** Copies a frame that leaves on it, in one piece or two. */
  sent(slot: number, head: number, headLength: number, body: number, length: number): void;
}

/** Whether the session with this `way.header` is tapped. */
export const isTapped = (header: number): boolean => (header & sessionFlag.tapped) !== 0;

/** Word of the session at a slot that has the flag. */
export const tapWord = (ways: number, slot: number): number => (ways >> 2) + slot * way.words + way.header;

const longestFrame = 65_536;

export function createTap(context: Context, region: Region, punts: PuntWriter): Tap {
  const { memory, layout } = context;
  const { u8, u32, f64 } = memory;
  const records = layout.sessions >> 2;
  const drops = createDropCounter(context);
  // As a record's address, which is 16 bytes.
  const time = region.allocate(16);
  const whole = region.allocate(longestFrame);

  function copy(kind: number, slot: number, at: number, length: number): void {
    f64[time >> 3] = Math.round((performance.timeOrigin + performance.now()) * 1000);
    const channel = u32[records + slot * session.words + session.channel]!;
    if (!punts.write(kind, channel, at, length, 0, time, puntRingBytes / 2)) drops.leaving(drop["tap-overflow"]);
  }

  return {
    received: (slot, at, length) => copy(puntKind.tapIn, slot, at, length),
    sent(slot, head, headLength, body, length) {
      if (length === 0) {
        copy(puntKind.tapOut, slot, head, headLength);
        return;
      }
      u8.copyWithin(whole, head, head + headLength);
      u8.copyWithin(whole + headLength, body, body + length);
      copy(puntKind.tapOut, slot, whole, headLength + length);
    },
  };
}
