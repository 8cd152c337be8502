import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { createMemory } from "../system/index.js";
import { encodeData } from "../wire/l2tp2.js";
import { addCall, type Board, countersOf, createBoard, findCall, legOf, side } from "./board.js";
import { direction, minimumSize } from "./frame.js";
import { percentiles } from "./histogram.js";
import { createReceiver, type Receive } from "./receiver.js";
import { sendOrder } from "./schedule.js";
import { createSender, type Sender } from "./sender.js";

const size = 123;
const memory = createMemory(65_536);
const scratch = 32_768;
const at = 1026;
const call = (session: number) => ((session + 1) << 16) | (session + 7);

let board: Board;
let receive: Receive;
let sender: Sender;

beforeEach(() => {
  board = createBoard(4);
  for (let session = 0; session < 4; session++) {
    board.peerCall[legOf(session, side.lac)] = call(session);
    addCall(board.calls[side.lns], call(session), legOf(session, side.lns));
  }
  receive = createReceiver(board, memory, scratch);
  sender = createSender(board, memory, Int32Array.of(legOf(0, side.lac), legOf(2, side.lac)), size);
});

/** The next message, altered, as the LNS's socket receives it. */
function deliver(alter: (message: Uint8Array) => Uint8Array | undefined = (message) => message): void {
  const message = memory.u8.slice(at, at + sender.write(at, 100));
  const altered = alter(message) ?? message;
  memory.u8.set(altered, 5001);
  receive(5001, 5001 + altered.length, side.lns, 350);
}

const up = () => countersOf(board, direction.up);

describe("receiver", () => {
  test("what was sent is received, once and in order", () => {
    for (let n = 0; n < 10; n++) deliver();
    expect(up()).toMatchObject({
      sent: 10,
      sentBytes: 10 * size,
      received: 10,
      receivedBytes: 10 * size,
      reordered: 0,
    });
    expect(up()).toMatchObject({ altered: 0, misdelivered: 0, stray: 0, duplicated: 0 });
    const { p50, count } = percentiles(board.delay[0]);
    expect(count).toBe(10);
    expect(Math.abs(p50 - 250)).toBeLessThan(8);
    expect([...board.nextSequence]).toEqual([5, 0, 0, 0, 5, 0, 0, 0]);
  });

  test("every optional field of the data header is understood", () => {
    const headers = [{ length: true }, { sequence: { ns: 3, nr: 0 } }, { offset: 5, length: true }, { priority: true }];
    for (const header of headers) {
      deliver((message) => {
        const ids = { tunnelId: (message[2]! << 8) | message[3]!, sessionId: (message[4]! << 8) | message[5]! };
        return encodeData({ ...ids, ...header }, message.subarray(6));
      });
    }
    expect(up()).toMatchObject({ received: headers.length, altered: 0, stray: 0 });
  });

  test("a LAC numbers its data once the LNS does", () => {
    const [lns, lac] = [legOf(1, side.lns), legOf(1, side.lac)];
    board.peerCall[lns] = call(1);
    addCall(board.calls[side.lac], call(1), lac);
    const answer = createSender(board, memory, Int32Array.of(lns), size);
    receive(at, at + answer.write(at, 0), side.lac, 0);
    expect(board.numbered[lac]).toBe(0);
    board.numbered[lns] = 1;
    receive(at, at + answer.write(at, 0), side.lac, 0);
    expect(board.numbered[lac]).toBe(1);
    expect(countersOf(board, direction.down)).toMatchObject({ received: 2, altered: 0 });
  });

  test("an alteration is counted, and what it destroyed is not received", () => {
    deliver((message) => {
      message[60]! ^= 4;
    });
    deliver((message) => message.subarray(0, 80));
    deliver((message) => message.subarray(0, 3));
    deliver((message) => Uint8Array.from([...message, 0]));
    expect(up()).toMatchObject({ received: 0, altered: 4 });
  });

  test("a frame of another session, or of the other direction, is misdelivered", () => {
    deliver((message) => void message.set([0, 3, 0, 9], 2));
    deliver((message) => void message.set([0, 2, 0, 8], 2));
    expect(up()).toMatchObject({ received: 0, misdelivered: 2 });

    addCall(board.calls[side.lac], call(0), legOf(0, side.lac));
    const end = at + sender.write(at, 0);
    receive(at, end, side.lac, 0);
    expect(countersOf(board, direction.down)).toMatchObject({ received: 0, misdelivered: 1 });
  });

  test("a frame for ids that no session has is stray", () => {
    deliver((message) => void message.set([9, 9, 9, 9], 2));
    expect(up()).toMatchObject({ received: 0, stray: 1 });
  });

  test("repeated and overtaken frames are told apart", () => {
    const messages = Array.from({ length: 6 }, () => memory.u8.slice(at, at + sender.write(at, 0)));
    for (const n of [0, 4, 2, 2, 1, 5, 3]) {
      memory.u8.set(messages[n]!, 2000);
      receive(2000, 2000 + messages[n]!.length, side.lns, 0);
    }
    expect(up()).toMatchObject({ sent: 6, received: 6, reordered: 2, duplicated: 1 });
  });

  test("the smallest frame fits", () => {
    const small = createSender(board, memory, Int32Array.of(legOf(1, side.lac)), minimumSize);
    const length = small.length();
    expect(small.write(at, 0)).toBe(length);
    receive(at, at + length, side.lns, 0);
    expect(up().received).toBe(1);
  });
});

describe("call table", () => {
  test("every call is found, and no other", () => {
    const calls = createBoard(3000).calls[0];
    const ids = Array.from({ length: 3000 }, (_, n) => Math.imul(n + 1, 2_654_435_761) >>> 0);
    for (const [leg, id] of ids.entries()) addCall(calls, id, leg);
    for (const [leg, id] of ids.entries()) expect(findCall(calls, id)).toBe(leg);
    expect(findCall(calls, 5)).toBe(-1);
  });
});

describe("a call table that is full", () => {
  test("finds its calls, gives up on others, and takes no more", () => {
    const call = fc.integer({ min: 1, max: 0xffff_ffff });
    fc.assert(
      fc.property(fc.uniqueArray(call, { minLength: 17, maxLength: 17 }), ([other, ...ids]) => {
        const [calls] = createBoard(8).calls;
        for (const [leg, id] of ids.entries()) addCall(calls, id, leg);
        addCall(calls, other!, 99);
        for (const [leg, id] of ids.entries()) expect(findCall(calls, id)).toBe(leg);
        expect(findCall(calls, other!)).toBe(-1);
      }),
    );
  });
});

describe("send order", () => {
  const share = (order: Int32Array) => {
    const counts = new Map<number, number>();
    for (const leg of order) counts.set(leg, (counts.get(leg) ?? 0) + 1);
    return counts;
  };

  test("every leg comes equally often, and paths with more legs do not wait behind", () => {
    const legs = Array.from({ length: 1000 }, (_, leg) => leg);
    const pathOf = (leg: number) => (leg % 2 === 0 ? leg % 8 : 1);
    const order = sendOrder(legs, pathOf);
    expect(new Set(share(order).values()).size).toBe(1);
    expect(share(order).size).toBe(1000);
    const half = order.subarray(0, order.length / 2).filter((leg) => leg % 2 === 1).length;
    expect(Math.abs(half / order.length - 0.25)).toBeLessThan(0.05);
  });

  test("frames of one path follow one another", () => {
    const legs = Array.from({ length: 100 }, (_, leg) => leg);
    const order = sendOrder(legs, (leg) => leg % 5);
    const changes = order.filter((leg, n) => n > 0 && leg % 5 !== order[n - 1]! % 5).length;
    expect(changes).toBeLessThan(order.length / 15);
  });

  test("one session alone sends from both ends", () => {
    expect(share(sendOrder([0, 1], (leg) => leg))).toEqual(
      new Map([
        [0, 32],
        [1, 32],
      ]),
    );
  });
});
