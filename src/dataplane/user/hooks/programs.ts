/** Programs as one thread has them: instantiated, in the table that tail calls go by, at hand for the chains. */

import type { XdpMemory } from "../../../xdp/memory.js";
import type { XdpHost } from "../../../xdp/run/host.js";
import { createThread } from "../../../xdp/run/thread.js";
import type { Context } from "../context.js";
import { programSlots } from "../layout.js";
import type { ProgramCode } from "../program-thread.js";
import { type Chain, cpuOf, type Runner } from "./runner.js";

export interface ThreadPrograms {
  install(program: ProgramCode): void;
  remove(slot: number): void;
  chain(index: number, chain: Chain | undefined): void;
  measure(on: boolean): void;
  /** Begins a batch. */
  begin(): void;
}

export function createThreadPrograms(
  context: Context,
  memory: XdpMemory,
  runner: Runner,
  host: XdpHost,
): ThreadPrograms {
  const thread = createThread({
    memory,
    host,
    state: context.arena.programState,
    cpu: cpuOf(context),
    cpus: context.layout.arenas.length,
    slots: programSlots,
  });
  let installed = 0;
  return {
    install({ slot, number, module, maps }) {
      const instance = thread.install({ code: { kind: "module", module }, maps }, slot);
      const batch = (start: number, count: number, size: number, outcomes: number) =>
        instance.batch(start, count, size, size, outcomes);
      runner.setProgram(slot, { run: instance.run, batch }, number);
      installed++;
    },
    remove(slot) {
      thread.remove(slot);
      runner.setProgram(slot, undefined);
      installed--;
    },
    chain: runner.setChain,
    measure: runner.measure,
    begin() {
      if (installed > 0) thread.tick();
    },
  };
}
