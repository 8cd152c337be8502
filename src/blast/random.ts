import { randomBytes } from "node:crypto";
import { seededWords } from "../random.js";

/** Random bytes for ids and challenges: the system's or, with a seed, the same again in every run. */
export function randomSource(seed: number | undefined): (length: number) => Uint8Array {
  if (seed === undefined) return (length) => randomBytes(length);
  const next = seededWords(seed);
  return (length) => Uint8Array.from({ length }, () => next() & 0xff);
}
