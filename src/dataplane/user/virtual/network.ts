/**
 * A network in memory for simulation: ends with socket addresses, and links between them that delay, lose, repeat and
 * reorder. What happens depends on the seed and on what is sent when, and on nothing else.
 */
import { JunctorError } from "../../../errors.js";
import { seededNumbers } from "../../../random.js";
import { createVirtualClock, type VirtualClock } from "./clock.js";

/** How a link treats datagrams, in one direction. Probabilities are 0 to 1, times milliseconds. */
export interface LinkConditions {
  readonly delay: number;
  /** Up to this much is added to the delay, evenly distributed. */
  readonly jitter: number;
  readonly loss: number;
  readonly duplicate: number;
  /** Such a datagram is held back by `reorderDelay`, and others overtake it. */
  readonly reorder: number;
  readonly reorderDelay: number;
}

export interface VirtualDatagram {
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
}

export interface VirtualEnd {
  readonly address: string;
  /** Copies the bytes. */
  send(to: string, bytes: Uint8Array): void;
  close(): void;
}

export interface VirtualNetwork {
  readonly clock: VirtualClock;
  /** Joins the network. @throws JunctorError EADDRINUSE */
  attach(address: string, receive: (datagram: VirtualDatagram) => void): VirtualEnd;
  has(address: string): boolean;
  /** Changes the conditions from one address to another; all others keep the general ones. */
  link(from: string, to: string, conditions: Partial<LinkConditions>): void;
  /** Changes the general conditions. */
  set(conditions: Partial<LinkConditions>): void;
  /** Called with everything that is sent, before the link decides on it. */
  tap(listener: (datagram: VirtualDatagram) => void): void;
  readonly counters: Readonly<
    Record<"sent" | "lost" | "duplicated" | "reordered" | "delivered" | "unreachable", number>
  >;
}

export interface VirtualNetworkOptions extends Partial<LinkConditions> {
  readonly seed: number;
  readonly clock?: VirtualClock;
}

const perfect: LinkConditions = { delay: 1, jitter: 0, loss: 0, duplicate: 0, reorder: 0, reorderDelay: 5 };

export function createVirtualNetwork(options: VirtualNetworkOptions): VirtualNetwork {
  const { seed, clock = createVirtualClock(), ...given } = options;
  const random = seededNumbers(seed);
  const ends = new Map<string, (datagram: VirtualDatagram) => void>();
  const links = new Map<string, Partial<LinkConditions>>();
  const taps: ((datagram: VirtualDatagram) => void)[] = [];
  const counters = { sent: 0, lost: 0, duplicated: 0, reordered: 0, delivered: 0, unreachable: 0 };
  let general: LinkConditions = { ...perfect, ...given };

  function deliver(datagram: VirtualDatagram): void {
    const receive = ends.get(datagram.to);
    counters[receive === undefined ? "unreachable" : "delivered"]++;
    receive?.(datagram);
  }

  function send(datagram: VirtualDatagram): void {
    const link: LinkConditions = { ...general, ...links.get(`${datagram.from} ${datagram.to}`) };
    counters.sent++;
    for (const tap of taps) tap(datagram);
    // Always as many numbers per datagram, so that a condition changes nothing but itself.
    const [lost, twice, late, ...jitters] = [random(), random(), random(), random(), random()];
    if (lost < link.loss) {
      counters.lost++;
      return;
    }
    const isTwice = twice < link.duplicate;
    const isLate = late < link.reorder;
    if (isTwice) counters.duplicated++;
    if (isLate) counters.reordered++;
    for (const jitter of isTwice ? jitters : jitters.slice(0, 1)) {
      const delay = link.delay + jitter * link.jitter + (isLate ? link.reorderDelay : 0);
      clock.at(clock.now() + delay, () => deliver(datagram));
    }
  }

  return {
    clock,
    counters,
    attach(address, receive) {
      if (ends.has(address)) throw new JunctorError("EADDRINUSE", `virtual address ${address} is in use`);
      ends.set(address, receive);
      return {
        address,
        send: (to, bytes) => send({ from: address, to, bytes: bytes.slice() }),
        close: () => void (ends.get(address) === receive && ends.delete(address)),
      };
    },
    has: (address) => ends.has(address),
    link: (from, to, conditions) => void links.set(`${from} ${to}`, conditions),
    set(conditions) {
      general = { ...general, ...conditions };
    },
    tap: (listener) => void taps.push(listener),
  };
}
