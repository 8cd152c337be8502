/** The store in a directory, by LMDB: one transaction for each write, committed by a thread of its own. */
import { mkdir } from "node:fs/promises";
import { JunctorError } from "../../errors.js";
import type { Store, StoreEntry } from "./types.js";

/** Makes the directory if it is not there. LMDB is loaded here, so that who stores nothing never loads it. */
async function openDatabase(directory: string) {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const { open } = await import("lmdb");
    return open<string, string>({ path: directory, encoding: "string", noSubdir: false });
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new JunctorError("store", `cannot keep accounting records in ${directory}: ${problem}`);
  }
}

/** @throws JunctorError if it cannot be had. */
export async function openStore(directory: string): Promise<Store> {
  const database = await openDatabase(directory);
  const entry = ({ key, value }: { key: string; value: string }): StoreEntry => [key, value];
  return {
    async write(changes) {
      if (changes.size === 0) return;
      // What is put in one turn is one transaction, and the last of its promises stands for all.
      await database.batch(() => {
        for (const [key, value] of changes)
          void (value === undefined ? database.remove(key) : database.put(key, value));
      });
    },
    read: (from, to, limit) => [...database.getRange({ start: from, end: to, limit }).map(entry)],
    last(from, to) {
      // In reverse the range is from its upper end, exclusive of the lower one, down.
      for (const found of database.getRange({ start: to, reverse: true, limit: 2 })) {
        if (found.key < to) return found.key >= from ? entry(found) : undefined;
      }
      return undefined;
    },
    async close() {
      await database.flushed;
      await database.close();
    },
  };
}
