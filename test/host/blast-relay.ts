import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** What becomes of a data message on its way: none, one or more messages. */
export type Mischief = (message: Buffer, way: "up" | "down", count: number) => readonly Buffer[];

/** A relay between LACs and an LNS that lets control messages pass and does its mischief to data messages. */
export interface Relay {
  readonly address: string;
  close(): Promise<void>;
}

async function socketOnLoopback(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

const close = (socket: Socket): Promise<void> => new Promise((done) => socket.close(() => done()));
const isControl = (message: Buffer): boolean => (message[0]! & 0x80) !== 0;

/** Each LAC socket gets a socket of its own towards the LNS, as behind NAT. */
export async function startRelay(lns: string, mischief: Mischief): Promise<Relay> {
  const lnsPort = Number(lns.split(":")[1]);
  const front = await socketOnLoopback();
  const backs = new Map<number, Promise<Socket>>();
  const counts = { up: 0, down: 0 };
  const treat = (message: Buffer, way: "up" | "down"): readonly Buffer[] =>
    isControl(message) ? [message] : mischief(message, way, counts[way]++);

  const open = async (lacPort: number): Promise<Socket> => {
    const back = await socketOnLoopback();
    back.on("message", (message) => {
      for (const each of treat(message, "down")) front.send(each, lacPort, "127.0.0.1");
    });
    return back;
  };
  front.on("message", async (message, { port }) => {
    let back = backs.get(port);
    if (back === undefined) {
      back = open(port);
      backs.set(port, back);
    }
    const socket = await back;
    for (const each of treat(message, "up")) socket.send(each, lnsPort, "127.0.0.1");
  });
  return {
    address: `127.0.0.1:${front.address().port}`,
    async close() {
      await close(front);
      for (const back of backs.values()) await close(await back);
    },
  };
}
