import { describe, expect, it } from "vitest";
import {
  createMemory,
  createPollSet,
  createRecvBatch,
  createRegion,
  createSendBatch,
  decodeSocketAddress,
  encodeSocketAddress,
  ffiMissing,
  openUdpSocket,
} from "./index.js";

describe.skipIf(ffiMissing() !== undefined)("batched UDP system calls", () => {
  it.each(["127.0.0.1:0", "[::1]:0"])("carries datagrams over %s and says who sent them", (local) => {
    const region = createRegion(createMemory(8 << 20));
    const { memory } = region;
    const [from, to] = [openUdpSocket({ local }), openUdpSocket({ local, packetInfo: true })];
    try {
      const send = createSendBatch(region, 4);
      const receive = createRecvBatch(region, { messages: 8, bufferSize: 2048, headroom: 64, control: true });
      const name = region.allocate(32);
      const sockaddr = encodeSocketAddress(to.local);
      memory.u8.set(sockaddr, name);
      const data = region.allocate(64);
      memory.u8.set([1, 2, 3, 4, 5], data);
      send.add(data, 3, name, sockaddr.length);
      send.add(data + 1, 4, name, sockaddr.length);
      expect(send.send(from.fd)).toBe(2);

      const poll = createPollSet(region, 4);
      poll.watch([to.fd]);
      expect(poll.wait(1000)).toBe(1);
      expect(poll.readable(0)).toBe(true);
      expect(receive.receive(to.fd)).toBe(2);
      const bytes = (index: number) => [
        ...memory.u8.subarray(receive.at(index), receive.at(index) + receive.length(index)),
      ];
      expect([bytes(0), bytes(1)]).toEqual([
        [1, 2, 3],
        [2, 3, 4, 5],
      ]);
      expect(decodeSocketAddress(memory.view, receive.name(0))).toBe(from.local);
      expect(memory.u8[receive.local(0)]).toBe(local.startsWith("[") ? 0 : 127);
      expect(receive.segment(0)).toBe(0);
    } finally {
      from.close();
      to.close();
    }
  });

  it("cuts super-packets on transmission and joins them on receipt", () => {
    const region = createRegion(createMemory(8 << 20));
    const { memory } = region;
    const to = openUdpSocket({ local: "127.0.0.1:0", gro: true });
    const from = openUdpSocket({ local: "127.0.0.1:0", remote: to.local });
    try {
      const send = createSendBatch(region, 1);
      const receive = createRecvBatch(region, { messages: 2, bufferSize: 65535, control: true });
      const data = region.allocate(1000);
      send.add(data, 950, 0, 0, 100);
      expect(send.send(from.fd)).toBe(1);
      const poll = createPollSet(region, 1);
      poll.watch([to.fd]);
      expect(poll.wait(1000)).toBe(1);
      expect(receive.receive(to.fd)).toBe(1);
      expect(receive.length(0)).toBe(950);
      expect(receive.segment(0)).toBe(100);
      expect(memory.u32.length).toBeGreaterThan(0);
    } finally {
      from.close();
      to.close();
    }
  });

  it("names the errno, the address and what mends it", () => {
    const first = openUdpSocket({ local: "127.0.0.1:0" });
    try {
      expect(() => openUdpSocket({ local: first.local })).toThrow(
        /bind to 127\.0\.0\.1:\d+ failed \(EADDRINUSE\): another program/,
      );
    } finally {
      first.close();
    }
  });
});
