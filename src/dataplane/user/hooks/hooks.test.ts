import { describe, expect, it } from "vitest";
import { seed } from "../../../../test/seed.js";
import { seededWords } from "../../../random.js";
import { createMemory, createRegion } from "../../../system/memory.js";
import { assembleXdp } from "../../../xdp/library/source.js";
import { viewMemory } from "../../../xdp/memory.js";
import { prepareProgram } from "../../../xdp/program.js";
import { action, state } from "../../../xdp/run/state.js";
import { createThread } from "../../../xdp/run/thread.js";
import { createCounting } from "../counting.js";
import { planLayout, port as portRecord, programCounter } from "../layout.js";
import { fate } from "./fate.js";
import { createHooks } from "./hooks.js";
import { createRunner } from "./runner.js";

/** Says what becomes of a frame by its first byte, and marks all others: the second byte counts the programs that have seen it. */
const byByte = `
  r6 = r1
  r2 = *(u32 *)(r1 +0)
  r3 = *(u32 *)(r1 +4)
  r4 = r2
  r4 += 40
  r0 = 1
  if r4 > r3 goto end
  r5 = *(u8 *)(r2 +1)
  r5 += 1
  *(u8 *)(r2 +1) = r5
  r5 = *(u8 *)(r2 +0)
  if r5 == 3 goto away
  if r5 == 4 goto shorter
  if r5 == 5 goto behead
  if r5 == 6 goto longer
  if r5 == 7 goto tail
  if r5 == 8 goto endless
  r0 = r5
  if r5 > 2 goto none
  r0 = 3
  if r5 == 2 goto end
  r0 = 2
  if r5 == 0 goto end
  r0 = 1
  goto end
none:
  r0 = 9
  if r5 == 9 goto end
  r0 = 0
end:
  exit
away:
  r1 = 5
  r2 = 0
  call bpf_redirect
  exit
shorter:
  r1 = r6
  r2 = -7
  call bpf_xdp_adjust_tail
  r0 = 2
  exit
behead:
  r1 = r6
  r2 = 20
  call bpf_xdp_adjust_head
  r0 = 3
  exit
longer:
  r1 = r6
  r2 = -20
  call bpf_xdp_adjust_head
  r2 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r4 = r2
  r4 += 22
  if r4 > r3 goto pass
  r5 = 0
  *(u64 *)(r2 +0) = r5
  *(u64 *)(r2 +8) = r5
  *(u32 *)(r2 +16) = r5
pass:
  r0 = 2
  exit
tail:
  r1 = r6
  r2 = 30
  call bpf_xdp_adjust_tail
  r1 = 5
  r2 = 0
  call bpf_redirect
  exit
endless:
  r7 = 2000
  r7 += -1
  if r7 != 0 goto pc-2
  r0 = 2
  exit`;
const kinds = 11;

/** A port whose chain is so many instances of the program, and all that happens to its frames, in order. */
function createRig(programs: number) {
  const layout = planLayout({ tunnels: 8, sessions: 16, ports: 2, units: 16, routes: 16 }, 0);
  const memory = createMemory(layout.bytes);
  const arena = layout.arenas[0]!;
  const region = createRegion(memory, arena.work, arena.work + arena.workBytes);
  const room = region.allocate(1 << 17);
  const happened: string[] = [];
  const text = (at: number, length: number): string => Buffer.from(memory.u8.slice(at, at + length)).toString("hex");
  // What was moved lies here no longer than until the next one is.
  const scratch = (): number => {
    memory.u8.fill(0xee, room, room + (1 << 17));
    return room;
  };
  const word = (field: number): number => memory.u32[(arena.programState + field) >> 2]!;
  const device = (name: string): void => {
    if (word(state.ingressIfindex) !== 2 || word(state.egressIfindex) !== 0) happened.push(`${name} of another device`);
  };
  const redirects = {
    settle(_kind: number, _framing: string, said: number) {
      device("redirect");
      const [how, , key] = memory.u32.subarray(said >> 2);
      happened.push(`redirect ${how} to ${key}`);
      return fate.away;
    },
    send: (kind: number, at: number, length: number) => void happened.push(`sent ${kind} ${text(at, length)}`),
    handedOver() {},
    origin: (port: number, name: number, local: number) => void happened.push(`of ${port} ${name} ${local}`),
  };
  const runner = createRunner(
    { memory, layout, arena },
    region,
    scratch,
    () => {},
    redirects,
    () => {
      happened.push(`aborted ${word(state.verdict)} ${word(state.fault)}`);
    },
  );
  const each = (what: string) => {
    return (port: number, _1: number, _2: number, at: number, length: number, segment: number): void => {
      for (let next = at; next < at + length; next += segment) {
        happened.push(`${what} ${port} ${text(next, Math.min(segment, at + length - next))}`);
      }
      // Others run meanwhile, for other devices, and take what room there is.
      for (const [from, to] of [
        [state.data, state.cpu],
        [state.redirect, state.fault],
      ] as const) {
        memory.u32.fill(0x77, (arena.programState + from) >> 2, (arena.programState + to) >> 2);
      }
      scratch();
    };
  };
  const back = each("back");
  const exits = { channel() {}, unit() {}, host() {}, datagrams: back };
  const hooks = createHooks({ memory, layout, arena }, runner, redirects, () => exits);
  const thread = createThread({
    memory: viewMemory(memory.shared),
    state: arena.programState,
    cpu: 0,
    slots: 8,
    host: { reseat: (_state, headroom, tailroom) => runner.reseat(headroom, tailroom) },
  });
  const { programs: specs } = assembleXdp({ byByte });
  for (let slot = 1; slot <= programs; slot++) {
    const { module, maps } = prepareProgram(specs[0]!, viewMemory(memory.shared), [], { fuel: 1000 });
    const instance = thread.install({ code: { kind: "module", module: module! }, maps }, slot);
    runner.setProgram(slot, {
      run: instance.run,
      batch: (start, count, size, outcomes) => instance.batch(start, count, size, size, outcomes),
    });
  }
  const chain = Array.from({ length: programs }, (_, index) => ({ slot: index + 1, runOn: 1 << action.pass }));
  runner.setChain(3, { programs: chain, framing: "native" });
  const chains = (layout.ports >> 2) + portRecord.words + portRecord.chains;
  memory.u32[chains] = 3;
  const frames = region.allocate(1 << 17) + 64;
  const passed = each("passed");
  const counters = Array.from({ length: programs }, (_, index) => {
    const at = (arena.programCounters >> 3) + (index + 1) * programCounter.count;
    return () => [...memory.f64.slice(at, at + programCounter.count)];
  });
  return {
    runner,
    detach: () => void memory.u32.fill(0, chains, chains + 1),
    /** Has the port receive frames that follow each other, so many at a time; answers what happened. */
    receive(bytes: Uint8Array, segment: number, together: number) {
      memory.u8.set(bytes, frames);
      for (let at = 0; at < bytes.length; at += segment * together) {
        const length = Math.min(segment * together, bytes.length - at);
        hooks.datagramsIn(
          (port, start, all, size, name, local) => passed(port, name, local, start, all, size),
          1,
          frames + at,
          length,
          segment,
          11,
          12,
          at === 0 ? 64 : 0,
        );
      }
      const drops = createCounting(memory, layout).drops();
      return { happened: happened.splice(0), drops, counters: counters.map((read) => read()) };
    },
  };
}

/** Without what says nothing: origins are told before what may need them. */
const essence = (happened: readonly string[]): string[] => happened.filter((line) => !line.startsWith("of "));
const byKind = (happened: readonly string[], isAborted: boolean): string[] =>
  happened.filter((line) => line.startsWith("aborted") === isAborted);

describe("programs on datagrams that arrive together", () => {
  it.each([1, 2])("do as they would on one after the other (%i in the chain)", (programs) => {
    const [together, alone] = [createRig(programs), createRig(programs)];
    const random = seededWords(seed);
    const below = (most: number): number => random() % most;
    for (let round = 0; round < 200; round++) {
      const segment = 40 + below(60);
      const count = 1 + below(100);
      const bytes = new Uint8Array(segment * count - (round % 3 === 0 ? below(segment) : 0)).map(() => random());
      const few = [below(kinds), below(kinds)];
      for (let at = 0; at < bytes.length; at += segment) {
        bytes[at] = round % 2 === 0 ? few[below(8) === 0 ? 1 : 0]! : below(kinds);
      }
      const one = together.receive(bytes, segment, count);
      const other = alone.receive(bytes, segment, 1);
      for (const isAborted of [false, true]) {
        expect(byKind(essence(one.happened), isAborted)).toEqual(byKind(essence(other.happened), isAborted));
      }
      expect([one.drops, one.counters]).toEqual([other.drops, other.counters]);
      // What is to be settled by itself is told where it came from, whatever has happened since.
      const told = one.happened.flatMap((line, index) =>
        line.startsWith("redirect") ? [one.happened[index - 1]] : [],
      );
      expect(new Set(told).size).toBeLessThanOrEqual(1);
      expect(told[0] ?? "of 1 11 12").toBe("of 1 11 12");
    }
  });

  it("drop them when the chain is gone, and pass them when there is none any more", () => {
    const rig = createRig(1);
    const bytes = new Uint8Array(400);
    rig.runner.setChain(3, undefined);
    expect(rig.receive(bytes, 40, 10)).toMatchObject({ happened: [], drops: { "relation-ended": 10 } });
    rig.detach();
    expect(rig.receive(bytes, 40, 10).happened).toHaveLength(10);
  });

  it("pass them while its slot has no program", () => {
    const rig = createRig(1);
    rig.runner.setProgram(1, undefined);
    expect(rig.receive(new Uint8Array(390), 40, 10).happened).toHaveLength(10);
  });
});
