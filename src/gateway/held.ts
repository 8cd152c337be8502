/** Frames that arrive before their call is bridged: kept, a few for each call and so many in all, for the bridge to come. */
import type { Counts } from "./counts.js";
import type { Leg } from "./records.js";

/** An LCP Configure-Request, its repetition, and what a hasty peer sends with them. */
export const heldPerCall = 4;

/** LCP is negotiated with the default MRU until another is agreed (RFC 1661 §2): what is longer can wait for nothing. */
export const longestHeld = 1504;

export interface HeldFrames {
  /** Keeps a frame, or drops it and counts why. */
  hold(leg: Leg, bytes: Uint8Array): void;
  /** Gives a leg's frames up. */
  take(leg: Leg): readonly Uint8Array[];
  readonly size: number;
}

export function createHeldFrames(limit: number, counts: Counts): HeldFrames {
  let size = 0;
  return {
    hold(leg, bytes) {
      if (bytes.length > longestHeld) return counts.add("dropped-held-too-long");
      if (size >= limit) return counts.add("dropped-held-limit");
      leg.held ??= [];
      if (leg.held.length >= heldPerCall) return counts.add("dropped-held-per-call");
      leg.held.push(bytes);
      size++;
    },
    take(leg) {
      const frames = leg.held ?? [];
      leg.held = undefined;
      size -= frames.length;
      return frames;
    },
    get size() {
      return size;
    },
  };
}
