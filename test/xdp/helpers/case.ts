/** Small programs that call helpers with arguments out of a seed, for the kernel and for us. */

import { seededWords } from "../../../src/random.js";
import { assembleXdp, type MapDescription, type ObjectSpec } from "../../../src/xdp/index.js";

export interface Draw {
  /** 0 … below-1. */
  below(count: number): number;
  between(least: number, most: number): number;
  one<T>(list: readonly T[]): T;
  chance(percent: number): boolean;
  word(): number;
}

export function drawing(seed: number): Draw {
  const next = seededWords(seed);
  const below = (count: number): number => next() % count;
  return {
    below,
    between: (least, most) => least + below(most - least + 1),
    one: (list) => list[below(list.length)]!,
    chance: (percent) => below(100) < percent,
    word: next,
  };
}

export interface HelperCase {
  readonly object: ObjectSpec;
  readonly frame: Uint8Array;
  /** By name of the map. */
  readonly entries: readonly { readonly map: string; readonly key: Uint8Array; readonly value: Uint8Array }[];
  /** Maps whose contents say nothing. */
  readonly ignore: readonly string[];
}

/** What a maker of cases says of one. `body`: r6 is the context, r7 points to 256 bytes for results, of which the case makes what it likes. */
export interface Body {
  readonly body: string;
  /** Behind the program's exit: functions. */
  readonly functions?: string;
  readonly maps?: Readonly<Record<string, MapDescription>>;
  readonly frame?: Uint8Array;
  readonly entries?: HelperCase["entries"];
  readonly ignore?: readonly string[];
}

export type Maker = (draw: Draw) => Body;

export const outBytes = 256;
export const word32 = (value: number): Uint8Array => new Uint8Array(new Uint32Array([value]).buffer);

export const randomBytes = (draw: Draw, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, () => draw.below(256));

export function makeCase(maker: Maker, seed: number): HelperCase {
  const draw = drawing(seed);
  const { body, functions = "", maps = {}, entries = [], ignore = [], frame } = maker(draw);
  const text = `
    r6 = r1
    *(u32 *)(r10 -4) = 0
    r2 = r10
    r2 += -4
    r1 = map[out] ll
    call bpf_map_lookup_elem
    if r0 == 0 goto none
    r7 = r0
${body}
    r0 = 2
    exit
none:
    r0 = 0
    exit
${functions}`;
  const object = assembleXdp(
    { case: text },
    { maps: { out: { type: "array", valueSize: outBytes, maxEntries: 1 }, ...maps } },
  );
  return {
    object,
    frame: frame ?? randomBytes(draw, draw.between(14, 200)),
    entries: [{ map: "out", key: word32(0), value: randomBytes(draw, outBytes) }, ...entries],
    ignore,
  };
}
