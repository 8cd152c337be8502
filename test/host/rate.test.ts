/** Limits of units, held against the kernel's own TCP and against UDP that is faster than they are. */
import { afterEach, describe, expect, it } from "vitest";
import { ffiMissing } from "../../src/system/index.js";
import { requires } from "../peers/requires.js";
import { undoStack } from "../peers/undo.js";
import { addressOf, twoEnds } from "./two-ends.js";

const skip = requires("rate limits on TUN interfaces", ["ip"]);
const rates = [1e6, 1e7, 1e8];
const seconds = 10;
const attempts = 4;

const sink = `
  require("node:net").createServer((socket) => { socket.resume(); socket.on("error", () => {}); }).listen(5001);
  require("node:dgram").createSocket("udp4").bind(5001, () => console.log("listening"));`;
/** Sends as much as it may, to several addresses at once. */
const tcp = (pairs: readonly (readonly [string, string])[]) => `
  const block = Buffer.alloc(1 << 16);
  for (const [from, to] of ${JSON.stringify(pairs)}) {
    const socket = require("node:net").connect({ port: 5001, host: to, localAddress: from });
    const more = () => { while (!socket.destroyed && socket.write(block)); };
    socket.on("connect", more);
    socket.on("drain", more);
    socket.on("error", () => {});
  }`;
/** Sends a third more than the limits, in packets as long as they may be. */
const udp = (pairs: readonly (readonly [string, string])[], bits: readonly number[]) => `
  const block = Buffer.alloc(1372);
  for (const [index, [from, to]] of ${JSON.stringify(pairs)}.entries()) {
    const socket = require("node:dgram").createSocket("udp4");
    const each = ${JSON.stringify(bits)}[index] * 1.33 / 8 / 1400 / 1000;
    socket.bind(0, from, () => {
      const start = performance.now();
      let sent = 0;
      setInterval(() => {
        for (const due = (performance.now() - start) * each; sent < due; sent++) socket.send(block, 5001, to);
      }, 2);
    });
  }`;

describe.skipIf(skip.reason !== undefined || ffiMissing() !== undefined)("rate limits on TUN interfaces", () => {
  const undo = undoStack();
  afterEach(() => undo.run());

  it.each([
    ["TCP to the subscriber", "down", "tcp", 1],
    ["TCP from the subscriber", "up", "tcp", 1],
    ["UDP to the subscriber, two workers", "down", "udp", 2],
    ["UDP from the subscriber, two workers", "up", "udp", 2],
  ] as const)(
    "hold within 2 %% over 10 s at 1, 10 and 100 Mbit/s: %s",
    { timeout: 90_000 },
    async (_, direction, kind, workers) => {
      const limited = rates.map((bitsPerSecond) => ({
        west: { [direction]: { bitsPerSecond, burst: Math.max(15_000, bitsPerSecond / 80) } },
      }));
      const { west, east } = await twoEnds(undo, workers, limited);
      const [from, to, side, other] =
        direction === "down" ? ([west, east, "west", "east"] as const) : ([east, west, "east", "west"] as const);
      const pairs = rates.map((_, unit) => [addressOf(side, unit), addressOf(other, unit)] as const);
      const receiver = to.space.start(["node", "-e", sink]);
      undo.defer(async () => void (await receiver.stop()));
      await receiver.waitFor(/listening/);
      const passed = async () => {
        const states = await Promise.all(west.units.map(({ unit }) => west.plane.unit.get({ unit })));
        return states.map(({ counters }) => (direction === "down" ? counters.txBytes : counters.rxBytes));
      };
      const sender = from.space.start(["node", "-e", kind === "tcp" ? tcp(pairs) : udp(pairs, rates)]);
      undo.defer(async () => void (await sender.stop()));
      while ((await passed()).some((bytes) => bytes < 1000)) await new Promise((resolve) => setTimeout(resolve, 1));
      const measure = async (): Promise<readonly number[]> => {
        const start = performance.now();
        const before = await passed();
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
        const after = await passed();
        const elapsed = (performance.now() - start) / 1000;
        return rates.map((rate, unit) => ((after[unit]! - before[unit]!) * 8) / elapsed / rate);
      };
      // More than the limit never passes. Less does when the sender gets no processor for longer than a burst lasts.
      for (let attempt = 1; ; attempt++) {
        const shares = await measure();
        console.log(`${direction} ${kind}: ${shares.map((share) => share.toFixed(4)).join(" ")} of the rate`);
        expect(Math.max(...shares)).toBeLessThan(1.02);
        if (Math.min(...shares) > 0.98) break;
        expect(attempt, "attempts").toBeLessThan(attempts);
      }
    },
  );
});
