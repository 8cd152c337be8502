import { createSocket } from "node:dgram";
import { once } from "node:events";

/** UDP addresses on loopback that nobody has at the moment. */
export async function freeAddresses(count: number): Promise<string[]> {
  const sockets = Array.from({ length: count }, () => createSocket("udp4").bind(0, "127.0.0.1"));
  await Promise.all(sockets.map((socket) => once(socket, "listening")));
  const addresses = sockets.map((socket) => `127.0.0.1:${socket.address().port}`);
  for (const socket of sockets) socket.close();
  return addresses;
}
