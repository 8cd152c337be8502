/** The TUN port behind all subscribers: there while some rule terminates. */
import { isIP } from "node:net";
import { JunctorError } from "../../errors.js";
import { answerEcho } from "../../wire/icmp.js";
import { prefixesOf } from "../addresses/layout.js";
import type { Config } from "../config/types.js";
import type { Core } from "../core.js";
import type { OwnDevice } from "./records.js";
import type { Device } from "./termination.js";

/** What we are called where no address was configured (RFC 7600: the IPv4 dummy address). */
const dummyAddress = "192.0.0.8";

export const wantsDevice = (config: Config): boolean => config.policy.some(({ action }) => action.type === "terminate");

/** Opens it and sets it up. Rejects with a JunctorError that says what could not be had. */
export async function openDevice(core: Core, config: Config): Promise<Device> {
  const { name, mtu, segmentation, virtual, addresses } = config.tun;
  const { plane } = core;
  const backing = virtual ? "control" : "kernel";
  try {
    const port = await plane.port.open({ kind: "tun", name, mtu, segmentation, backing });
    const device: Device = {
      port: port.port,
      device: port.device,
      virtual,
      ipv4: addresses.find((address) => isIP(address) === 4) ?? dummyAddress,
      ipv6: addresses.find((address) => isIP(address) === 6),
      prefixes: new Set(),
    };
    const wanted = { device: port.device, addresses: [...hostAddresses(config.tun)], mtu, up: true };
    if (!virtual) await setUp(core, port.port, wanted);
    core.log.info({ name, port: port.port, backing, addresses }, "TUN port open");
    return device;
  } catch (cause) {
    const code = cause instanceof JunctorError ? cause.code : "tun";
    const mend = code === "EPERM" ? "; it needs CAP_NET_ADMIN, or `tun: { virtual: true }`" : "";
    throw new JunctorError(code, `tun ${name}: ${cause instanceof Error ? cause.message : String(cause)}${mend}`);
  }
}

/** An interface for one subscriber alone; its name is the first that is free. */
export async function openOwnDevice(core: Core, mtu: number): Promise<OwnDevice> {
  const { tun } = core.config;
  const backing = tun.virtual ? "control" : "kernel";
  for (let number = 0; ; number++) {
    const name = `ppp${number}`;
    if (core.termination.ownDevices.has(name)) continue;
    core.termination.ownDevices.add(name);
    try {
      const { port, device } = await core.plane.port.open({
        kind: "tun",
        name,
        mtu,
        segmentation: tun.segmentation,
        queues: "one",
        backing,
      });
      if (!tun.virtual) await setUp(core, port, { device, addresses: [...hostAddresses(tun)], mtu, up: true });
      return { port, name };
    } catch (error) {
      core.termination.ownDevices.delete(name);
      if (!(error instanceof JunctorError) || (error.code !== "EBUSY" && error.code !== "EEXIST")) throw error;
    }
  }
}

/** A port whose device cannot be set up is closed again. */
async function setUp(core: Core, port: number, device: Parameters<Core["plane"]["device"]["set"]>[0]): Promise<void> {
  try {
    await core.plane.device.set(device);
  } catch (error) {
    await core.plane.port.close({ port });
    throw error;
  }
}

export async function closeOwnDevice(core: Core, { port, name }: OwnDevice): Promise<void> {
  await core.plane.port.close({ port });
  core.termination.ownDevices.delete(name);
}

const hostAddresses = ({ addresses }: Config["tun"]): readonly string[] =>
  addresses.map((address) => `${address}/${isIP(address) === 4 ? 32 : 128}`);

/** Has the host route what pools have to the device, too. Rejects with what failed, and has then routed nothing more. */
export async function addRoutes(core: Core, config: Config): Promise<void> {
  const { device } = core.termination;
  if (!device || device.virtual) return;
  const added: string[] = [];
  try {
    for (const prefix of prefixesOf(config.pools)) {
      if (device.prefixes.has(prefix)) continue;
      await core.plane.device.route({ device: device.device, prefix });
      device.prefixes.add(prefix);
      added.push(prefix);
    }
  } catch (error) {
    for (const prefix of added) await removeRoute(core, device, prefix);
    throw error;
  }
}

/** Has the host no longer route what no pool of a configuration has. */
export async function keepRoutes(core: Core, config: Config): Promise<void> {
  const { device } = core.termination;
  if (!device) return;
  const wanted = new Set(prefixesOf(config.pools));
  for (const prefix of [...device.prefixes]) if (!wanted.has(prefix)) await removeRoute(core, device, prefix);
}

async function removeRoute(core: Core, device: Device, prefix: string): Promise<void> {
  device.prefixes.delete(prefix);
  try {
    await core.plane.device.unroute({ device: device.device, prefix });
  } catch (error) {
    core.log.warn({ prefix, error: String(error) }, "a route of a pool was gone already");
  }
}

/** A packet for the host, where there is no interface: our own addresses answer pings. */
export function takePacket(core: Core, port: number, bytes: Uint8Array): void {
  const answer = answerEcho(bytes, core.config.tun.addresses);
  if (answer) core.plane.inject({ to: "ip", port, bytes: answer });
  else core.counts.add("dropped-virtual-device");
}
