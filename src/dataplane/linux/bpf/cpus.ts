import { readFileSync } from "node:fs";

let possible: number | undefined;

/** How many CPUs the kernel could have: so many values a per-CPU map has for each key. */
export function possibleCpus(): number {
  possible ??= countCpus(readFileSync("/sys/devices/system/cpu/possible", "latin1"));
  return possible;
}

/** Of a list as `0-3,8`. */
export function countCpus(list: string): number {
  const ranges = list
    .trim()
    .split(",")
    .map((range) => range.split("-").map(Number));
  return ranges.reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0);
}
