/**
 * Grace periods, as in RCU: after something was unpublished, waits until no worker can still be using it. All that is undone
 * in one turn shares one period; when the workers are idle it is over at once.
 */
import type { Memory } from "../../system/memory.js";
import type { Layout } from "./layout.js";
import { waitWhile } from "./wait.js";

/** Resolves when every worker has passed a quiescent point after this call. */
export type Grace = () => Promise<void>;

export function createGrace({ i32 }: Memory, { arenas, graceWanted }: Layout): Grace {
  const wanted = graceWanted >> 2;
  const epochs = arenas.slice(1).map(({ epoch }) => epoch >> 2);
  let gathering: Promise<void> | undefined;

  async function quiesce(index: number): Promise<void> {
    const seen = Atomics.load(i32, index);
    if ((seen & 1) === 0) return;
    Atomics.add(i32, wanted, 1);
    await waitWhile(i32, index, seen);
    Atomics.sub(i32, wanted, 1);
  }

  return () => {
    gathering ??= Promise.resolve().then(async () => {
      gathering = undefined;
      await Promise.all(epochs.map(quiesce));
    });
    return gathering;
  };
}
