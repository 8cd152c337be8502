/** Frames that the data path hands up, taken out of the rings of all threads. */
import { decodeSocketAddress, socketAddress4, socketAddress6, splitSocketAddress } from "../../system/sockaddr.js";
import type { Punt } from "../contract.js";
import type { Core, Port } from "./objects.js";
import { createPuntReader, type PuntRecord, puntKind } from "./punt-ring.js";
import { waitWhile } from "./wait.js";

export interface Punts {
  listen(listener: (batch: readonly Punt[]) => void): void;
  /** Hands over what is there, at most a few hundred frames. Answers whether there is more. */
  drain(): boolean;
  /** Drains whenever a worker says so, until closed. */
  follow(): void;
  close(): void;
}

/** Frames per ring and turn of the event loop: timers and the API get their turn in a flood. */
const perTurn = 256;

/** Who takes what is no frame for the gateway. */
export interface ProgramReaders {
  frame(record: number, bytes: Uint8Array): void;
  line(program: number, device: number, time: number, text: string): void;
}

export function createPunts(core: Core, programs: ProgramReaders): Punts {
  const { memory, layout, events, tunnelIds, portSlots } = core;
  const { i32, u8, f64, view } = memory;
  const readers = layout.arenas.map(({ puntRing }) => createPuntReader(memory, puntRing));
  const wake = layout.puntWake >> 2;
  let listener: (batch: readonly Punt[]) => void = () => {};
  const decoder = new TextDecoder();
  let following = false;

  function localOf(port: Port, at: number): string | undefined {
    if (at === 0) return undefined;
    const { port: number } = splitSocketAddress(port.local);
    return port.family === 4 ? socketAddress4(view.getUint32(at), number) : socketAddress6(view, at, number);
  }

  function toPunt({ kind, object, at, length, name, local, unit }: PuntRecord): Punt | undefined {
    const bytes = u8.slice(at, at + length);
    if (kind === puntKind.channel) return { origin: "channel", channel: object, bytes };
    if (kind === puntKind.unit) {
      return { origin: "unit", unit, channel: object, bytes };
    }
    if (kind === puntKind.tapIn || kind === puntKind.tapOut) {
      const direction = kind === puntKind.tapIn ? "in" : "out";
      return { origin: "tap", channel: object, direction, time: f64[local >> 3]!, bytes };
    }
    if (kind === puntKind.ip) return { origin: "ip", port: object, unit, bytes };
    const port = portSlots.get(object);
    const remote = decodeSocketAddress(view, name);
    if (port === undefined || remote === undefined) return undefined;
    return { origin: "port", port: port.handle, local: localOf(port, local), remote, bytes };
  }

  function reportFloat({ object, name }: PuntRecord): void {
    const tunnel = tunnelIds.get(object);
    const remote = decodeSocketAddress(view, name);
    if (tunnel === undefined || remote === undefined) return;
    events.emit({ type: "tunnel-float", tunnel: tunnel.handle, remote });
  }

  function drain(): boolean {
    const batch: Punt[] = [];
    let more = false;
    for (const read of readers) {
      const hasMore = read(perTurn, (record) => {
        if (record.kind === puntKind.float) {
          reportFloat(record);
          return;
        }
        if (record.kind === puntKind.xsk) {
          programs.frame(record.object, u8.slice(record.at, record.at + record.length));
          return;
        }
        if (record.kind === puntKind.trace) {
          const text = decoder.decode(u8.slice(record.at, record.at + record.length));
          programs.line(record.object, record.unit, f64[record.local >> 3]!, text);
          return;
        }
        const punt = toPunt(record);
        if (punt !== undefined) batch.push(punt);
      });
      more ||= hasMore;
    }
    if (batch.length > 0) listener(batch);
    return more;
  }

  const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

  async function run(): Promise<void> {
    while (following) {
      const seen = Atomics.load(i32, wake);
      while (following && drain()) await nextTurn();
      if (following) await waitWhile(i32, wake, seen);
      // While workers never rest, the wait is none: timers and sockets get their turn all the same.
      if (following) await nextTurn();
    }
  }

  return {
    listen(wanted) {
      listener = wanted;
    },
    drain,
    follow() {
      following = true;
      void run();
    },
    close() {
      following = false;
      Atomics.add(i32, wake, 1);
      Atomics.notify(i32, wake);
    },
  };
}
