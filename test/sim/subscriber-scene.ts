/** Subscribers behind a LAC who dial in to a gateway that terminates them, on a simulated network. */
import { parseConfig } from "../../src/gateway/config.js";
import type { Core } from "../../src/gateway/core.js";
import { assemble } from "../../src/gateway/gateway.js";
import { silentLog } from "../../src/gateway/log.js";
import type { CallingGateway, GatewayEvent } from "../../src/gateway/types.js";
import { createEndpoint } from "../../src/l2tp/index.js";
import type { CallId } from "../../src/l2tp/types.js";
import { createLink, createNetwork, isLinkProtocol, parseFrame } from "../../src/ppp/index.js";
import type {
  AuthProtocol,
  LinkEnd,
  LinkSettings,
  Network,
  NetworkOutput,
  Link as PppLink,
} from "../../src/ppp/types.js";
import { openEngine } from "./gateway-engine.js";
import { createPeer, type Peer } from "./gateway-peer.js";
import type { SimulatedPlane } from "./gateway-plane.js";
import { clean, switchAddress } from "./gateway-scene.js";
import { createWorld, type Link, type World } from "./gateway-world.js";

export interface SubscriberOptions {
  readonly user?: string;
  readonly password?: string;
  readonly allow?: readonly AuthProtocol[];
  readonly ipv6?: boolean;
  readonly multilink?: boolean;
  /** What tells its endpoint from others; by default the user's name. */
  readonly discriminator?: string;
  /** It joins a bundle that has its addresses already. */
  readonly joins?: boolean;
  readonly tunnel?: number;
}

export interface Subscriber {
  readonly call: CallId;
  readonly link: PppLink;
  network: Network | undefined;
  address: string | undefined;
  interfaceId: string | undefined;
  ended: LinkEnd | undefined;
  /** IP packets received. */
  readonly packets: Uint8Array[];
  send(packet: Uint8Array): void;
  hangUp(): void;
}

export interface SubscriberScene {
  readonly world: World;
  readonly plane: SimulatedPlane;
  readonly gateway: CallingGateway;
  readonly core: Core;
  readonly events: GatewayEvent[];
  readonly lac: Peer;
  dial(options?: SubscriberOptions): Subscriber;
  /** Dials and waits until there is an address, at most a minute. */
  dialIn(options?: SubscriberOptions): Promise<Subscriber>;
}

const counters = { restartTimer: 3000, maxConfigure: 10, maxTerminate: 2, maxFailure: 5 } as const;

export async function createSubscriberScene(config: string, seed = 1, link: Link = clean): Promise<SubscriberScene> {
  const world = createWorld(seed, link);
  const plane = await openEngine(world);
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
  await gateway.start();

  const subscribers = new Map<CallId, Subscriber & { take(bytes: Uint8Array): void; begin(): void }>();
  const lac = createPeer(world, createEndpoint, "10.1.0.1:1701", {
    frames: (call, bytes) => subscribers.get(call)?.take(bytes),
    up: (call) => subscribers.get(call)?.begin(),
  });
  let serial = 0;
  let common: number | undefined;

  function dial(options: SubscriberOptions = {}): Subscriber {
    const { user = "anna", password = "secret", allow = ["pap", "chap-md5"], ipv6 = false } = options;
    const discriminator = new TextEncoder().encode(options.discriminator ?? user);
    common ??= lac.open(switchAddress);
    const tunnel = options.tunnel ?? common;
    const { call } = lac.place(
      tunnel,
      { callSerialNumber: ++serial, callingNumber: String(serial), calledNumber: "200", bearerType: 1 },
      { txConnectSpeed: 56_000, framingType: 1 },
    );
    const settings: LinkSettings = {
      ...counters,
      mru: 1500,
      magicNumber: true,
      protocolFieldCompression: false,
      addressAndControlFieldCompression: false,
      authenticate: [],
      name: user,
      credentials: { password: new TextEncoder().encode(password), allow },
      multilink: options.multilink
        ? { mrru: 1500, shortSequence: false, discriminator: { class: 1, address: discriminator } }
        : undefined,
      passive: false,
      echoInterval: 0,
      echoFailures: 3,
      authenticationTimeout: 60_000,
      rechallengeInterval: 0,
    };
    const pppLink = createLink(settings, world.bytes);
    let disarm: (() => void) | undefined;

    const onNetwork = (output: NetworkOutput): void => {
      if (output.type === "send") lac.sendFrame(call, output.bytes);
      else if (output.type === "ipv4-up") subscriber.address = output.local;
      else if (output.type === "ipv6-up") subscriber.interfaceId = output.localInterfaceId;
      else if (output.type === "unknown-protocol")
        pppLink.rejectProtocol(output.protocol, output.information, world.now());
    };

    const settle = (): void => {
      for (const output of pppLink.take()) {
        if (output.type === "send") lac.sendFrame(call, output.bytes);
        else if (output.type === "down") subscriber.ended = output.reason;
        else if (output.type === "network" && !options.joins) {
          subscriber.network = createNetwork(
            { ...counters, mpls: false, client: true },
            {
              ipv4: { local: "0.0.0.0", peer: "0.0.0.0", dns: [], nbns: [] },
              ipv6: ipv6 ? { localInterfaceId: "00000000000000aa", peerInterfaceId: undefined } : undefined,
            },
            world.bytes,
          );
          subscriber.network.open(world.now());
        }
      }
      for (const output of subscriber.network?.take() ?? []) onNetwork(output);
      disarm?.();
      const at = Math.min(pppLink.deadline() ?? Infinity, subscriber.network?.deadline() ?? Infinity);
      disarm =
        at === Infinity
          ? undefined
          : world.schedule(at, () => {
              disarm = undefined;
              if ((pppLink.deadline() ?? Infinity) <= world.now()) pppLink.expire(world.now());
              if ((subscriber.network?.deadline() ?? Infinity) <= world.now()) subscriber.network?.expire(world.now());
              settle();
            });
    };

    const subscriber = {
      call,
      link: pppLink,
      network: undefined as Network | undefined,
      address: undefined as string | undefined,
      interfaceId: undefined as string | undefined,
      ended: undefined as LinkEnd | undefined,
      packets: [] as Uint8Array[],
      begin() {
        pppLink.open(world.now());
        settle();
      },
      take(bytes: Uint8Array) {
        const frame = parseFrame(bytes);
        if (!frame) return;
        if (frame.protocol === 0x21 || frame.protocol === 0x57) subscriber.packets.push(bytes.slice(frame.at));
        else if (isLinkProtocol(frame.protocol)) pppLink.handle(bytes, world.now());
        else subscriber.network?.handle(bytes, world.now());
        settle();
      },
      send(packet: Uint8Array) {
        const protocol = packet[0]! >> 4 === 4 ? 0x21 : 0x57;
        lac.sendFrame(call, Uint8Array.from([0xff, 0x03, 0x00, protocol, ...packet]));
      },
      hangUp() {
        pppLink.close(world.now());
        settle();
      },
    };
    subscribers.set(call, subscriber);
    return subscriber;
  }

  return {
    world,
    plane,
    gateway,
    core,
    events,
    lac,
    dial,
    async dialIn(options) {
      const subscriber = dial(options);
      await world.until(() => subscriber.address !== undefined || subscriber.ended !== undefined, 60_000);
      await world.run(1000);
      return subscriber;
    },
  };
}
