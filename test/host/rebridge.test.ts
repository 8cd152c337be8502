/**
 * Bridges come and go under full traffic: no frame reaches a session that its own is not bridged with, none crosses once
 * unbridge has resolved, and the counters add up to the frame.
 */
import { describe, expect, it } from "vitest";
import { openDataplane, type Punt } from "../../src/dataplane/index.js";
import {
  createMemory,
  createRecvBatch,
  createRegion,
  createSendBatch,
  encodeSocketAddress,
  ffiMissing,
  openUdpSocket,
} from "../../src/system/index.js";

const framesPerBurst = 40;
const payloadLength = 50;
const frameLength = 6 + payloadLength;
const sessionId = 3;
const mebibyte = 1 << 20;

/** A bare peer on a socket of its own: it sends bursts of numbered frames, and checks and counts what it receives. */
function createPeer(tunnelId: number, switchAddress: () => string) {
  const region = createRegion(createMemory(4 * mebibyte));
  const { view, u8 } = region.memory;
  const local = "127.0.0.1:0";
  const socket = openUdpSocket({ local, receiveBuffer: 64 * mebibyte, sendBuffer: 8 * mebibyte });
  const sending = createSendBatch(region, 1);
  const receiving = createRecvBatch(region, { messages: 64, bufferSize: 2048 });
  const name = region.allocate(32);
  const burst = region.allocate(framesPerBurst * frameLength);
  const lastFrom = new Map<number, number>();
  const peer = {
    address: socket.local,
    sent: 0,
    received: 0,
    wrong: 0,
    /** Numbers of frames in the order of their coming, by the peer that sent them, must rise. */
    disordered: 0,
    send() {
      const sockaddr = encodeSocketAddress(switchAddress());
      u8.set(sockaddr, name);
      for (let index = 0; index < framesPerBurst; index++) {
        const at = burst + index * frameLength;
        view.setUint16(at, 2);
        view.setUint16(at + 2, tunnelId);
        view.setUint16(at + 4, sessionId);
        view.setUint32(at + 6, tunnelId);
        view.setUint32(at + 10, peer.sent++);
      }
      sending.clear();
      // Half of the bursts leave as one super-packet, half frame by frame.
      const isWhole = peer.sent % (2 * framesPerBurst) === 0;
      if (isWhole) {
        sending.add(burst, framesPerBurst * frameLength, name, sockaddr.length, frameLength);
        expect(sending.send(socket.fd)).toBe(1);
        return;
      }
      for (let index = 0; index < framesPerBurst; index++) {
        sending.clear();
        sending.add(burst + index * frameLength, frameLength, name, sockaddr.length);
        expect(sending.send(socket.fd)).toBe(1);
      }
    },
    receive() {
      for (let count = receiving.receive(socket.fd); count > 0; count = receiving.receive(socket.fd)) {
        for (let index = 0; index < count; index++) {
          const at = receiving.at(index);
          const rightIds = view.getUint16(at + 2) === tunnelId + 100 && view.getUint16(at + 4) === sessionId + 100;
          if (!rightIds || receiving.length(index) !== frameLength || view.getUint16(at) !== 2) peer.wrong++;
          const from = view.getUint32(at + 6);
          const number = view.getUint32(at + 10);
          if (number <= (lastFrom.get(from) ?? -1)) peer.disordered++;
          lastFrom.set(from, number);
          peer.received++;
        }
      }
    },
    close: socket.close,
  };
  return peer;
}

describe.skipIf(ffiMissing() !== undefined)("bridge, unbridge, bridge again", () => {
  it.each([
    { rounds: 2_000, workers: 1 },
    { rounds: 10_000, workers: 2 },
  ])("$rounds times under full traffic, workers: $workers", { timeout: 180_000 }, async ({ rounds, workers }) => {
    const plane = await openDataplane({ workers, capacity: { sessions: 64 } });
    const port = await plane.port.open({ local: "127.0.0.1:0", receiveBuffer: 256 * mebibyte });
    const [one, two, three] = [1, 2, 3].map((id) => createPeer(id, () => port.local));
    const peers = [one!, two!, three!] as const;
    let punted = 0;
    plane.onPunt((batch: readonly Punt[]) => {
      punted += batch.length;
    });
    try {
      const legs: { readonly session: number; readonly channel: number }[] = [];
      for (const [index, peer] of peers.entries()) {
        const ids = { tunnelId: index + 1, peerTunnelId: index + 101 };
        const { tunnel } = await plane.tunnel.create({ port: port.port, remote: peer.address, ...ids });
        const peerSessionId = sessionId + 100;
        const { session, channel } = await plane.session.create({ tunnel, sessionId, peerSessionId });
        legs.push({ session, channel: channel! });
      }
      const counters = async (index: number) => (await plane.session.get(legs[index]!)).counters;

      for (let round = 0; round < rounds; round++) {
        const other = 1 + (round % 2);
        peers[0].send();
        peers[other]!.send();
        await plane.channel.bridge({ channel: legs[0]!.channel, with: legs[other]!.channel });
        peers[0].send();
        if (round % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
        // Either side may ask.
        await plane.channel.unbridge(legs[round % 5 === 0 ? other : 0]!);
        const before = await Promise.all([counters(0), counters(other)]);
        peers[0].send();
        for (const peer of peers) peer.receive();
        const after = await Promise.all([counters(0), counters(other)]);
        for (const side of [0, 1]) {
          expect(after[side]!.txPackets, `round ${round}: a frame crossed after unbridge`).toBe(
            before[side]!.txPackets,
          );
        }
      }

      const sent = peers.reduce((sum, peer) => sum + peer.sent, 0);
      const dropped = () => Object.values(plane.drops()).reduce((sum, count) => sum + count, 0);
      const total = async (field: "rxPackets" | "txPackets") => {
        const each = await Promise.all([0, 1, 2].map(counters));
        return each.reduce((sum, side) => sum + side[field], 0);
      };
      for (let turn = 0; turn < 500 && (await plane.port.get(port)).counters.rxPackets < sent; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
      for (const peer of peers) peer.receive();

      expect((await plane.port.get(port)).counters).toMatchObject({ rxPackets: sent, txErrors: 0 });
      expect(await total("rxPackets")).toBe(sent);
      expect(await total("txPackets")).toBe(sent - dropped() - punted);
      expect(Object.keys(plane.drops()).filter((reason) => !["no-bridge", "punt-overflow"].includes(reason))).toEqual(
        [],
      );
      for (const [index, peer] of peers.entries()) {
        expect(peer).toMatchObject({ received: (await counters(index)).txPackets, wrong: 0, disordered: 0 });
      }
      expect(await total("txPackets"), "frames that crossed").toBeGreaterThan(rounds);
    } finally {
      await plane.close();
      for (const peer of peers) peer.close();
    }
  });
});
