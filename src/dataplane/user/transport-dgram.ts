/**
 * A port of kind dgram: node:dgram on the control thread, where there are no system calls to be had. It cannot tell which
 * of its addresses a datagram was sent to, nor choose one to send from.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { DataplaneError, type ErrnoName } from "../../errors.js";
import { joinSocketAddress, splitSocketAddress } from "../../system/sockaddr.js";
import { createCallbackSender } from "./callback-sender.js";
import type { LocalPath } from "./local-path.js";
import type { OpenTransport } from "./ports.js";

export function createDgramTransport({ path, receive }: LocalPath): OpenTransport {
  return async ({ slot, local, receiveBuffer, sendBuffer, port }) => {
    const { family, address, port: number } = splitSocketAddress(local);
    const socket = createSocket({ type: `udp${family}`, ipv6Only: family === 6 });
    socket.on("message", (bytes, { address, port: from }) => {
      const to = port();
      if (to !== undefined) receive(to, bytes, joinSocketAddress({ family, address, port: from }));
    });
    socket.bind({ port: number, address, exclusive: true });
    try {
      await once(socket, "listening");
    } catch (error) {
      socket.close();
      const { code = "EINVAL" } = error as NodeJS.ErrnoException;
      throw new DataplaneError(code as ErrnoName, `port dgram/${local}`, "cannot be bound");
    }
    // Errors that the kernel reports for what was sent earlier; the protocols above send again.
    socket.on("error", () => {});
    try {
      socket.setRecvBufferSize(receiveBuffer);
      socket.setSendBufferSize(sendBuffer);
    } catch {
      // Beyond the host's maximum: what it gives has to do.
    }
    const send = (remote: string, bytes: Uint8Array): void => {
      const to = splitSocketAddress(remote);
      socket.send(bytes, to.port, to.address, () => {});
    };
    path.transmitter.attach(slot, createCallbackSender(send), false);
    const bound = socket.address();
    return {
      local: joinSocketAddress({ family, address: bound.address, port: bound.port }),
      async close() {
        path.transmitter.detach(slot);
        const closed = once(socket, "close");
        socket.close();
        await closed;
      },
    };
  };
}
