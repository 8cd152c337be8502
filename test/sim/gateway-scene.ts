/** LACs and LNSs around a switch on a simulated network. */
import { expect } from "vitest";
import { parseConfig } from "../../src/gateway/config.js";
import type { Core } from "../../src/gateway/core.js";
import { assemble } from "../../src/gateway/gateway.js";
import { silentLog } from "../../src/gateway/log.js";
import type { CallingGateway, GatewayEvent } from "../../src/gateway/types.js";
import { createEndpoint } from "../../src/l2tp/index.js";
import { openEngine } from "./gateway-engine.js";
import { createPeer, type Peer, type PeerOptions } from "./gateway-peer.js";
import { createSimulatedPlane, type SimulatedPlane } from "./gateway-plane.js";
import { createWorld, type Link, type World } from "./gateway-world.js";

export const switchAddress = "10.0.0.1:1701";

export const clean: Link = { loss: 0, duplicate: 0, delay: [7, 7] };

/** Forwards everything to two LNSs. */
export const twoLns = `
host-name: switch
access: [{ name: west, l2tp: { listen: 10.0.0.1 } }]
policy: [{ forward: { lns: [10.2.0.1, 10.2.0.2] } }]
`;

export interface Scene {
  readonly world: World;
  readonly plane: SimulatedPlane;
  readonly gateway: CallingGateway;
  readonly core: Core;
  readonly events: GatewayEvent[];
  readonly lacs: readonly [Peer, Peer];
  readonly lnss: readonly [Peer, Peer];
  /** A call from a LAC, on a tunnel of its own or a given one. */
  call(options?: CallOptions): ReturnType<Peer["place"]>;
}

export interface CallOptions {
  readonly lac?: 0 | 1;
  readonly tunnel?: number;
  readonly serial?: number;
  readonly calling?: string;
  readonly user?: string;
}

export interface SceneOptions {
  readonly seed?: number;
  readonly link?: Link;
  readonly config?: string;
  /** How long operations of the simulated data plane take, milliseconds. */
  readonly latency?: readonly [number, number];
  /** Use the engine itself, whose operations take no time. */
  readonly engine?: boolean;
  readonly lac?: PeerOptions;
  readonly lns?: readonly [PeerOptions, PeerOptions];
}

export async function createScene(options: SceneOptions = {}): Promise<Scene> {
  const { seed = 1, link = clean, config = twoLns, latency = [0, 2] } = options;
  const world = createWorld(seed, link);
  const plane = options.engine ? await openEngine(world) : createSimulatedPlane(world, latency);
  const { gateway, core } = assemble({
    config: parseConfig(config).config,
    plane,
    clock: world,
    random: world.bytes,
    log: silentLog,
  });
  const events: GatewayEvent[] = [];
  void (async () => {
    for await (const event of gateway.events()) events.push(event);
  })();
  const started = gateway.start();
  await world.until(() => gateway.ready, 10_000);
  await started;

  const peer = (address: string, own: PeerOptions | undefined, greet: string) =>
    createPeer(world, createEndpoint, address, { greet, ...own });
  const lacs = [peer("10.1.0.1:1701", options.lac, "caller"), peer("10.1.0.2:1701", options.lac, "caller")] as const;
  const lnss = [
    peer("10.2.0.1:1701", options.lns?.[0], "lns1"),
    peer("10.2.0.2:1701", options.lns?.[1], "lns2"),
  ] as const;

  let serials = 0;
  const call: Scene["call"] = ({
    lac = 0,
    tunnel,
    serial = ++serials,
    calling = "100",
    user = "anna@a.example",
  } = {}) =>
    lacs[lac].place(
      tunnel ?? lacs[lac].open(switchAddress),
      { callSerialNumber: serial, callingNumber: calling, calledNumber: "200", bearerType: 1, physicalChannelId: 7 },
      { txConnectSpeed: 56_000, framingType: 1, proxyAuthenType: 2, proxyAuthenName: user },
    );
  return { world, plane, gateway, core, events, lacs, lnss, call };
}

/** Nothing is left of calls, tunnels and timers in the gateway and its data plane; the ports may still be open. */
export function expectNothingLeft({ core, plane }: Scene): void {
  expect({
    legs: core.legs.size,
    channels: core.channels.size,
    tunnels: core.tunnels.size,
    planeTunnels: core.planeTunnels.size,
    setups: core.setups.size,
    unconfirmed: core.unconfirmed.size,
    idle: core.idle.size,
    held: core.held.size,
    machine: core.endpoint.tunnels().length,
    deadline: core.endpoint.deadline(),
    lnsTunnels: [...core.plans.values()]
      .flatMap((plan) => plan.candidates.map(({ lns }) => lns.tunnels.size + lns.withRoom.size + lns.sessions))
      .reduce((sum, each) => sum + each, 0),
    internalErrors: core.counts.values()["internal-errors"] ?? 0,
    refused: core.counts.values()["data-plane-refused"] ?? 0,
    planeTunnelsLeft: plane.left().tunnels,
    planeSessionsLeft: plane.left().sessions,
    operations: plane.left().operations,
  }).toEqual({
    legs: 0,
    channels: 0,
    tunnels: 0,
    planeTunnels: 0,
    setups: 0,
    unconfirmed: 0,
    idle: 0,
    held: 0,
    machine: 0,
    deadline: undefined,
    lnsTunnels: 0,
    internalErrors: 0,
    refused: 0,
    planeTunnelsLeft: 0,
    planeSessionsLeft: 0,
    operations: 0,
  });
}

/** The data plane has what the gateway's calls and tunnels need, and no more; nothing may be under way. */
export function expectPlaneMatches({ core, plane }: Scene): void {
  const legs = [...core.legs.values()];
  const { setups, idle, channels } = core;
  expect({ ...plane.left(), setups: setups.size, idle: idle.size, channels: channels.size }).toEqual({
    ports: core.ports.list().length,
    tunnels: [...core.tunnels.values()].filter((tunnel) => tunnel.plane !== 0).length,
    sessions: legs.filter((leg) => leg.session !== 0).length,
    operations: 0,
    setups: legs.filter((leg) => (leg.setup?.slot ?? 0) !== 0).length,
    idle: [...core.tunnels.values()].filter((tunnel) => tunnel.idleSlot !== 0).length,
    channels: legs.filter((leg) => leg.channel !== 0).length,
  });
}

/** Everybody hangs up; after that long nothing may be left. */
export async function wrapUp(scene: Scene): Promise<void> {
  for (const lac of scene.lacs) {
    for (const [tunnel, state] of lac.tunnels) if (typeof state === "string") lac.closeTunnel(tunnel, { result: 1 });
  }
  await scene.world.run(400_000);
  expectNothingLeft(scene);
}
