/** Helpers that say where a frame with the verdict XDP_REDIRECT goes. They only note it in the state block; the last call wins. */

import type { MapAccess } from "../maps/access.js";
import { arrayWord } from "../maps/array.js";
import { mapRecord } from "../maps/descriptor.js";
import type { XdpMemory } from "../memory.js";
import { action, redirectKind, state } from "../run/state.js";
import { mapTypes } from "../spec.js";
import type { HelperEnv, HelperGroup } from "./env.js";

/** Flags of redirect_map: the answer on a miss, and for devmaps: to all entries, but not the one that the frame came from. */
export const redirectFlag = { answer: 3, broadcast: 8, excludeIngress: 16 } as const;

const kinds: Readonly<Record<number, number>> = {
  [mapTypes.devmap]: redirectKind.devmap,
  [mapTypes.devmap_hash]: redirectKind.devmap,
  [mapTypes.cpumap]: redirectKind.cpumap,
  [mapTypes.xskmap]: redirectKind.xskmap,
};

const indexed: ReadonlySet<string> = new Set(["devmap", "cpumap", "xskmap"]);

/** Whether a redirect map has an entry: those by index have the host's number of it in a second array, 0 for none. */
export function holds(memory: XdpMemory, record: number, key: number, access: MapAccess, keyAt: number): boolean {
  if (!indexed.has(access.type)) return access.lookup(keyAt) !== 0;
  const base = record >>> 2;
  if (key >= memory.u32[base + mapRecord.maxEntries]!) return false;
  return memory.u32[(memory.u32[base + arrayWord.second]! >>> 2) + key] !== 0;
}

export function redirectHelpers({ memory, map }: HelperEnv): HelperGroup {
  const { u32 } = memory;
  const note = (block: number, kind: number, record: number, key: number, flags: number): void => {
    const base = block >>> 2;
    u32[base + (state.redirect >> 2)] = kind;
    u32[base + (state.redirectMap >> 2)] = record;
    u32[base + (state.redirectKey >> 2)] = key;
    u32[base + (state.redirectFlags >> 2)] = flags;
  };

  return {
    // long bpf_redirect(u32 ifindex, u64 flags)
    helper_23: (block, ifindex = 0, flags = 0, flagsHigh = 0) => {
      if (flags !== 0 || flagsHigh !== 0) return action.aborted;
      note(block, redirectKind.ifindex, 0, ifindex, 0);
      return action.redirect;
    },

    // long bpf_redirect_map(map, u64 key, u64 flags)
    helper_51: (block, record = 0, key = 0, flags = 0, flagsHigh = 0) => {
      const kind = kinds[u32[(record >>> 2) + mapRecord.type]!] ?? redirectKind.none;
      const known =
        redirectFlag.answer | (kind === redirectKind.devmap ? redirectFlag.broadcast | redirectFlag.excludeIngress : 0);
      if (kind === redirectKind.none || flagsHigh !== 0 || (flags & ~known) !== 0) return action.aborted;
      const keyAt = block + state.scratch;
      u32[keyAt >>> 2] = key;
      const broadcast = (flags & redirectFlag.broadcast) !== 0;
      const target = map(record);
      if (target.keySize === 0) return action.aborted;
      if (!broadcast && !holds(memory, record, key >>> 0, target, keyAt)) {
        note(block, redirectKind.none, 0, 0, 0);
        return flags & redirectFlag.answer;
      }
      note(block, kind, record, key, broadcast ? flags & ~redirectFlag.answer : 0);
      return action.redirect;
    },
  };
}
