/**
 * Rates in the forms that RADIUS servers send them. A subscriber's `up` is what the NAS receives: Mikrotik's rx, WISPr's Up.
 *
 *   rx[/tx] [rx-burst[/tx-burst] [rx-threshold[/tx-threshold] [rx-time[/tx-time] [priority [rx-min[/tx-min]]]]]]
 */
import { defaultBurst } from "../rates.js";
import type { Rate, Rates } from "./types.js";

/** What the data plane can hold a subscriber to; a rate or burst beyond is the nearest that it can. */
const bounds = { slowest: 1000, fastest: 1e12, burst: 1e9 } as const;

/** Bits a second; 0 means without limit. */
export function rateOf(bits: number): Rate | undefined {
  if (bits === 0) return undefined;
  const bitsPerSecond = Math.min(Math.max(bits, bounds.slowest), bounds.fastest);
  return { bitsPerSecond, burst: defaultBurst(bitsPerSecond) };
}

const units: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9 };

/** A direction of one pair of the text. */
type Direction = "rx" | "tx";
type Pair = Readonly<Record<Direction, number>>;

/** Mikrotik-Rate-Limit; undefined: not in its grammar. Priority and minimum are read, and mean nothing here. */
export function parseMikrotikRateLimit(text: string): Rates | undefined {
  const words = text.trim().split(/\s+/);
  if (words.length > 6) return undefined;
  const [rateWord = "", burstWord, thresholdWord, timeWord, priorityWord, minimumWord] = words;
  const rate = pairOf(rateWord, bits);
  const burst = pairOf(burstWord, bits);
  const threshold = pairOf(thresholdWord, bits);
  const time = pairOf(timeWord, seconds);
  if (rate === undefined || [rate, burst, threshold, time, pairOf(minimumWord, bits)].includes("wrong"))
    return undefined;
  if (priorityWord !== undefined && !/^[1-8](\/[1-8])?$/.test(priorityWord)) return undefined;
  const of = (direction: Direction): Rate | undefined => {
    const read = (pair: ReturnType<typeof pairOf>) => (typeof pair === "object" ? pair[direction] : undefined);
    const sustained = read(rate) ?? 0;
    return limited(sustained, read(burst) ?? 0, read(threshold) ?? sustained, read(time) ?? 1);
  };
  return { up: of("rx"), down: of("tx") };
}

/**
 * Mikrotik lets `burst` pass until the average over `time` reaches `threshold`, which takes threshold × time ÷ burst
 * seconds. A bucket that lets as much pass in the same time holds what exceeds the sustained rate.
 */
function limited(sustained: number, burst: number, threshold: number, time: number): Rate | undefined {
  const rate = rateOf(sustained);
  if (rate === undefined || burst <= sustained) return rate;
  const lasting = (threshold * time) / burst;
  const larger = Math.max(rate.burst, Math.round(((burst - sustained) * lasting) / 8));
  return { ...rate, burst: Math.min(larger, bounds.burst) };
}

function pairOf(word: string | undefined, parse: (text: string) => number | undefined): Pair | "wrong" | undefined {
  if (word === undefined) return undefined;
  const [first = "", second = first, ...rest] = word.split("/");
  const [rx, tx] = [parse(first), parse(second)];
  return rx === undefined || tx === undefined || rest.length > 0 ? "wrong" : { rx, tx };
}

function bits(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)([kmg]?)$/i.exec(text);
  if (match === null) return undefined;
  const value = Math.round(Number(match[1]) * (units[(match[2] ?? "").toLowerCase()] ?? 1));
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

const seconds = (text: string): number | undefined => {
  const match = /^(\d{1,6})s?$/.exec(text);
  return match === null ? undefined : Number(match[1]);
};
