/** A seeded network of L2TP endpoints on a virtual clock: links lose, duplicate and reorder, and every step can be watched. */
import type { Datagram, Endpoint, Output } from "../../src/l2tp/types.js";

export const randomBytes =
  (number: () => number) =>
  (length: number): Uint8Array =>
    Uint8Array.from({ length }, () => Math.floor(number() * 256));

export interface Link {
  /** Probabilities from 0 to 1. */
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
  /** Milliseconds one way; a reordered datagram takes up to five times as long. */
  readonly delay: number;
}

export const perfect: Link = { loss: 0, duplication: 0, reordering: 0, delay: 5 };

export type Event = Exclude<Output, { type: "send" }>;

export interface Node {
  readonly address: string;
  endpoint: Endpoint;
  /** The policy: answers events by commands. */
  react: (event: Event, endpoint: Endpoint, now: number) => void;
  readonly events: Event[];
}

interface Flight {
  readonly at: number;
  readonly order: number;
  readonly to: string;
  readonly datagram: Datagram;
}

export interface Network {
  now: number;
  link: Link;
  readonly nodes: Map<string, Node>;
  /** Every datagram sent, as `from>to hex`; undefined: not recorded. */
  trace: string[] | undefined;
  /** Rewrites addresses on the way, as a NAT does; undefined: lost. */
  translate: (from: string, to: string) => readonly [from: string, to: string] | undefined;
  /** Called between what a node is told and what it says to that. */
  interrupt: (node: Node) => void;
  add(address: string, endpoint: Endpoint, react?: Node["react"]): Node;
  /** Delivers and collects what `node` has to say now, after commands. */
  settle(node: Node): void;
  /** Sends bytes that no endpoint wrote. */
  inject(from: string, to: string, bytes: Uint8Array): void;
  /** One step: the next datagram or deadline, at most until `until`. False if there is nothing more. */
  step(until: number): boolean;
  run(milliseconds: number, watch?: () => void): void;
}

export function createNetwork(number: () => number, link: Link = perfect): Network {
  let flights: Flight[] = [];
  let order = 0;

  const launch = (to: string, datagram: Datagram): void => {
    const { delay, reordering } = network.link;
    const late = number() < reordering ? 1 + 4 * number() : 1;
    flights.push({ at: network.now + delay * late, order: order++, to, datagram });
  };

  const network: Network = {
    now: 0,
    link,
    nodes: new Map(),
    trace: undefined,
    translate: (from, to) => [from, to],
    interrupt: () => {},
    add(address, endpoint, react = () => {}) {
      const node: Node = { address, endpoint, react, events: [] };
      network.nodes.set(address, node);
      return node;
    },
    settle(node) {
      for (let outputs = node.endpoint.take(); outputs.length > 0; outputs = node.endpoint.take()) {
        for (const output of outputs) {
          if (output.type === "send") {
            network.inject(node.address, output.remote, output.bytes.slice());
          } else {
            node.events.push(output);
            node.react(output, node.endpoint, network.now);
          }
        }
      }
    },
    inject(from, to, bytes) {
      network.trace?.push(`${network.now} ${from}>${to} ${Buffer.from(bytes).toString("hex")}`);
      const route = network.translate(from, to);
      if (route === undefined || number() < network.link.loss) return;
      const datagram: Datagram = { port: 1, remote: route[0], bytes };
      launch(route[1], datagram);
      if (number() < network.link.duplication) launch(route[1], datagram);
    },
    step(until) {
      let next = until;
      let flight: Flight | undefined;
      let due: Node | undefined;
      for (const each of flights) {
        if (each.at < next || (each.at === next && (flight === undefined || each.order < flight.order))) {
          flight = each;
          next = each.at;
        }
      }
      for (const node of network.nodes.values()) {
        const deadline = node.endpoint.deadline();
        if (deadline !== undefined && deadline < next) {
          due = node;
          next = Math.max(deadline, network.now);
        }
      }
      network.now = next;
      if (due) {
        due.endpoint.expire(next);
        network.interrupt(due);
        network.settle(due);
      } else if (flight) {
        flights = flights.filter((each) => each !== flight);
        const node = network.nodes.get(flight.to);
        if (node) {
          node.endpoint.handle(flight.datagram, next);
          network.interrupt(node);
          network.settle(node);
        }
      } else return false;
      return true;
    },
    run(milliseconds, watch) {
      const until = network.now + milliseconds;
      while (network.step(until)) watch?.();
    },
  };
  return network;
}
