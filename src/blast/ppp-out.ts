/** Frames of subscribers that leave by batched system calls, in the thread that received what they answer. */
import { createSendBatch, encodeSocketAddress, type Region } from "../system/index.js";
import { type Board, legOf, side } from "./board.js";
import type { Path } from "./paths.js";
import type { PppBoard } from "./ppp-board.js";
import type { FrameOut } from "./ppp-client.js";
import { putDataHeader } from "./ppp-traffic.js";

const batchSize = 64;
const longestFrame = 2048;
const nameSpace = 32;

export interface FrameOutbox extends FrameOut {
  /** Sends everything. What a full socket does not take is lost: the machines send it again. */
  flush(): void;
}

export const frameOutBytes = batchSize * (longestFrame + nameSpace + 256) + 4096;

/** `fds` are the sockets by index. */
export function createFrameOut(
  region: Region,
  board: Board,
  ppp: PppBoard,
  fds: readonly number[],
  pathOf: (path: number) => Path,
): FrameOutbox {
  const { u8 } = region.memory;
  const batch = createSendBatch(region, batchSize);
  const bodies = region.allocate(batchSize * longestFrame);
  const names = region.allocate(batchSize * nameSpace);
  const sockaddrs = new Map<string, Uint8Array>();
  const sockaddrOf = ({ remote }: Path): Uint8Array => {
    const known = sockaddrs.get(remote) ?? encodeSocketAddress(remote);
    sockaddrs.set(remote, known);
    return known;
  };
  let fd = -1;
  let path: Path | undefined;
  let header = 0;
  let sender = 0;

  const flush = (): void => {
    for (let first = 0; first < batch.count; ) {
      const sent = batch.send(fd, first);
      first += sent > 0 ? sent : 1;
    }
    batch.clear();
  };

  return {
    begin(session) {
      sender = session;
      path = pathOf(board.path[legOf(session, side.lac)]!);
      if (batch.count === batchSize || fds[path.socket] !== fd) flush();
      fd = fds[path.socket]!;
      const body = bodies + batch.count * longestFrame;
      header = putDataHeader(u8, body, board, ppp, session);
      return body + header;
    },
    end(length) {
      ppp.sequence[sender]!++;
      const sockaddr = sockaddrOf(path!);
      const name = names + batch.count * nameSpace;
      u8.set(sockaddr, name);
      batch.add(bodies + batch.count * longestFrame, header + length, name, sockaddr.length);
    },
    flush,
  };
}
