/** Buffers for fragments, shared by all bundles and threads: a free list whose top is taken by compare-and-exchange. */
import type { Memory } from "../../system/memory.js";
import { type MultilinkLayout, node, pool } from "./multilink-layout.js";

export interface FragmentPool {
  /** Index of a node, 0 when there is none left. */
  take(): number;
  give(index: number): void;
}

const indexMask = 0xffff;
const turn = 0x1_0000;
export const maximumFragments = indexMask;

export function createFragmentPool({ i32 }: Memory, layout: MultilinkLayout): FragmentPool {
  const top = (layout.pool >> 2) + pool.top;
  const fresh = (layout.pool >> 2) + pool.fresh;
  const nodes = layout.nodes >> 2;

  function takeFresh(): number {
    if (Atomics.load(i32, fresh) >= layout.fragments) return 0;
    const index = Atomics.add(i32, fresh, 1) + 1;
    return index <= layout.fragments ? index : 0;
  }

  return {
    take() {
      for (;;) {
        const seen = Atomics.load(i32, top);
        const index = seen & indexMask;
        if (index === 0) return takeFresh();
        const below = Atomics.load(i32, nodes + index * node.words + node.next);
        const next = ((seen + turn) & ~indexMask) | below;
        if (Atomics.compareExchange(i32, top, seen, next) === seen) return index;
      }
    },
    give(index) {
      for (;;) {
        const seen = Atomics.load(i32, top);
        Atomics.store(i32, nodes + index * node.words + node.next, seen & indexMask);
        if (Atomics.compareExchange(i32, top, seen, ((seen + turn) & ~indexMask) | index) === seen) return;
      }
    },
  };
}
