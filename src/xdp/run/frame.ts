/** Frames placed in the shared memory for a single run, with the room around them that a kernel's test run gives. */
import { JunctorError } from "../../errors.js";
import type { XdpMemory } from "../memory.js";
import { state } from "./state.js";

/** XDP_PACKET_HEADROOM, and the bytes at its start that the kernel keeps to itself: adjust_head cannot have them. */
export const frameHeadroom = 256;
const reserved = 40;
/** Bytes from a frame's start to the end of its page but for the kernel's own there. A longer frame has no tailroom. */
const usual = 3520;
export const longestFrame = 0xffff;
/** Bytes that `placeFrame` uses, from an offset that is a multiple of 64. */
export const frameRegion = frameHeadroom + longestFrame + 1;

export interface FrameInfo {
  readonly ingressIfindex?: number;
  readonly rxQueueIndex?: number;
  readonly egressIfindex?: number;
  /** Bytes before the frame that a program finds at data_meta: a multiple of 4, at most 216. */
  readonly metadata?: Uint8Array;
}

const metadataLimit = frameHeadroom - reserved;

/** Copies a frame to `region` and tells the state block of it. Errors: EINVAL for lengths that cannot be. */
export function placeFrame(
  memory: XdpMemory,
  block: number,
  region: number,
  frame: Uint8Array,
  info: FrameInfo = {},
): void {
  if (frame.length < 14 || frame.length > longestFrame) {
    throw new JunctorError("EINVAL", `a frame of ${frame.length} bytes`, `it has from 14 to ${longestFrame}`);
  }
  const metadata = info.metadata ?? new Uint8Array(0);
  if (metadata.length % 4 !== 0 || metadata.length > metadataLimit) {
    throw new JunctorError("EINVAL", `metadata of ${metadata.length} bytes`, `a multiple of 4 up to ${metadataLimit}`);
  }
  const data = region + frameHeadroom;
  const set = (field: number, value: number): void => {
    memory.u32[(block + field) >>> 2] = value;
  };
  // What earlier frames left there is nobody's.
  memory.u8.fill(0, region, data - metadata.length);
  memory.u8.set(metadata, data - metadata.length);
  memory.u8.set(frame, data);
  set(state.data, data);
  set(state.dataEnd, data + frame.length);
  set(state.dataMeta, data - metadata.length);
  set(state.hardStart, region + reserved);
  set(state.hardEnd, data + Math.max(usual, frame.length));
  set(state.ingressIfindex, info.ingressIfindex ?? 1);
  set(state.rxQueueIndex, info.rxQueueIndex ?? 0);
  set(state.egressIfindex, info.egressIfindex ?? 0);
}

/** Copies of the frame in hand and of its metadata. */
export function takeFrame(
  memory: XdpMemory,
  block: number,
): { readonly frame: Uint8Array; readonly metadata: Uint8Array } {
  const word = (field: number): number => memory.u32[(block + field) >>> 2]!;
  return {
    frame: memory.u8.slice(word(state.data), word(state.dataEnd)),
    metadata: memory.u8.slice(word(state.dataMeta), word(state.data)),
  };
}
