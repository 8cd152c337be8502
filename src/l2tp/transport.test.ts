import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeMessage } from "../wire/l2tp2-encode.js";
import { u16 } from "../wire/octets.js";
import {
  acknowledge,
  acknowledgedBy,
  acknowledgementDue,
  arrive,
  createTransport,
  enqueue,
  fullRetransmission,
  setPeerWindow,
  type Transport,
  takeEarly,
  timeOut,
  transmit,
} from "./transport.js";

const settings = { receiveWindow: 4, maxRetries: 5, retransmitTimeout: 1000, retransmitCap: 8000 };

function transportWith(messages: number, window = 16): Transport {
  const transport = createTransport(settings);
  setPeerWindow(transport, window);
  for (let i = 0; i < messages; i++) enqueue(transport, encodeMessage("HELLO", 1, 0, {}).slice());
  return transport;
}

/** The Ns that go out now. */
function sent(transport: Transport, now = 0): number[] {
  const numbers: number[] = [];
  transmit(transport, now, (message) => numbers.push(u16(message, 8)));
  return numbers;
}

const arrival = (transport: Transport, ns: number, now = 0) =>
  arrive(
    transport,
    { tunnelId: 1, sessionId: 0, ns, nr: 0, length: 20 },
    encodeMessage("HELLO", 1, 0, {}),
    settings.receiveWindow,
    now,
  );

describe("sending", () => {
  test("begins slowly, and doubles the window each round trip up to the peer's (appendix A.2)", () => {
    const transport = transportWith(40, 6);
    const rounds: number[][] = [];
    for (let i = 0; i < 5; i++) {
      const round = sent(transport);
      rounds.push(round);
      acknowledge(transport, round.length, settings, 0);
    }
    expect(rounds.map(({ length }) => length)).toEqual([1, 2, 4, 6, 6]);
    expect(rounds.flat()).toEqual(Array.from({ length: 19 }, (_, i) => i));
  });

  test("a peer that names no window is offered four", () => {
    const transport = createTransport(settings);
    for (let i = 0; i < 10; i++) enqueue(transport, encodeMessage("HELLO", 1, 0, {}).slice());
    acknowledge(transport, sent(transport).length, settings, 0);
    acknowledge(transport, sent(transport).length, settings, 0);
    expect(sent(transport)).toHaveLength(4);
  });

  test("repeats the oldest message after 1, 2, 4, 8 and 8 seconds, then gives up", () => {
    const transport = transportWith(1);
    expect(sent(transport)).toEqual([0]);
    const repeated: number[] = [];
    for (let now = 0; now <= 60_000; now += 100) {
      const due = timeOut(transport, settings, now);
      if (due === "dead") {
        expect(now).toBe(fullRetransmission(settings));
        break;
      }
      if (due === "again") repeated.push(now);
      sent(transport, now);
    }
    expect(repeated).toEqual([1000, 3000, 7000, 15_000, 23_000]);
    expect(fullRetransmission(settings)).toBe(31_000);
  });

  test("a loss closes the window to one and halves the threshold, after which it grows by one a round trip", () => {
    const transport = transportWith(60, 8);
    for (let i = 0; i < 4; i++) acknowledge(transport, sent(transport).length, settings, 0);
    expect(sent(transport)).toHaveLength(8);
    expect(timeOut(transport, settings, 1000)).toBe("again");
    const rounds: number[] = [];
    for (let i = 0; i < 5; i++) {
      const round = sent(transport, 1000);
      rounds.push(round.length);
      acknowledge(transport, round.length, settings, 1000);
    }
    expect(rounds).toEqual([1, 2, 4, 5, 6]);
  });

  test("after a loss, what the peer acknowledges at once is not sent again", () => {
    const transport = transportWith(8, 4);
    for (let i = 0; i < 2; i++) acknowledge(transport, sent(transport).length, settings, 0);
    expect(sent(transport)).toEqual([3, 4, 5, 6]);
    timeOut(transport, settings, 1000);
    expect(sent(transport, 1000)).toEqual([3]);
    acknowledge(transport, acknowledgedBy(transport, 7), settings, 1000);
    expect(sent(transport, 1000)).toEqual([7]);
    expect(transport.retransmissions).toBe(1);
  });

  test("what is sent again is another array: the first may still be in the driver's hands", () => {
    const transport = transportWith(1);
    const messages: Uint8Array[] = [];
    transmit(transport, 0, (message) => messages.push(message));
    timeOut(transport, settings, 1000);
    transmit(transport, 1000, (message) => messages.push(message));
    expect(messages[0]).not.toBe(messages[1]);
    expect(messages[0]).toEqual(messages[1]);
  });

  test("Ns and Nr wrap around", () => {
    const transport = transportWith(3);
    transport.una = 0xffff;
    acknowledge(transport, acknowledgedBy(transport, 0xffff), settings, 0);
    expect(sent(transport)).toEqual([0xffff]);
    acknowledge(transport, acknowledgedBy(transport, 0), settings, 0);
    expect(sent(transport)).toEqual([0, 1]);
    expect(acknowledgedBy(transport, 2)).toBe(2);
    expect(acknowledgedBy(transport, 3)).toBe(-1);
    expect(acknowledgedBy(transport, 0xfff0)).toBe(0);
  });
});

describe("receiving", () => {
  test("in order, early, repeated, and beyond the window", () => {
    const transport = createTransport(settings);
    expect(arrival(transport, 0)).toBe("next");
    expect(arrival(transport, 2)).toBe("early");
    expect(arrival(transport, 0)).toBe("duplicate");
    expect(arrival(transport, 5)).toBe("beyond-window");
    expect(takeEarly(transport, 0)).toBeUndefined();
    expect(arrival(transport, 1)).toBe("next");
    expect(takeEarly(transport, 0)).toBeDefined();
    expect(transport.nr).toBe(3);
    expect(transport.early).toBeUndefined();
  });

  test("an acknowledgement waits a moment, but not for a third message nor for a repeated one", () => {
    const waiting = createTransport(settings);
    arrival(waiting, 0);
    expect([acknowledgementDue(waiting, 0), acknowledgementDue(waiting, 20)]).toEqual([false, true]);
    const many = createTransport(settings);
    for (const ns of [0, 1, 2]) arrival(many, ns);
    expect(acknowledgementDue(many, 0)).toBe(true);
    const repeated = createTransport(settings);
    arrival(repeated, 0);
    arrival(repeated, 0);
    expect(acknowledgementDue(repeated, 0)).toBe(true);
  });

  test("an acknowledgement rides on the next message", () => {
    const transport = transportWith(1);
    arrival(transport, 0);
    transmit(transport, 0, (message) => expect(u16(message, 10)).toBe(1));
    expect(transport.ackAt).toBeUndefined();
  });

  test("in whatever order messages come, they are handed on once each and in order", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { maxLength: 300 }), fc.nat(0xffff), (order, first) => {
        const transport = createTransport(settings);
        transport.nr = first;
        let next = 0;
        for (const offset of order) {
          const before = transport.nr;
          if (arrival(transport, (first + offset) & 0xffff) === "next") {
            expect((first + offset) & 0xffff).toBe(before);
            next++;
            while (takeEarly(transport, 0)) next++;
          }
          expect(transport.nr).toBe((first + next) & 0xffff);
          expect(transport.early?.size ?? 0).toBeLessThan(settings.receiveWindow);
        }
      }),
    );
  });
});
