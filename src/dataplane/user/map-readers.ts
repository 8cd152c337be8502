/** Readers of ring buffers, perf event arrays and xskmaps in the control thread. */
import type { XdpMap } from "../../xdp/maps/store.js";
import { refuse } from "../errors.js";
import { waitWhile } from "./wait.js";

interface Reader {
  readonly listeners: Set<(record: Uint8Array) => void>;
  stop(): void;
}

/** By handle of the map. */
export type MapReaders = Map<number, Reader>;

/** Records per turn of the event loop: others get theirs, too. */
const perTurn = 1024;

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Reads a map's records until stopped, and waits for them without a timer. */
function follow(i32: Int32Array, map: XdpMap, give: (record: Uint8Array) => void): () => void {
  let reading = true;
  const words = map.wakeWords();
  map.retain();

  async function run(): Promise<void> {
    while (reading) {
      const seen = words.map((word) => Atomics.load(i32, word));
      while (reading && map.consume(give, perTurn) === perTurn) await nextTurn();
      if (!reading) break;
      await Promise.race(words.map((word, index) => waitWhile(i32, word, seen[index]!)));
      // While there is always more, the wait is none: timers and sockets get their turn all the same.
      await nextTurn();
    }
    map.release();
  }

  void run();
  return () => {
    reading = false;
    for (const word of words) {
      Atomics.add(i32, word, 1);
      Atomics.notify(i32, word);
    }
  };
}

/** Has a listener get a map's records from now on; answers what ends it. */
export function consumeMap(
  i32: Int32Array,
  readers: MapReaders,
  map: XdpMap,
  listener: (record: Uint8Array) => void,
): () => void {
  const { type } = map.spec;
  if (type !== "ringbuf" && type !== "perf_event_array" && type !== "xskmap") {
    refuse("EOPNOTSUPP", `map ${map.id} (${map.spec.name})`, `a map of type ${type} has no records to read`);
  }
  let reader = readers.get(map.id);
  if (reader === undefined) {
    const listeners = new Set<(record: Uint8Array) => void>();
    const give = (record: Uint8Array): void => {
      for (const each of listeners) each(record);
    };
    reader = { listeners, stop: type === "xskmap" ? () => {} : follow(i32, map, give) };
    readers.set(map.id, reader);
  }
  const { listeners, stop } = reader;
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    readers.delete(map.id);
    stop();
  };
}
