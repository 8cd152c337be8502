/** The way to the host: IP packets leave through TUN ports at the end of a batch. */
import { type Libc, libc } from "../../system/ffi.js";
import type { Region } from "../../system/memory.js";
import { openWriteRing, type WriteRing, writeRingBytes } from "../../system/write-ring.js";
import type { Sum } from "./checksum.js";
import { createCoalescer, joining } from "./coalesce.js";
import { type Context, createDropCounter } from "./context.js";
import { drop } from "./drops.js";
import { fate } from "./hooks/fate.js";
import type { Hooks } from "./hooks/hooks.js";
import { backing, portCounter, port as portRecord, portState } from "./layout.js";
import { type PuntWriter, puntKind } from "./punt-ring.js";

/** One queue of a TUN interface. */
export interface TunQueue {
  readonly fd: number;
  /** Length of the virtio_net_hdr before each packet, or 0. */
  readonly header: number;
  /** Whether the host takes super-packets of TCP and UDP. */
  readonly tcp: boolean;
  readonly udp: boolean;
}

export interface TunOutput {
  attach(port: number, queue: TunQueue): void;
  detach(port: number): void;
  /** Queues the IP packet at `at`, sound and from the unit with this handle; it must stay there until `flush`. */
  add(port: number, unit: number, at: number, length: number): boolean;
  flush(): void;
}

const mostPlain = 128;

/** Punts of a TUN port without a host leave half of the ring to what matters more. */
export function createTunOutput(
  context: Context,
  region: Region,
  sum: Sum,
  punts: PuntWriter,
  reserve: number,
  hooks: () => Hooks,
): TunOutput {
  const { memory, layout, arena } = context;
  const { u32, f64 } = memory;
  const drops = createDropCounter(context);
  const queues: (TunQueue | undefined)[] = [];
  const records = layout.ports >> 2;
  const counters = arena.portCounters >> 3;

  /** Packets of ports without headers: port, place and length of each. */
  const plain = new Int32Array(3 * mostPlain);
  let plainCount = 0;
  let system: Libc | undefined;
  /** From the first port to the last; without it, where the kernel has none, each packet is a call. */
  let ring: WriteRing | undefined;
  const ringArea = region.allocate(writeRingBytes, 4096);

  const write = (port: number, vectors: number, count: number): boolean => {
    const queue = queues[port];
    return queue !== undefined && system!.writev(queue.fd, memory.address + vectors, count) > 0;
  };

  function written(port: number, packets: number, bytes: number, ok: boolean): void {
    const counter = counters + port * portCounter.count;
    if (ok) {
      f64[counter + portCounter.txPackets]! += packets;
      f64[counter + portCounter.txBytes]! += bytes;
    } else {
      f64[counter + portCounter.txErrors]! += packets;
      drops.leaving(drop["tun-error"], packets);
    }
  }

  const coalescer = createCoalescer(region, sum, write, written);

  function flushPlain(): void {
    const { address } = memory;
    const { write: writeOne } = system!;
    for (let index = 0; index < plainCount; ) {
      const port = plain[index * 3]!;
      const { fd } = queues[port]!;
      let packets = 0;
      let bytes = 0;
      for (; index < plainCount && plain[index * 3] === port; index++) {
        const length = plain[index * 3 + 2]!;
        if (writeOne(fd, address + plain[index * 3 + 1]!, length) > 0) {
          packets++;
          bytes += length;
        } else written(port, 1, length, false);
      }
      written(port, packets, bytes, true);
    }
    plainCount = 0;
  }

  /** As `flushPlain`, by a system call for many packets. */
  function submitPlain(through: WriteRing): void {
    for (let first = 0; first < plainCount; ) {
      const end = Math.min(first + through.entries, plainCount);
      for (let index = first; index < end; index++) {
        through.add(queues[plain[index * 3]!]!.fd, plain[index * 3 + 1]!, plain[index * 3 + 2]!);
      }
      const done = through.submit();
      for (let index = first; index < end; ) {
        const port = plain[index * 3]!;
        let packets = 0;
        let bytes = 0;
        for (; index < end && plain[index * 3] === port; index++) {
          const length = plain[index * 3 + 2]!;
          if (index - first < done && through.result(index - first) > 0) {
            packets++;
            bytes += length;
          } else written(port, 1, length, false);
        }
        written(port, packets, bytes, true);
      }
      if (done < end - first) {
        through.close();
        ring = undefined;
      }
      first = end;
    }
    plainCount = 0;
  }

  function flushQueued(): void {
    if (ring === undefined) flushPlain();
    else submitPlain(ring);
  }

  function flush(): void {
    if (plainCount > 0) flushQueued();
    coalescer.flush();
  }

  /** To the control thread, which stands for the host. */
  function punt(port: number, unit: number, at: number, length: number): boolean {
    const handle = u32[records + port * portRecord.words + portRecord.handle]!;
    const taken = punts.write(puntKind.ip, handle, at, length, 0, 0, reserve, unit);
    if (taken) written(port, 1, length, true);
    else drops.leaving(drop["punt-overflow"]);
    return taken;
  }

  return {
    attach(port, queue) {
      system = libc();
      if (queues.every((other) => other === undefined)) {
        ring = openWriteRing(memory, ringArea);
      }
      queues[port] = queue;
    },
    detach(port) {
      flush();
      queues[port] = undefined;
      if (queues.some((other) => other !== undefined)) return;
      ring?.close();
      ring = undefined;
    },
    add(port, unit, first, firstLength) {
      let at = first;
      let length = firstLength;
      if (hooks().seesPortOut(port)) {
        if (hooks().hostOut(port, at, length) !== fate.passed) return false;
        at = hooks().frame.at;
        length = hooks().frame.length;
      }
      const record = records + port * portRecord.words;
      if (u32[record + portRecord.state] !== portState.up) {
        drops.leaving(drop["device-down"]);
        return false;
      }
      if (u32[record + portRecord.backing] === backing.control) return punt(port, unit, at, length);
      const queue = queues[port];
      if (queue === undefined) {
        drops.leaving(drop["port-closed"]);
        return false;
      }
      if (queue.header === 0) {
        if (plainCount === mostPlain) flushQueued();
        plain[plainCount * 3] = port;
        plain[plainCount * 3 + 1] = at;
        plain[plainCount * 3 + 2] = length;
        plainCount++;
        return true;
      }
      const joins = (queue.tcp ? joining.tcp : 0) | (queue.udp ? joining.udp : 0);
      coalescer.add(port, queue.header, joins, at, length);
      return true;
    },
    flush,
  };
}
