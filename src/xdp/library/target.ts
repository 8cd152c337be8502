/** Where a frame with the verdict "redirect" goes, from what helpers noted. */
import type { XdpMap } from "../maps/store.js";
import { redirectKind, state } from "../run/state.js";
import { type Machine, programInEntry } from "./machine.js";

const broadcast = 8;
const excludeIngress = 16;

/** One entry of a devmap, cpumap or xskmap. */
export interface TargetEntry {
  readonly key: number;
  /** Interface of a devmap's entry, queue size of a cpumap's, number of an xskmap's. */
  readonly value: number;
  /** Id of the entry's program; 0: none. */
  readonly program: number;
}

export type Target =
  | { readonly kind: "ifindex"; readonly ifindex: number }
  | {
      readonly kind: "devmap" | "cpumap" | "xskmap";
      /** Name of the map. */
      readonly map: string;
      readonly key: number;
      /** BPF_F_BROADCAST 8, BPF_F_EXCLUDE_INGRESS 16. */
      readonly flags: number;
      /** `value` of the one entry; undefined for a broadcast. */
      readonly value: number | undefined;
      /** One; of a broadcast as many as there are. */
      readonly entries: readonly TargetEntry[];
    };

const names = {
  [redirectKind.devmap]: "devmap",
  [redirectKind.cpumap]: "cpumap",
  [redirectKind.xskmap]: "xskmap",
} as const;

/** Undefined: the verdict is "redirect", but the program called no helper that says where to. */
export function targetOf({ memory, store, block }: Machine): Target | undefined {
  const word = (field: number): number => memory.u32[(block + field) >>> 2]!;
  const kind = word(state.redirect);
  const key = word(state.redirectKey);
  if (kind === redirectKind.ifindex) return { kind: "ifindex", ifindex: key };
  const map = store.byRecord(word(state.redirectMap));
  const name = names[kind as keyof typeof names];
  if (map === undefined || name === undefined) return undefined;
  const flags = word(state.redirectFlags);
  const entries =
    (flags & broadcast) === 0
      ? entryOf(map, word32(key))
      : [...map.entries()]
          .flatMap(([at, value]) => (isEmpty(value) ? [] : toEntry(at, value)))
          .filter(({ value }) => (flags & excludeIngress) === 0 || value !== word(state.ingressIfindex));
  const value = (flags & broadcast) === 0 ? entries[0]?.value : undefined;
  return { kind: name, map: map.spec.name, key, flags, value, entries };
}

const isEmpty = (value: Uint8Array): boolean => first(value) === 0;
const first = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
const toEntry = (key: Uint8Array, value: Uint8Array): TargetEntry[] => [
  { key: first(key), value: first(value), program: programInEntry(value) },
];

function entryOf(map: XdpMap, key: Uint8Array): TargetEntry[] {
  const value = map.lookup(key);
  return value === undefined ? [] : toEntry(key, value);
}

export function word32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
