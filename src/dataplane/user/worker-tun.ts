/** A queue of a TUN interface in a data worker: packets in, through the path, and out. */
import { libc } from "../../system/ffi.js";
import type { Memory } from "../../system/memory.js";
import type { Path } from "./path.js";
import type { TunQueue } from "./tun-output.js";
import { headroomForUnits, together } from "./unit-egress.js";

/** Reads what is there, to a limit, and processes it. Answers whether there may be more. */
export type ReadTun = (port: number, queue: TunQueue, now: number) => boolean;

const packets = 64;
const longest = 65_536 + 64;
const areaBytes = 1 << 20;
/** A group of packets that are looked up together is no longer than this: payloads would push each other out of the cache. */
const groupBytes = 32_768;

export function createTunReader(memory: Memory, path: Path): ReadTun {
  const area = path.region.allocate(areaBytes, 4096);
  const end = area + areaBytes - headroomForUnits - longest;
  const places = new Int32Array(together);
  const lengths = new Int32Array(together);
  const { read } = libc();
  let at = area;
  let drained = false;

  /** Reads a group of packets behind each other. Answers how many. */
  function readGroup({ fd, header }: TunQueue): number {
    const most = at + groupBytes;
    let count = 0;
    for (; count < together && at < end && at < most; count++) {
      const start = at + headroomForUnits;
      const length = read(fd, memory.address + start, longest);
      if (length <= header) {
        drained = true;
        break;
      }
      places[count] = start;
      lengths[count] = length;
      at = (start + length + 63) & ~63;
    }
    return count;
  }

  return (port, queue, now) => {
    at = area;
    let all = 0;
    drained = false;
    path.begin(now);
    while (!drained && all < packets && at < end) {
      const count = readGroup(queue);
      if (count > 1) path.fetch(places, count, queue.header);
      for (let index = 0; index < count; index++) path.fromHost(port, places[index]!, lengths[index]!, queue.header);
      all += count;
    }
    path.end();
    return !drained;
  };
}
