/** A LAC and an LNS over a link, and what a whole life of their control connections and calls amounts to. */

import { createEndpoint, restoreEndpoint } from "../../src/l2tp/endpoint.js";
import type { CallId, Ended, EndpointOptions, TunnelSettings } from "../../src/l2tp/types.js";
import { seededNumbers } from "../../src/random.js";
import { createNetwork, type Event, type Link, type Network, type Node, perfect, randomBytes } from "./l2tp-network.js";

export const lacAddress = "192.0.2.1:1701";
export const lnsAddress = "192.0.2.2:1701";

export interface Plan {
  readonly seed: number;
  readonly link: Link;
  readonly tunnels: number;
  readonly callsPerTunnel: number;
  readonly settings: TunnelSettings;
  /** Probability, each step, that an endpoint is replaced by one restored from its snapshot. */
  readonly restore: number;
  /** Records every datagram. */
  readonly trace: boolean;
}

/** A call as one side saw it. */
export interface Leg {
  up: boolean;
  ended: Ended | undefined;
}

export interface Outcome {
  readonly network: Network;
  readonly lac: Node;
  readonly lns: Node;
  /** By the number that was dialled, which is how the two sides' views of a call are put together. */
  readonly calls: Map<string, { lac: Leg; lns: Leg | undefined }>;
  /** What was wrong after some step; empty if the invariants held. */
  readonly broken: string[];
  readonly trace: readonly string[];
}

/** Longer than any set-up and any giving up takes, milliseconds. */
const settling = 120_000;

export function play(plan: Plan): Outcome {
  const linkNumbers = seededNumbers(plan.seed);
  const network = createNetwork(linkNumbers, plan.link);
  if (plan.trace) network.trace = [];
  const options = (hostName: string, seed: number): EndpointOptions => ({
    hostName,
    random: randomBytes(seededNumbers(seed)),
  });
  const optionsOf = new Map([
    [lacAddress, options("lac", plan.seed ^ 0x1ac)],
    [lnsAddress, options("lns", plan.seed ^ 0x125)],
  ]);
  const calls: Outcome["calls"] = new Map();
  const numbers = { lac: new Map<CallId, string>(), lns: new Map<CallId, string>() };
  const legOf = (side: "lac" | "lns", call: CallId): Leg => calls.get(numbers[side].get(call)!)![side]!;
  const note = (side: "lac" | "lns", event: Event): void => {
    if (event.type === "call-up") legOf(side, event.call).up = true;
    if (event.type === "call-down") legOf(side, event.call).ended = event.ended;
  };

  const lac = network.add(lacAddress, createEndpoint(optionsOf.get(lacAddress)!), (event, endpoint, now) => {
    note("lac", event);
    if (event.type === "call-accepted") endpoint.connectCall(event.call, { txConnectSpeed: 1000 }, now);
  });
  const lns = network.add(lnsAddress, createEndpoint(optionsOf.get(lnsAddress)!), (event, endpoint, now) => {
    if (event.type === "tunnel-request") endpoint.acceptTunnel(event.tunnel, plan.settings, now);
    if (event.type === "call-request") {
      const number = event.avps.calledNumber!;
      numbers.lns.set(event.call, number);
      calls.get(number)!.lns = { up: false, ended: undefined };
      endpoint.acceptCall(event.call, {}, now);
    }
    note("lns", event);
  });

  const broken: string[] = [];
  const restoreNumbers = seededNumbers(plan.seed ^ 0x5a5a);
  const restore = (node: Node): void => {
    if (restoreNumbers() >= plan.restore) return;
    const state = structuredClone(node.endpoint.snapshot());
    node.endpoint = restoreEndpoint(state, optionsOf.get(node.address)!);
  };
  network.interrupt = restore;
  const watch = (): void => {
    for (const node of [lac, lns]) {
      broken.push(...invariants(node, network.now));
      restore(node);
    }
  };

  for (let t = 0; t < plan.tunnels; t++) {
    const tunnel = lac.endpoint.openTunnel({ port: 1, remote: lnsAddress, ...plan.settings }, network.now)!;
    for (let c = 0; c < plan.callsPerTunnel; c++) {
      const number = `${t}-${c}`;
      const call = lac.endpoint.openCall(tunnel, "incoming", { calledNumber: number }, network.now)!;
      numbers.lac.set(call, number);
      calls.set(number, { lac: { up: false, ended: undefined }, lns: undefined });
    }
  }
  network.settle(lac);
  network.run(settling, watch);

  // With nothing lost any more, whatever one side alone believes in must be found out.
  network.link = perfect;
  network.run(settling / 2, watch);
  for (const [number, { lac: caller, lns: called }] of calls) {
    const alive = (leg: Leg | undefined): boolean => leg?.up === true && leg.ended === undefined;
    if (alive(caller) !== alive(called)) broken.push(`call ${number} lives on one side alone`);
  }
  network.link = plan.link;

  // Half of the calls are hung up by either side, the rest end with their tunnels.
  const established = (node: Node) => node.endpoint.tunnels().flatMap(({ tunnel }) => node.endpoint.calls(tunnel));
  for (const [node, parity] of [
    [lac, 0],
    [lns, 1],
  ] as const) {
    for (const { call, sessionId } of established(node)) {
      if (sessionId % 4 === parity) node.endpoint.closeCall(call, { result: 3 }, network.now);
    }
    network.settle(node);
  }
  network.run(settling / 4, watch);
  for (const { tunnel } of lac.endpoint.tunnels()) lac.endpoint.closeTunnel(tunnel, { result: 6 }, network.now);
  network.settle(lac);
  network.run(2 * settling, watch);
  return { network, lac, lns, calls, broken, trace: network.trace ?? [] };
}

/** What must hold at any time, as far as it shows from outside. */
function invariants({ endpoint, address }: Node, now: number): string[] {
  const broken: string[] = [];
  const { calls, tunnels } = endpoint.population();
  const all = endpoint.tunnels();
  const expect = (holds: boolean, what: string): void => {
    if (!holds) broken.push(`${now} ${address}: ${what}`);
  };
  expect(all.length === tunnels, "tunnels are counted");
  expect(all.reduce((sum, tunnel) => sum + tunnel.calls, 0) === calls, "calls are counted");
  for (const { transport, state, calls } of all) {
    expect(transport.congestionWindow >= 1 && transport.congestionWindow <= transport.window, "congestion window");
    expect(state !== "closing" || calls === 0, "a closing tunnel has no calls");
  }
  expect(endpoint.take().length === 0, "everything was taken");
  const deadline = endpoint.deadline();
  expect(
    all.length === 0 ? deadline === undefined : deadline !== undefined,
    "a deadline if and only if there is a tunnel",
  );
  expect(deadline === undefined || deadline >= now, "a deadline is not in the past");
  return broken;
}

/** How a call went, over both sides: the pair of their verdicts. */
export function verdict({ lac, lns }: { lac: Leg; lns: Leg | undefined }): string {
  const side = (leg: Leg | undefined): string => {
    if (leg === undefined) return "unheard";
    return leg.up ? "up" : "failed";
  };
  return `${side(lac)}/${side(lns)}`;
}
