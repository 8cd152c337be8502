import { describe, expect, it } from "vitest";
import { createMemory, createRegion } from "../../system/memory.js";
import { createCounting } from "./counting.js";
import { planLayout, session } from "./layout.js";
import { createPuntReader, createPuntWriter, puntKind } from "./punt-ring.js";
import { createTap } from "./tap.js";

function create() {
  const layout = planLayout({ tunnels: 4, sessions: 32, ports: 2, units: 8, routes: 8 }, 0);
  const memory = createMemory(layout.bytes);
  const arena = layout.arenas[0]!;
  const region = createRegion(memory, arena.work, arena.work + arena.workBytes);
  memory.u32[(layout.sessions >> 2) + 3 * session.words + session.channel] = 42;
  const tap = createTap({ memory, layout, arena }, region, createPuntWriter(memory, arena.puntRing));
  const read = createPuntReader(memory, arena.puntRing);
  return { tap, read, memory, at: region.allocate(2048), drops: () => createCounting(memory, layout).drops() };
}

describe("taps", () => {
  it("copy frames in one piece and in two, with channel, direction and time", () => {
    const { tap, read, memory, at } = create();
    memory.u8.set(Buffer.from("head..body"), at);
    const before = Date.now() * 1000 - 5000;
    tap.received(3, at, 4);
    tap.sent(3, at, 4, at + 6, 4);
    const seen: unknown[] = [];
    read(10, ({ kind, object, at: from, length, local }) => {
      const text = Buffer.from(memory.u8.slice(from, from + length)).toString();
      seen.push([kind, object, text]);
      expect(memory.f64[local >> 3]).toBeGreaterThan(before);
      expect(memory.f64[local >> 3]).toBeLessThan(Date.now() * 1000 + 5000);
    });
    expect(seen).toEqual([
      [puntKind.tapIn, 42, "head"],
      [puntKind.tapOut, 42, "headbody"],
    ]);
  });

  it("leave half of the ring to others, and count what they leave out", () => {
    const { tap, read, at, drops } = create();
    for (let count = 0; count < 1000; count++) tap.received(3, at, 1500);
    let copies = 0;
    for (let more = true; more; ) more = read(256, () => copies++);
    expect(copies).toBeGreaterThan(300);
    expect(copies).toBeLessThan(400);
    expect(drops()).toEqual({ "tap-overflow": 1000 - copies });
  });
});
