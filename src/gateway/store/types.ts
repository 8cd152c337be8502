/** A small ordered map on disk. Keys and values are text; keys are in the order of their bytes. */
export interface Store {
  /** All of it or nothing; undefined removes. Resolves when a crash of this process can no longer lose it. */
  write(changes: ReadonlyMap<string, string | undefined>): Promise<void>;
  /** At most `limit` entries with `from` ≤ key < `to`, in order. Sees what has been written. */
  read(from: string, to: string, limit: number): readonly StoreEntry[];
  /** The last entry with `from` ≤ key < `to`. */
  last(from: string, to: string): StoreEntry | undefined;
  close(): Promise<void>;
}

export type StoreEntry = readonly [key: string, value: string];
