/**
 * Identifiers of requests (RFC 2865 §3): 256 on each socket, and as many sockets as what is outstanding demands. The one
 * that has been free longest is taken next, so that late answers meet no new request.
 */
const perSocket = 256;
/** A further socket is opened before so few are left. */
const reserve = 32;

export interface Identifiers<T> {
  /** Answers a slot, `socket * 256 + identifier`, to be given an owner; undefined: all are taken. */
  take(): number | undefined;
  own(slot: number, owner: T): void;
  at(socket: number, identifier: number): T | undefined;
  give(slot: number): void;
  readonly available: boolean;
  readonly taken: number;
}

export const socketOf = (slot: number): number => Math.floor(slot / perSocket);
export const identifierOf = (slot: number): number => slot % perSocket;

export function createIdentifiers<T>(mostSockets: number): Identifiers<T> {
  const owners: (T | undefined)[] = [];
  const ring = new Uint32Array(mostSockets * perSocket);
  let first = 0;
  let free = 0;

  const put = (slot: number): void => {
    ring[(first + free++) % ring.length] = slot;
  };

  const grow = (): void => {
    const from = owners.length;
    for (let slot = from; slot < from + perSocket; slot++) {
      owners.push(undefined);
      put(slot);
    }
  };

  return {
    take() {
      if (free < reserve && owners.length < ring.length) grow();
      if (free === 0) return undefined;
      const slot = ring[first]!;
      first = (first + 1) % ring.length;
      free--;
      return slot;
    },
    own(slot, owner) {
      owners[slot] = owner;
    },
    at: (socket, identifier) => owners[socket * perSocket + identifier],
    give(slot) {
      owners[slot] = undefined;
      put(slot);
    },
    get available() {
      return free > 0 || owners.length < ring.length;
    },
    get taken() {
      return owners.length - free;
    },
  };
}
