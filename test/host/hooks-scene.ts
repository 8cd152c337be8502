/** What tests of programs on devices share: peers with sessions, bridged or terminated, and objects compiled for them. */
import { readFileSync } from "node:fs";
import type {
  AttachmentState,
  Dataplane,
  DeviceAttach,
  ProgramState,
  Punt,
  SessionCreate,
  UnitCreate,
} from "../../src/dataplane/index.js";
import { encodeData } from "../../src/wire/l2tp2.js";
import { compile } from "../xdp/compile.js";
import { hex, type Peer, type Rig } from "./dataplane-contract.js";

const objects = new Map<string, Uint8Array>();

/** Compiles `test/xdp/hooks/<name>.c`. */
export function hookObject(name: string): Uint8Array {
  const made = objects.get(name) ?? compile(readFileSync(new URL(`../xdp/hooks/${name}.c`, import.meta.url), "utf8"));
  objects.set(name, made);
  return made;
}

export interface Leg {
  readonly peer: Peer;
  readonly tunnel: number;
  readonly tunnelId: number;
  readonly session: number;
  readonly channel: number;
  /** As programs know it. */
  readonly device: string;
  /** The peer sends a PPP frame. */
  send(frame: Uint8Array): void;
  /** PPP frames that the peer received. */
  received(): string[];
}

export interface Subscriber extends Leg {
  readonly unit: number;
  readonly unitDevice: string;
}

export interface Loaded {
  readonly program: ProgramState;
  /** Handles of the object's maps. */
  readonly maps: Readonly<Record<string, number>>;
}

export interface Scene {
  readonly rig: Rig;
  readonly plane: Dataplane;
  readonly punts: Punt[];
  /** A TUN port with the control thread in the host's stead. */
  readonly tun: number;
  leg(attributes?: Partial<SessionCreate>, peer?: Peer): Promise<Leg>;
  bridged(west?: Partial<SessionCreate>, east?: Partial<SessionCreate>): Promise<readonly [Leg, Leg]>;
  subscriber(address: string, attributes?: Partial<UnitCreate>): Promise<Subscriber>;
  /** Loads one program of an object of `test/xdp/hooks`. */
  load(
    object: string,
    program: string,
    globals?: Record<string, unknown>,
    reuse?: Record<string, number>,
  ): Promise<Loaded>;
  attach(attributes: DeviceAttach): Promise<AttachmentState>;
  /** Number of a device by its name. */
  number(device: string): Promise<number>;
  counters(program: ProgramState): Promise<ProgramState["counters"]>;
  drops(): Readonly<Record<string, number>>;
  toHost(): string[];
  fromHost(packet: Uint8Array): void;
}

export async function createScene(rig: Rig): Promise<Scene> {
  const { plane, port } = rig;
  const punts: Punt[] = [];
  plane.onPunt((batch) => punts.push(...batch));
  const { port: tun } = await plane.port.open({ kind: "tun", name: "tun-test", backing: "control" });
  let lastTunnelId = 0;

  async function leg(attributes: Partial<SessionCreate> = {}, from?: Peer): Promise<Leg> {
    const peer = from ?? (await rig.peer());
    const tunnelId = ++lastTunnelId;
    const ends = { port: port.port, remote: peer.address, tunnelId, peerTunnelId: tunnelId + 1000 };
    const { tunnel } = await plane.tunnel.create(ends);
    const { session, channel } = await plane.session.create({
      tunnel,
      sessionId: 5,
      peerSessionId: 0xff05,
      ...attributes,
    });
    return {
      peer,
      tunnel,
      tunnelId,
      session,
      channel: channel!,
      device: `channel/${channel}`,
      send: (frame) => peer.send(port.local, encodeData({ tunnelId, sessionId: 5 }, frame)),
      received: () => peer.received.map((message) => message.slice(12)),
    };
  }

  return {
    rig,
    plane,
    punts,
    tun,
    leg,
    async bridged(west = {}, east = {}) {
      const legs = [await leg(west), await leg(east)] as const;
      await plane.channel.bridge({ channel: legs[0].channel, with: legs[1].channel });
      return legs;
    },
    async subscriber(address, attributes = {}) {
      const one = await leg();
      const { unit, name } = await plane.unit.create({ port: tun, ipv4: true, ipv6: true, ...attributes });
      await plane.route.add({ prefix: address, unit });
      await plane.channel.connect({ channel: one.channel, unit });
      return { ...one, unit, unitDevice: `unit/${name}` };
    },
    async load(object, program, globals = {}, reuse = {}) {
      const loaded = await plane.program.load({ object: hookObject(object), programs: [program], globals, reuse });
      return {
        program: loaded.programs[0]!,
        maps: Object.fromEntries(loaded.maps.map(({ name, map }) => [name, map])),
      };
    },
    attach: (attributes) => plane.device.attach(attributes),
    async number(device) {
      const found = (await plane.device.names()).find(({ name }) => name === device);
      if (found === undefined) throw new Error(`no device ${device}`);
      return found.device;
    },
    counters: async ({ program }) => (await plane.program.get({ program })).counters,
    drops: () => plane.drops(),
    toHost: () => punts.flatMap((punt) => (punt.origin === "ip" ? [hex(punt.bytes)] : [])),
    fromHost: (bytes) => plane.inject({ to: "ip", port: tun, bytes }),
  };
}

/** Little-endian words, as map keys and values. */
export const words = (...values: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value, true);
  return bytes;
};

export const ppp4 = (packet: Uint8Array): Uint8Array => Buffer.concat([Buffer.from("ff030021", "hex"), packet]);
export const ppp6 = (packet: Uint8Array): Uint8Array => Buffer.concat([Buffer.from("ff030057", "hex"), packet]);
