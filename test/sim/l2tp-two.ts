/** A LAC and an LNS that agree to everything, for tests of single exchanges. */

import { createEndpoint } from "../../src/l2tp/endpoint.js";
import type { CallId, EndpointOptions, TunnelId, TunnelSettings } from "../../src/l2tp/types.js";
import { seededNumbers } from "../../src/random.js";
import { createNetwork, type Event, type Network, type Node, randomBytes } from "./l2tp-network.js";

export const lacAddress = "192.0.2.1:1701";
export const lnsAddress = "192.0.2.2:1701";
export const secret = new TextEncoder().encode("secret");

export interface Pair {
  readonly network: Network;
  readonly lac: Node;
  readonly lns: Node;
}

export function pair(settings: TunnelSettings = {}, options: Partial<EndpointOptions> = {}): Pair {
  const number = seededNumbers(1);
  const network = createNetwork(number);
  const random = randomBytes(number);
  const lac = network.add(
    lacAddress,
    createEndpoint({ hostName: "lac", random, ...options }),
    (event, endpoint, now) => {
      if (event.type === "call-accepted" && endpoint.call(event.call)?.kind === "incoming") {
        endpoint.connectCall(event.call, { txConnectSpeed: 1000, proxyAuthenName: "user@realm" }, now);
      }
      if (event.type === "call-request") {
        endpoint.acceptCall(event.call, {}, now);
        endpoint.connectCall(event.call, { txConnectSpeed: 2000 }, now);
      }
    },
  );
  const lns = network.add(
    lnsAddress,
    createEndpoint({ hostName: "lns", random, ...options }),
    (event, endpoint, now) => {
      if (event.type === "tunnel-request") endpoint.acceptTunnel(event.tunnel, settings, now);
      if (event.type === "call-request") endpoint.acceptCall(event.call, {}, now);
    },
  );
  return { network, lac, lns };
}

export const types = (node: Node): string[] => node.events.map(({ type }) => type);

export function open({ network, lac }: Pair, settings: TunnelSettings = {}): TunnelId {
  const tunnel = lac.endpoint.openTunnel({ port: 1, remote: lnsAddress, ...settings }, network.now)!;
  network.settle(lac);
  network.run(500);
  return tunnel;
}

export function call({ network, lac }: Pair, tunnel: TunnelId): CallId {
  const id = lac.endpoint.openCall(tunnel, "incoming", { callingNumber: "100", calledNumber: "200" }, network.now)!;
  network.settle(lac);
  network.run(500);
  return id;
}

export const last = <T extends Event["type"]>(node: Node, type: T): Extract<Event, { type: T }> =>
  node.events.findLast((event) => event.type === type) as Extract<Event, { type: T }>;
