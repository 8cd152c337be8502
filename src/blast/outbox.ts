/** Control messages that wait to leave by batched system calls. */
import { createSendBatch, encodeSocketAddress, type Region } from "../system/index.js";

const batchSize = 64;
const longestMessage = 2048;
const nameSpace = 32;

interface Letter {
  readonly remote: string;
  readonly bytes: Uint8Array;
}

export interface Outbox {
  add(socket: number, remote: string, bytes: Uint8Array): void;
  /** Sends everything. What a full socket does not take is lost: the machines send it again. */
  flush(): void;
}

export const outboxBytes = batchSize * (longestMessage + nameSpace + 256) + 4096;

/** `fds` are the sockets by index. */
export function createOutbox(region: Region, fds: readonly number[]): Outbox {
  const { u8 } = region.memory;
  const batch = createSendBatch(region, batchSize);
  const bodies = region.allocate(batchSize * longestMessage);
  const names = region.allocate(batchSize * nameSpace);
  const waiting: Letter[][] = fds.map(() => []);

  const put = ({ remote, bytes }: Letter): void => {
    const body = bodies + batch.count * longestMessage;
    const name = names + batch.count * nameSpace;
    const sockaddr = encodeSocketAddress(remote);
    u8.set(sockaddr, name);
    u8.set(bytes.length > longestMessage ? bytes.subarray(0, longestMessage) : bytes, body);
    batch.add(body, Math.min(bytes.length, longestMessage), name, sockaddr.length);
  };
  const empty = (fd: number): void => {
    for (let first = 0; first < batch.count; ) {
      const sent = batch.send(fd, first);
      first += sent > 0 ? sent : 1;
    }
    batch.clear();
  };

  return {
    add(socket, remote, bytes) {
      waiting[socket]!.push({ remote, bytes });
    },
    flush() {
      for (const [socket, letters] of waiting.entries()) {
        if (letters.length === 0) continue;
        for (const letter of letters) {
          put(letter);
          if (batch.count === batchSize) empty(fds[socket]!);
        }
        empty(fds[socket]!);
        letters.length = 0;
      }
    },
  };
}
