/** The UDP ports that tunnels live on: those of the access entries, and those that tunnels to LNSs are opened from. */
import type { PortKind } from "../dataplane/attributes.js";
import type { Dataplane } from "../dataplane/contract.js";
import { JunctorError } from "../errors.js";
import { parsePrefixes, splitAddress } from "./config/address.js";
import type { AccessConfig, Config } from "./config/types.js";
import { defaultSources, wantedPorts } from "./config/wanted-ports.js";
import type { Log } from "./log.js";
import type { Lns, Port } from "./records.js";

export interface Ports {
  /** By handle. */
  get(handle: number): Port | undefined;
  /** Where tunnels to an LNS are opened from. */
  towards(lns: Lns): Port | undefined;
  /** Opens what a configuration asks for and is not there. Rejects with what failed, and has then opened nothing. */
  open(config: Config): Promise<void>;
  /**
   * Gives ports, which are all open, their access entries. Answers those that are no access any more; they close when their tunnels
   * are gone.
   */
  configure(config: Config): readonly Port[];
  /** Closes what was opened for a configuration that does not come. */
  forget(): void;
  /** A tunnel of this port is gone; a port that nothing needs any more is closed. */
  unused(port: Port): void;
  list(): readonly Port[];
  close(): Promise<void>;
}

/** Best first. */
const preference: readonly PortKind[] = ["udp", "dgram", "virtual"];

export function createPorts(plane: Dataplane, log: Log, track: (work: Promise<unknown>) => void): Ports {
  const byAddress = new Map<string, Port>();
  const byHandle = new Map<number, Port>();
  const closing = new Set<Promise<void>>();
  let needed: ReadonlySet<string> = new Set();
  let sources: Readonly<Partial<Record<4 | 6, string>>> = {};

  const open = async (address: string, what: string): Promise<void> => {
    const kind = preference.find((each) => plane.capabilities().ports.includes(each)) ?? "udp";
    try {
      const state = await plane.port.open({ kind, local: address });
      const port: Port = { address, handle: state.port, access: undefined, tunnels: new Set() };
      byAddress.set(address, port);
      byHandle.set(port.handle, port);
      log.info({ port: state.port, local: state.local, kind }, "port open");
    } catch (cause) {
      const code = cause instanceof JunctorError ? cause.code : "port";
      throw new JunctorError(code, `${what}: cannot use ${address}: ${cause instanceof Error ? cause.message : cause}`);
    }
  };

  const close = async (port: Port): Promise<void> => {
    byHandle.delete(port.handle);
    if (byAddress.get(port.address) === port) byAddress.delete(port.address);
    await plane.port.close({ port: port.handle });
    log.info({ port: port.handle, address: port.address }, "port closed");
  };

  const unused = (port: Port): void => {
    if (port.tunnels.size > 0 || needed.has(port.address) || !byHandle.has(port.handle)) return;
    const work = close(port).catch((error: unknown) => log.error({ error: String(error) }, "cannot close a port"));
    closing.add(work);
    track(work.finally(() => closing.delete(work)));
  };

  const forget = (): void => {
    for (const port of byHandle.values()) unused(port);
  };

  return {
    get: (handle) => byHandle.get(handle),
    towards(lns) {
      const family = splitAddress(lns.address)?.family ?? 4;
      return byAddress.get(lns.source ?? sources[family] ?? "");
    },
    async open(config) {
      await Promise.allSettled(closing);
      try {
        for (const [address, what] of wantedPorts(config)) if (!byAddress.has(address)) await open(address, what);
      } catch (error) {
        forget();
        throw error;
      }
    },
    configure(config) {
      needed = new Set(wantedPorts(config).keys());
      sources = defaultSources(config);
      const entries = new Map(config.access.map((entry) => [entry.listen, entry]));
      const closed: Port[] = [];
      for (const port of byAddress.values()) {
        const entry = entries.get(port.address);
        if (!entry && port.access) closed.push(port);
        port.access = entry && accessOf(entry);
      }
      return closed;
    },
    forget,
    unused,
    list: () => [...byHandle.values()],
    async close() {
      for (const port of [...byHandle.values()]) await close(port);
    },
  };
}

const accessOf = (config: AccessConfig): Port["access"] => ({
  config,
  peers: config.peers && parsePrefixes(config.peers),
});
