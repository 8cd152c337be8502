import { expect, test } from "vitest";
import { type Board, counter, createBoard } from "./board.js";
import { createPacer } from "./pacer.js";

function send(board: Board, frames: number): void {
  board.counters[0][counter.sent]! += frames;
}

test("a rate is kept over time", () => {
  const board = createBoard(1);
  const pacer = createPacer({ rate: 2500, inFlight: 1, closed: true }, board, 0);
  for (let now = 0.7; now <= 1000; now += 0.7) send(board, pacer(now));
  expect(Math.abs(board.counters[0][counter.sent]! - 2500)).toBeLessThan(5);
});

test("a low rate is kept too", () => {
  const board = createBoard(1);
  const pacer = createPacer({ rate: 3, inFlight: 1, closed: true }, board, 0);
  for (let now = 1; now <= 10_000; now++) send(board, pacer(now));
  expect(Math.abs(board.counters[0][counter.sent]! - 30)).toBeLessThan(2);
});

test("a sender that was held up does not make up for all of it", () => {
  const board = createBoard(1);
  const pacer = createPacer({ rate: 10_000, inFlight: 1, closed: true }, board, 0);
  expect(pacer(5000)).toBe(100);
});

test("without a rate, frames leave as others come back", () => {
  const board = createBoard(1);
  const pacer = createPacer({ rate: 0, inFlight: 10, closed: true }, board, 0);
  expect(pacer(1)).toBe(10);
  send(board, 10);
  expect(pacer(2)).toBe(0);
  board.counters[0][counter.received]! += 3;
  board.counters[0][counter.altered]! += 1;
  expect(pacer(3)).toBe(4);
});

test("frames that never come back stop holding others up", () => {
  const board = createBoard(1);
  const pacer = createPacer({ rate: 0, inFlight: 10, closed: true }, board, 0);
  send(board, pacer(1));
  expect(pacer(40)).toBe(0);
  expect(pacer(60)).toBe(10);
  expect(pacer(61)).toBe(10);
  send(board, 4);
  expect(pacer(62)).toBe(6);
});
