import { describe, expect, it } from "vitest";
import { createMemory, createRegion } from "../../../system/memory.js";
import { action, state } from "../../../xdp/run/state.js";
import type { Framing } from "../../attributes.js";
import { createCounting } from "../counting.js";
import { planLayout } from "../layout.js";
import { fate } from "./fate.js";
import { frameKind } from "./framing.js";
import { createRunner } from "./runner.js";

/** A runner whose program 1 is a function of the test, on chain 1. */
function createRig(
  framing: Framing,
  program: (view: { at: number; end: number; u8: Uint8Array; move(at: number, end: number): void }) => number,
) {
  const layout = planLayout({ tunnels: 8, sessions: 16, ports: 2, units: 16, routes: 16 }, 0);
  const memory = createMemory(layout.bytes + (1 << 20));
  const arena = layout.arenas[0]!;
  const region = createRegion(memory, arena.work, arena.work + arena.workBytes);
  const runner = createRunner(
    { memory, layout, arena },
    region,
    (bytes) => region.allocate(bytes),
    () => {},
    { settle: () => fate.away, send: () => {} },
  );
  const field = (offset: number): number => (runner.state + offset) >> 2;
  const run = (): number =>
    program({
      at: memory.u32[field(state.data)]!,
      end: memory.u32[field(state.dataEnd)]!,
      u8: memory.u8,
      move(at, end) {
        memory.u32[field(state.data)] = at;
        memory.u32[field(state.dataEnd)] = end;
      },
    });
  runner.setProgram(1, { run, batch: () => 0 });
  runner.setChain(1, { programs: [{ slot: 1, runOn: 1 << action.pass }], framing });
  const at = region.allocate(4096) + 1000;
  return {
    runner,
    memory,
    at,
    place(hex: string): number {
      memory.u8.fill(0xee, at - 64, at + 1000);
      const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
      memory.u8.set(bytes, at);
      return bytes.length;
    },
    text: (from: number, length: number) => Buffer.from(memory.u8.slice(from, from + length)).toString("hex"),
    drops: () => createCounting(memory, layout).drops(),
  };
}

const ipv4 = "45000014000100004011000a0a0000010a000002";

describe("a program on PPP", () => {
  it("sees a synthesized Ethernet header, and leaves the frame and what is before it as they were", () => {
    const rig = createRig("ethernet", ({ at, end, u8 }) => {
      expect(end - at).toBe(34);
      expect(Buffer.from(u8.slice(at, at + 15)).toString("hex")).toBe("020000000000020000000009080045");
      return action.pass;
    });
    for (const header of ["ff030021", "0021", "21", "ff0321"]) {
      const length = rig.place(header + ipv4);
      expect(rig.runner.run(1, frameKind.ppp, 9, false, rig.at, length, 6)).toBe(fate.passed);
      expect(rig.runner.frame).toEqual({ at: rig.at, length, room: 6 });
      expect(rig.text(rig.at - 16, 16 + length)).toBe("ee".repeat(16) + header + ipv4);
    }
  });

  it("that drops it leaves what is before the frame as it was", () => {
    const rig = createRig("ethernet", () => action.drop);
    const length = rig.place(`21${ipv4}`);
    expect(rig.runner.run(1, frameKind.ppp, 9, false, rig.at, length, 0)).toBe(fate.dropped);
    expect(rig.text(rig.at - 16, 16 + length)).toBe(`${"ee".repeat(16)}21${ipv4}`);
    expect(rig.drops()).toEqual({ "xdp-drop": 1 });
  });

  it("sees PPP's own EtherType before what is no packet", () => {
    const rig = createRig("ethernet", ({ at, u8 }) => {
      expect(Buffer.from(u8.slice(at + 12, at + 17)).toString("hex")).toBe("880bc02101");
      return action.pass;
    });
    const length = rig.place("ff03c02101010004");
    expect(rig.runner.run(1, frameKind.ppp, 9, false, rig.at, length, 6)).toBe(fate.passed);
    expect(rig.text(rig.at, length)).toBe("ff03c02101010004");
  });

  it("may make an IPv6 packet of an IPv4 one", () => {
    const rig = createRig("ethernet", ({ at, u8 }) => {
      u8[at + 12] = 0x86;
      u8[at + 13] = 0xdd;
      return action.pass;
    });
    const length = rig.place(`ff030021${ipv4}`);
    expect(rig.runner.run(1, frameKind.ppp, 9, false, rig.at, length, 6)).toBe(fate.passed);
    expect(rig.text(rig.runner.frame.at, rig.runner.frame.length)).toBe(`ff030057${ipv4}`);
  });

  it("may not make something of it that PPP has no number for", () => {
    const rig = createRig("ethernet", ({ at, u8 }) => {
      u8[at + 12] = 0x12;
      return action.pass;
    });
    const length = rig.place(`ff030021${ipv4}`);
    expect(rig.runner.run(1, frameKind.ppp, 9, false, rig.at, length, 6)).toBe(fate.dropped);
    expect(rig.drops()).toEqual({ "xdp-framing": 1 });
  });

  it("may take bytes off its start", () => {
    const rig = createRig("native", ({ at, end, move }) => {
      move(at + 2, end);
      return action.pass;
    });
    const length = rig.place(`ff030021${ipv4}`);
    expect(rig.runner.run(1, frameKind.ppp, 9, false, rig.at, length, 6)).toBe(fate.passed);
    expect(rig.runner.frame).toEqual({ at: rig.at + 2, length: length - 2, room: 8 });
  });

  it("may move it to where there is room, and put bytes before it", () => {
    let rig: ReturnType<typeof createRig>;
    const program = ({ u8, move }: { u8: Uint8Array; move(at: number, end: number): void }): number => {
      expect(rig.runner.reseat(20, 0)).toBe(true);
      const at = rig.memory.u32[(rig.runner.state + state.data) >> 2]!;
      const end = rig.memory.u32[(rig.runner.state + state.dataEnd) >> 2]!;
      u8.copyWithin(at - 4, at, at + 14);
      move(at - 4, end);
      u8.set([1, 2, 3, 4], at + 10);
      return action.pass;
    };
    rig = createRig("ethernet", program);
    const length = rig.place(`ff030021${ipv4}`);
    expect(rig.runner.run(1, frameKind.ppp, 9, true, rig.at, length, 0)).toBe(fate.passed);
    expect(rig.text(rig.runner.frame.at, rig.runner.frame.length)).toBe(`ff03002101020304${ipv4}`);
    expect(rig.runner.frame.room).toBeGreaterThan(288);
    expect(rig.text(rig.at - 16, 16 + length)).toBe(`${"ee".repeat(16)}ff030021${ipv4}`);
  });
});

describe("a chain", () => {
  it("ends with the first verdict that is final", () => {
    const rig = createRig("native", () => action.pass);
    const ran: number[] = [];
    const verdicts = [action.pass, action.drop, action.tx];
    for (const [index, verdict] of verdicts.entries()) {
      rig.runner.setProgram(index + 2, {
        run: () => {
          ran.push(index);
          return verdict;
        },
        batch: () => 0,
      });
    }
    const pass = 1 << action.pass;
    const programs = [
      { slot: 2, runOn: pass },
      { slot: 3, runOn: pass | (1 << action.drop) },
      { slot: 4, runOn: pass },
      { slot: 2, runOn: pass },
    ];
    rig.runner.setChain(2, { programs, framing: "native" });
    expect(rig.runner.run(2, frameKind.ip, 9, false, rig.at, rig.place(ipv4), 0)).toBe(fate.back);
    expect(ran).toEqual([0, 1, 2]);
  });
});
