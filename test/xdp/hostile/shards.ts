/** A campaign in several processes. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Limits } from "./arena.js";
import type { Campaign } from "./campaign.js";

const path = fileURLToPath(new URL("./shard.mjs", import.meta.url));

interface Part {
  readonly corpus: readonly Uint8Array[];
  readonly from: number;
  readonly count: number;
  readonly limits: Limits;
}

function shard(part: Part): Promise<Campaign> {
  return new Promise((resolve, reject) => {
    // Mutants die young: with more room for them, the collector runs less often.
    const child = fork(path, {
      serialization: "advanced",
      execArgv: ["--min-semi-space-size=64", "--max-semi-space-size=64"],
    });
    child.once("message", (result) => resolve(result as Campaign));
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      reject(new Error(`mutants from seed ${part.from}: ended by ${signal ?? code}`)),
    );
    child.send(part);
  });
}

/** As `attack`, in `shards` processes at a time. Memory is that of the process that grew most. */
export async function attackInShards(
  corpus: readonly Uint8Array[],
  from: number,
  count: number,
  limits: Limits,
  shards: number,
): Promise<Campaign> {
  const parts = Array.from({ length: shards }, (_, index): Part => {
    const [first, end] = [index, index + 1].map((each) => Math.floor((count * each) / shards)) as [number, number];
    return { corpus, from: from + first, count: end - first, limits };
  });
  const results = await Promise.all(parts.map(shard));
  const ends: Record<string, number> = {};
  for (const result of results) {
    for (const [end, times] of Object.entries(result.ends)) ends[end] = (ends[end] ?? 0) + times;
  }
  return {
    mutants: results.reduce((sum, { mutants }) => sum + mutants, 0),
    ends,
    findings: results.flatMap(({ findings }) => findings),
    slowest: results
      .map(({ slowest }) => slowest)
      .reduce((one, other) => (one.milliseconds > other.milliseconds ? one : other)),
    grown: Math.max(...results.map(({ grown }) => grown)),
  };
}
