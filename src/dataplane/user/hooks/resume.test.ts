import { expect, it } from "vitest";
import { createMemory, createRegion } from "../../../system/memory.js";
import { action, redirectKind, state } from "../../../xdp/run/state.js";
import { planLayout, session, unit } from "../layout.js";
import { fate } from "./fate.js";
import { createHandoff } from "./handoff.js";
import { createHooks } from "./hooks.js";
import { createRedirects } from "./redirect.js";
import { createResume } from "./resume.js";
import { cpuOf, createRunner, type Runner } from "./runner.js";

it("frames that were handed over go on as what their device received by the same port", () => {
  const layout = planLayout({ tunnels: 8, sessions: 16, ports: 4, units: 16, routes: 16 }, 0);
  const memory = createMemory(layout.bytes);
  const arena = layout.arenas[0]!;
  const context = { memory, layout, arena };
  const region = createRegion(memory, arena.work, arena.work + arena.workBytes);
  const none = new Int32Array(0);
  const entries = { target: cpuOf(context), program: 0, find: () => true, all: () => 0, targets: none, programs: none };
  const exits = { channel() {}, unit() {}, host() {}, datagrams() {} };
  const handoff = createHandoff(memory, layout, arena.index, () => {});
  const punts = { write: () => true };
  const redirects = createRedirects(
    context,
    (): Runner => runner,
    entries,
    handoff,
    punts,
    () => exits,
  );
  const runner = createRunner(
    context,
    region,
    (bytes) => region.allocate(bytes),
    () => {},
    redirects,
  );
  const hooks = createHooks(context, runner, redirects, () => exits);
  const run = (): number => {
    memory.u32[(arena.programState + state.redirect) >> 2] = redirectKind.cpumap;
    return action.redirect;
  };
  runner.setProgram(1, { run, batch: () => 0 });
  runner.setChain(1, { programs: [{ slot: 1, runOn: 1 << action.pass }], framing: "native" });
  memory.u32[(layout.sessions >> 2) + 5 * session.words + session.chains] = 1;
  memory.u32[(layout.units >> 2) + 6 * unit.words + unit.chains] = 1;

  const went: unknown[] = [];
  const at = region.allocate(4096);
  const bytes = Uint8Array.from({ length: 60 }, (_, index) => index);
  const note = (kind: string, slot: number, port: number, from: number, length: number): void => {
    went.push([kind, slot, port, [...memory.u8.slice(from, from + length)]]);
  };
  const resume = createResume(context, runner, redirects, handoff, {
    datagram: () => expect.fail(),
    channel: (slot, port, _priority, from, length) => note("channel", slot, port, from, length),
    unit: (slot, port, from, length) => note("unit", slot, port, from, length),
    host: () => expect.fail(),
  });
  memory.u8.set(bytes, at);
  expect(hooks.channelIn(5, 2, at, 60, 0)).toBe(fate.handed);
  expect(hooks.unitIn(6, 3, at, 60)).toBe(fate.handed);
  memory.u8.fill(0, at, at + 60);
  expect(handoff.take(10, resume)).toBe(2);
  expect(went).toEqual([
    ["channel", 5, 2, [...bytes]],
    ["unit", 6, 3, [...bytes]],
  ]);
});
