/** What each thread is told about programs: the control thread at once, workers by command. */
import type { WasmModule } from "../../xdp/memory.js";
import type { Chain } from "./hooks/runner.js";
import type { Path } from "./path.js";
import type { DataWorker } from "./workers.js";

/** A compiled program as it goes to a thread. */
export interface ProgramCode {
  readonly slot: number;
  /** Its handle, never used again. */
  readonly number: number;
  readonly name: string;
  /** Compiled once for all threads. */
  readonly module: WasmModule;
  /** Records of its maps. */
  readonly maps: readonly number[];
}

/** Every thread of an engine: what is told to all of them is done when all have done it. */
export interface ProgramThread {
  install(program: ProgramCode): Promise<void>;
  remove(slot: number): Promise<void>;
  chain(index: number, chain: Chain | undefined): Promise<void>;
  measure(on: boolean): Promise<void>;
}

/** The control thread's own path. */
export const localThread = ({ programs }: Path): ProgramThread => ({
  install: async (program) => programs.install(program),
  remove: async (slot) => programs.remove(slot),
  chain: async (index, chain) => programs.chain(index, chain),
  measure: async (on) => programs.measure(on),
});

export const workerThread = ({ tell }: DataWorker): ProgramThread => ({
  install: async (program) => void (await tell({ do: "program", program })),
  remove: async (slot) => void (await tell({ do: "forget-program", slot })),
  chain: async (index, chain) => void (await tell({ do: "chain", index, chain })),
  measure: async (on) => void (await tell({ do: "measure", on })),
});
