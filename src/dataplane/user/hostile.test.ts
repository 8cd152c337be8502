import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { flag } from "../../wire/l2tp2.js";
import { createVirtualNetwork, openDataplane } from "../index.js";

const bytes = fc.uint8Array({ maxLength: 40 });
/** Mostly a header that could be right: version 2, known ids, any flags. */
const nearlyRight = fc
  .record({
    flags: fc.nat(0xffff).map((flags) => (flags & ~0x000f & ~flag.type) | 2),
    tunnelId: fc.constantFrom(1, 2, 3),
    sessionId: fc.constantFrom(1, 2),
    length: fc.nat(60),
    ns: fc.nat(12),
    rest: bytes,
  })
  .map(({ flags, tunnelId, sessionId, length, ns, rest }) => {
    const words = [flags];
    if ((flags & flag.length) !== 0) words.push(length);
    words.push(tunnelId, sessionId);
    if ((flags & flag.sequence) !== 0) words.push(ns, 0);
    if ((flags & flag.offset) !== 0) words.push(ns);
    return Buffer.concat([Buffer.from(words.flatMap((word) => [word >> 8, word & 255])), rest]);
  });

describe("any bytes from anywhere", () => {
  it("are forwarded, handed up or dropped under a reason, and nothing is lost from the count", async () => {
    const datagram = fc.record({
      from: fc.constantFrom(1, 2, 3),
      bytes: fc.oneof(bytes, nearlyRight, nearlyRight),
      pause: fc.nat(8),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(datagram, { maxLength: 150, size: "max" }),
        fc.boolean(),
        async (datagrams, isBridged) => {
          const network = createVirtualNetwork({ seed: 7, jitter: 3, duplicate: 0.1 });
          const { clock } = network;
          const plane = await openDataplane({ inline: { network }, capacity: { sessions: 8 } });
          const port = await plane.port.open({ local: "192.0.2.1:1701" });
          let punted = 0;
          let arrived = 0;
          plane.onPunt((batch) => {
            punted += batch.length;
          });
          const ends = [1, 2, 3].map((index) => network.attach(`198.51.100.${index}:1701`, () => void arrived++));
          const channels: number[] = [];
          for (const tunnelId of [1, 2]) {
            const remote = `198.51.100.${tunnelId}:1701`;
            const { tunnel } = await plane.tunnel.create({ port: port.port, remote, tunnelId, peerTunnelId: 9 });
            const sequence = { reorderTimeout: 10 * tunnelId, lnsMode: tunnelId === 1 };
            const session = await plane.session.create({ tunnel, sessionId: 1, peerSessionId: 1, ...sequence });
            channels.push(session.channel!);
          }
          const [one, two] = channels;
          if (isBridged) await plane.channel.bridge({ channel: one!, with: two! });

          for (const { from, bytes, pause } of datagrams) {
            ends[from - 1]!.send(port.local, bytes);
            clock.runUntil(clock.now() + pause);
          }
          clock.runUntil(clock.now() + 2000);

          const { counters } = await plane.port.get(port);
          const sessions = await plane.session.list();
          const received = sessions.reduce((sum, session) => sum + session.counters.rxPackets, 0);
          const sent = sessions.reduce((sum, session) => sum + session.counters.txPackets, 0);
          const drops = plane.drops();
          const unread = drops["no-bridge"] ?? 0;
          const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
          expect(counters.rxPackets).toBe(network.counters.delivered - arrived);
          expect(counters.rxDropped).toBe(dropped);
          const handedUp = isBridged ? punted : punted - (received - unread);
          expect(received + (dropped - unread) + handedUp).toBe(counters.rxPackets);
          if (isBridged) expect(sent).toBe(received);
          await plane.close();
        },
      ),
      { numRuns: 120 },
    );
  });
});
