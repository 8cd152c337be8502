import { describe, expect, it } from "vitest";
import { type DatagramEvents, ffiMissing, longestDatagram, openDatagramSocket, openUdpSocket } from "./index.js";

const unheard: DatagramEvents = {
  message() {},
  error(problem) {
    throw problem;
  },
};

/** Opens a socket that collects what it hears, and gives it and what sends to it to `body`. */
async function between(
  local: string,
  body: (
    sender: ReturnType<typeof openDatagramSocket>,
    receiver: ReturnType<typeof openDatagramSocket>,
    heard: (count: number) => Promise<readonly (readonly [string, Uint8Array])[]>,
  ) => Promise<void>,
): Promise<void> {
  const messages: (readonly [string, Uint8Array])[] = [];
  let arrived = (): void => {};
  const receiver = openDatagramSocket(
    { local },
    {
      ...unheard,
      message(remote, bytes) {
        messages.push([remote, bytes]);
        arrived();
      },
    },
  );
  const sender = openDatagramSocket({ local }, unheard);
  // The sockets themselves keep nothing alive.
  const alive = setInterval(() => {}, 1000);
  try {
    await body(sender, receiver, async (count) => {
      while (messages.length < count) {
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
      return messages;
    });
  } finally {
    clearInterval(alive);
    sender.close();
    receiver.close();
  }
}

describe.skipIf(ffiMissing() !== undefined)("a datagram socket on the event loop", () => {
  it.each(["127.0.0.1:0", "[::1]:0"])("sends and receives more than a batch in order over %s", (local) =>
    between(local, async (sender, receiver, heard) => {
      for (let number = 0; number < 200; number++) sender.send(receiver.local, Uint8Array.of(number, 1, 2));
      const messages = await heard(200);
      expect(messages.map(([remote, bytes]) => [remote, ...bytes])).toEqual(
        Array.from({ length: 200 }, (_, number) => [sender.local, number, 1, 2]),
      );
    }),
  );

  it("gives each datagram memory of its own", () =>
    between("127.0.0.1:0", async (sender, receiver, heard) => {
      sender.send(receiver.local, new Uint8Array(longestDatagram).fill(1));
      const [first] = await heard(1);
      sender.send(receiver.local, new Uint8Array(longestDatagram).fill(2));
      await heard(2);
      expect(first![1].length).toBe(longestDatagram);
      expect(first![1].every((byte) => byte === 1)).toBe(true);
    }));

  it("tells of a datagram that cannot be sent, and sends those after it", async () => {
    const problems: string[] = [];
    await between("127.0.0.1:0", async (_, receiver, heard) => {
      const sender = openDatagramSocket(
        { local: "127.0.0.1:0" },
        { ...unheard, error: ({ code }) => problems.push(code) },
      );
      sender.send("127.0.0.1:0", Uint8Array.of(1));
      sender.send(receiver.local, Uint8Array.of(2));
      const messages = await heard(1);
      sender.close();
      expect(messages.map(([, bytes]) => [...bytes])).toEqual([[2]]);
    });
    expect(problems).toEqual(["EINVAL"]);
  });

  it("says what cannot be bound, and neither sends nor hears when it is closed", async () => {
    const taken = openUdpSocket({ local: "127.0.0.1:0" });
    expect(() => openDatagramSocket({ local: taken.local }, unheard)).toThrow(/EADDRINUSE/);
    taken.close();
    await between("127.0.0.1:0", async (sender, receiver) => {
      sender.send(receiver.local, Uint8Array.of(1));
      sender.close();
      sender.send(receiver.local, Uint8Array.of(2));
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
  });
});
