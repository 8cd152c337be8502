/** Data messages that leave by batched system calls, those of one path joined for the kernel to cut (UDP_SEGMENT). */
import { createSendBatch, encodeSocketAddress, type Region } from "../system/index.js";
import { maximumSize } from "./frame.js";
import type { Path } from "./paths.js";
import { messageLength, messageStride, type Sender } from "./sender.js";

/** Frames that one call takes at most. */
export const batchFrames = 128;
/** What UDP_SEGMENT takes at most (`SendBatch.add`). */
const segmentsAtMost = 64;
const bytesAtMost = 65_000;
/** A segment must fit the path's MTU, or the kernel refuses it; larger messages leave one by one, in IP fragments. */
const segmentAtMost = 1472 - 20;
const nameSpace = 32;

const again = -11; // EAGAIN

export interface Transmitter {
  /** Sends at most `count` frames; less when the socket is full, whose frames stay for the next time. */
  transmit(count: number, time: number): void;
}

export const transmitterBytes = (paths: number): number =>
  batchFrames * (messageStride(maximumSize) + 256) + paths * nameSpace + 8192;

/** `fds` are the sockets by index. */
export function createTransmitter(
  region: Region,
  sender: Sender,
  size: number,
  paths: readonly Path[],
  fds: readonly number[],
): Transmitter {
  const { u8 } = region.memory;
  const longest = messageLength(size);
  const joined = longest > segmentAtMost ? 1 : Math.min(segmentsAtMost, Math.floor(bytesAtMost / longest));
  const batch = createSendBatch(region, batchFrames);
  const bodies = region.allocate(batchFrames * messageStride(maximumSize));
  const names = paths.map(({ remote }) => {
    const sockaddr = encodeSocketAddress(remote);
    const at = region.allocate(nameSpace, 4);
    u8.set(sockaddr, at);
    return { at, length: sockaddr.length };
  });

  let fd = -1;
  let first = 0;

  /** Whether the batch has left. */
  const leave = (): boolean => {
    while (first < batch.count) {
      const sent = batch.send(fd, first);
      if (sent === again) return false;
      // Any other refusal (an ICMP error of an earlier message, say) concerns the first message alone.
      first += Math.max(sent, 1);
    }
    batch.clear();
    first = 0;
    return true;
  };

  /** Writes a message at `at` or, if that is not where a frame may lie, beside it first. */
  const write = (at: number, time: number): void => {
    const aligned = at + ((2 - at) & 3);
    const length = sender.write(aligned, time);
    if (aligned !== at) u8.copyWithin(at, aligned, aligned + length);
  };

  /** Fills the batch with frames whose paths share a socket; returns how many. */
  const fill = (count: number, time: number): number => {
    const { socket } = paths[sender.path()]!;
    fd = fds[socket]!;
    let frames = 0;
    let at = bodies;
    while (frames < count) {
      const path = sender.path();
      if (paths[path]!.socket !== socket) break;
      const length = sender.length();
      const start = at;
      let segments = 0;
      while (segments < joined && frames + segments < count && sender.path() === path && sender.length() === length) {
        write(at, time);
        at += length;
        segments++;
      }
      const name = names[path]!;
      batch.add(start, at - start, name.at, name.length, segments > 1 ? length : 0);
      at = (at + 7) & ~3;
      frames += segments;
    }
    return frames;
  };

  return {
    transmit(count, time) {
      if (!leave()) return;
      let left = Math.min(count, batchFrames);
      while (left > 0) {
        left -= fill(left, time);
        if (!leave()) return;
      }
    },
  };
}
