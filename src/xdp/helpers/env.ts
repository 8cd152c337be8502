/** What the helpers of one program on one thread work with. */
import type { MapAccess } from "../maps/access.js";
import type { XdpMemory } from "../memory.js";
import type { XdpHost } from "../run/host.js";
import type { Windows } from "../run/windows.js";

export interface HelperEnv {
  readonly memory: XdpMemory;
  readonly host: XdpHost;
  /** What the program may touch; its helpers check their memory arguments by it. */
  readonly windows: Windows;
  /** The map of a record, as this thread works on it. */
  readonly map: (record: number) => MapAccess;
  /** Records of the ring buffers that the program has. */
  readonly rings: () => readonly number[];
}

/** A helper as compiled programs import it: all words, arguments of 64 bits as two, the lower one first. */
export type Helper = (state: number, ...words: number[]) => number;
export type HelperGroup = Readonly<Record<string, Helper>>;
