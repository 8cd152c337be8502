/** Multilink between two engines, several workers and sockets each, with the kernel's own TCP on top. */
import { afterEach, describe, expect, it } from "vitest";
import type { UnitCreate } from "../../src/dataplane/index.js";
import { ffiMissing } from "../../src/system/index.js";
import { requires } from "../peers/requires.js";
import { undoStack } from "../peers/undo.js";
import { addressOf, type TwoEnd, twoEnds } from "./two-ends.js";

const skip = requires("multilink on TUN interfaces", ["ip"]);

/** Answers what it received with its digest. */
const serve = `
  require("node:net").createServer({ allowHalfOpen: true }, (socket) => {
    const hash = require("node:crypto").createHash("sha256");
    socket.on("data", (data) => hash.update(data));
    socket.on("end", () => socket.end(hash.digest("hex")));
  }).listen(5001, () => console.log("listening"));`;
const send = (from: string, to: string, bytes: number) => `
  const { createHash, randomBytes } = require("node:crypto");
  const socket = require("node:net").connect({ port: 5001, host: "${to}", localAddress: "${from}", allowHalfOpen: true });
  const hash = createHash("sha256");
  const block = randomBytes(1 << 18);
  let left = ${bytes};
  const more = () => {
    while (left > 0) {
      const part = block.subarray(0, Math.min(left, block.length));
      hash.update(part);
      left -= part.length;
      if (!socket.write(part)) return;
    }
    if (left === 0) { left = -1; socket.end(); }
  };
  socket.on("connect", more);
  socket.on("drain", more);
  let answer = "";
  socket.on("data", (data) => { answer += data; });
  socket.on("end", () => console.log(answer === hash.digest("hex") ? "same" : "different"));`;

describe.skipIf(skip.reason !== undefined || ffiMissing() !== undefined)("multilink on TUN interfaces", () => {
  const undo = undoStack();
  afterEach(() => undo.run());

  async function transfer(from: TwoEnd, to: TwoEnd, side: "west" | "east", bytes: number): Promise<string> {
    const server = to.space.start(["node", "-e", serve]);
    undo.defer(async () => void (await server.stop()));
    await server.waitFor(/listening/);
    const other = side === "west" ? "east" : "west";
    const program = send(addressOf(side, 0), addressOf(other, 0), bytes);
    const result = await from.space.run(["node", "-e", program], { timeout: 60_000 });
    await server.stop();
    return result.trim();
  }

  const bundle = (attributes: Partial<NonNullable<UnitCreate["multilink"]>> = {}) => ({
    multilink: { mrru: 1500, peerMrru: 1500, ...attributes },
  });
  const countersOf = async ({ plane, units }: TwoEnd) => (await plane.unit.get({ unit: units[0]!.unit })).counters;

  it.each([
    ["two links, two workers, packets cut", 2, 2, { fragment: 500 }],
    ["three links, one worker, packets whole", 3, 1, {}],
    ["two links, short numbers", 2, 2, { fragment: 700, shortSequence: true, peerShortSequence: true }],
    ["one link that is too narrow", 1, 1, { linkMru: 600 }],
  ] as const)("TCP loses nothing that is not lost: %s", async (_, links, workers, attributes) => {
    const unit = { links, west: bundle(attributes), east: bundle(attributes) };
    const { west, east } = await twoEnds(undo, workers, [unit]);
    expect(await transfer(west, east, "west", 8 << 20)).toBe("same");
    expect(await transfer(east, west, "east", 8 << 20)).toBe("same");
    for (const { plane } of [west, east]) {
      const { "no-route": _, "device-down": __, ...others } = plane.drops();
      expect(others).toEqual({});
    }
    expect((await countersOf(west)).txPackets).toBe((await countersOf(east)).rxPackets);
    const sessions = await west.plane.session.list();
    const shares = sessions.map(({ counters }) => counters.txPackets);
    for (const share of shares) expect(share / Math.max(...shares)).toBeGreaterThan(0.8);
  });

  it("links leave and join under traffic, and the transfer ends well", async () => {
    const attributes = { fragment: 500 };
    const { west, east } = await twoEnds(undo, 2, [{ links: 2, west: bundle(attributes), east: bundle(attributes) }]);
    let running = true;
    const changes = (async () => {
      for (let round = 0; running; round++) {
        const index = round % 2;
        for (const { plane, units } of [west, east]) {
          await plane.channel.disconnect({ channel: units[0]!.channels[index]! });
        }
        await new Promise((resolve) => setTimeout(resolve, 60));
        for (const { plane, units } of [east, west]) {
          await plane.channel.connect({ channel: units[0]!.channels[index]!, unit: units[0]!.unit });
        }
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
    })();
    const result = await transfer(west, east, "west", 16 << 20).finally(() => {
      running = false;
    });
    await changes;
    expect(result).toBe("same");
    expect(await transfer(east, west, "east", 1 << 20)).toBe("same");
  });

  it("frames of the control plane cross the bundle, in fragments' clothes when there are several links", async () => {
    const { west, east } = await twoEnds(undo, 1, [{ links: 2, west: bundle(), east: bundle() }]);
    const seen: string[] = [];
    east.plane.onPunt((batch) => {
      for (const punt of batch) {
        if (punt.origin === "unit") seen.push(`${punt.channel} ${Buffer.from(punt.bytes).toString("hex")}`);
      }
    });
    const unit = west.units[0]!.unit;
    const inject = (hex: string) => west.plane.inject({ to: "unit", unit, bytes: Buffer.from(hex, "hex") });
    const until = async (count: number) => {
      for (let wait = 0; wait < 400 && seen.length < count; wait++) await new Promise((done) => setTimeout(done, 5));
    };
    inject("ff0380210101000a0306c0000201");
    inject("8057010100040000");
    await until(2);
    const [first, second] = east.units[0]!.channels;
    expect(seen.map((line) => line.split(" ")[1])).toEqual(["80210101000a0306c0000201", "8057010100040000"]);
    await west.plane.channel.disconnect({ channel: west.units[0]!.channels[1]! });
    inject("ff0380210101000a0306c0000202");
    await until(3);
    expect(seen.at(-1)).toBe(`${first} ff0380210101000a0306c0000202`);
    expect(second).toBeDefined();
  });

  it("a unit without multilink has one channel", async () => {
    const { west } = await twoEnds(undo, 1, [{}, {}]);
    const [one, two] = west.units;
    await west.plane.channel.disconnect({ channel: two!.channels[0]! });
    await expect(west.plane.channel.connect({ channel: two!.channels[0]!, unit: one!.unit })).rejects.toMatchObject({
      code: "EINVAL",
    });
    await west.plane.unit.set({ unit: one!.unit, ...bundle() });
    await west.plane.channel.connect({ channel: two!.channels[0]!, unit: one!.unit });
    expect((await west.plane.unit.get({ unit: one!.unit })).channels).toHaveLength(2);
  });
});
