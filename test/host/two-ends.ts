/** Two engines in namespaces of their own, joined by a veth pair: units on TUN interfaces, the kernel's own IP on top. */
import { type Dataplane, openDataplane, type PortState, type UnitCreate } from "../../src/dataplane/index.js";
import { inside } from "../peers/inside.js";
import { createNamespace, link, type Namespace } from "../peers/netns.js";
import type { Undo } from "../peers/undo.js";

export interface EndUnit {
  readonly unit: number;
  /** In the order of the links. */
  readonly channels: readonly number[];
}

export interface TwoEnd {
  readonly space: Namespace;
  readonly plane: Dataplane;
  readonly tun: PortState;
  /** In the order asked for; number n has the address 10.8.n.1 in the west and 10.8.n.2 in the east. */
  readonly units: readonly EndUnit[];
}

export interface WantedUnit {
  /** Each in a tunnel of its own, between sockets of its own. Default 1. */
  readonly links?: number;
  readonly west?: Partial<UnitCreate>;
  readonly east?: Partial<UnitCreate>;
}

export const addressOf = (side: "west" | "east", unit: number): string => `10.8.${unit}.${side === "west" ? 1 : 2}`;

/** Opens both ends with these units. */
export async function twoEnds(
  undo: Undo,
  workers: number,
  wanted: readonly WantedUnit[],
): Promise<{ readonly west: TwoEnd; readonly east: TwoEnd }> {
  const sides = ["west", "east"] as const;
  const spaces = { west: await createNamespace(undo, "west"), east: await createNamespace(undo, "east") };
  const hosts = { west: "192.0.2.1", east: "192.0.2.2" };
  const ends = sides.map((side) => ({ space: spaces[side], name: "veth0", addresses: [`${hosts[side]}/24`] }));
  await link(ends[0]!, ends[1]!);

  const links = Math.max(...wanted.map(({ links = 1 }) => links));
  async function open(side: "west" | "east"): Promise<TwoEnd> {
    const other = side === "west" ? "east" : "west";
    const space = spaces[side];
    const plane = await openDataplane({ workers, capacity: { sessions: 64 } });
    undo.defer(() => plane.close());
    const [tun, ...ports] = await inside(space, () =>
      Promise.all([
        plane.port.open({ kind: "tun", name: "jtun0", mtu: 1400 }),
        ...Array.from({ length: links }, (_, index) => plane.port.open({ local: `${hosts[side]}:${1701 + index}` })),
      ]),
    );
    await plane.device.set({
      device: tun.device,
      addresses: wanted.map((_, unit) => `${addressOf(side, unit)}/32`),
    });
    const tunnels = await Promise.all(
      ports.map(async ({ port }, index) => {
        const ids = { tunnelId: index + 1, peerTunnelId: index + 1 };
        return (await plane.tunnel.create({ port, remote: `${hosts[other]}:${1701 + index}`, ...ids })).tunnel;
      }),
    );
    const units: EndUnit[] = [];
    for (const [number, attributes] of wanted.entries()) {
      const { unit } = await plane.unit.create({ port: tun.port, ipv4: true, ...attributes[side] });
      await plane.route.add({ prefix: `${addressOf(other, number)}/32`, unit, kernel: true });
      const channels: number[] = [];
      for (const tunnel of tunnels.slice(0, attributes.links ?? 1)) {
        const ids = { sessionId: number + 1, peerSessionId: number + 1 };
        const { channel } = await plane.session.create({ tunnel, ...ids });
        await plane.channel.connect({ channel: channel!, unit });
        channels.push(channel!);
      }
      units.push({ unit, channels });
    }
    return { space, plane, tun, units };
  }
  return { west: await open("west"), east: await open("east") };
}
