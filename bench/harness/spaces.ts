/**
 * The network of the LNS benchmarks, in namespaces of its own:
 *
 *    lac 10.1.0.2 ── 10.1.0.1 west   lns   east 10.2.0.1 ── 10.2.0.2 internet
 *                                    void 10.3.255.254 ── packets to 10.3.0.1 are counted and gone
 *
 * The LNS under test routes between its TUN device and the rest. Nothing of the host's network is touched.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fail } from "./report.js";

export type Space = "lac" | "lns" | "internet";

export const addresses = {
  lac: "10.1.0.2",
  lns: "10.1.0.1",
  /** Of the LNS towards the internet. */
  east: "10.2.0.1",
  internet: "10.2.0.2",
  nowhere: "10.3.0.1",
  /** Of the LNS itself, where its RADIUS server is. */
  radius: "127.0.0.1",
} as const;

/** Prefixes of the subscribers. */
export const subscribers = "100.64.0.0/14";

const lacMac = "02:00:00:00:01:02";
const nobodysMac = "02:00:00:00:00:ff";

export type Child = ChildProcess & { pid: number };

export interface SpawnOptions {
  /** Directories over which others are mounted for the program's eyes only. */
  readonly binds?: readonly (readonly [source: string, target: string])[];
  /** Directory to run in. */
  readonly cwd?: string;
}

export interface DeviceCounters {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly txBytes: number;
  readonly txPackets: number;
}

export interface Spaces {
  /** Starts a program in a namespace, pinned to a core; its stderr is ours. It ends with the benchmark. */
  spawn(space: Space, core: number, command: readonly string[], options?: SpawnOptions): Child;
  /** Runs `ip` in a namespace. */
  ip(space: Space, ...words: readonly string[]): void;
  counters(space: Space, device: string): DeviceCounters;
  /** Bytes that wait in the receive buffers of a namespace's UDP sockets. */
  pending(space: Space): number;
  /** Whether what the LNS sends to the LAC is for its stack, or dropped at its door, so that receiving costs nobody. */
  deliver(to: "stack" | "nobody"): void;
  /** Whether super-packets leave the LNS whole, as through a NIC that segments; else its core makes frames of them. */
  segment(whole: boolean): void;
}

export async function createSpaces(): Promise<Spaces> {
  if (process.getuid?.() !== 0) fail("needs root, to make network namespaces of its own: run it with sudo");
  for (const [tool, debianPackage] of [
    ["ip", "iproute2"],
    ["taskset", "util-linux"],
  ] as const) {
    if (spawnSync(tool, ["-V"]).error !== undefined) fail(`needs ${tool}: install ${debianPackage}`);
  }
  const all: readonly Space[] = ["lac", "lns", "internet"];
  const name = (space: Space): string => `bench-${space}-${process.pid}`;
  const running = new Set<ChildProcess>();
  const ip = (space: Space, ...words: readonly string[]): void =>
    void execFileSync("ip", ["-n", name(space), ...words], { stdio: ["ignore", "ignore", "pipe"] });

  const start = (space: Space, core: number, command: readonly string[], { binds = [], cwd }: SpawnOptions = {}) => {
    const mounts = binds.map(([source, target]) => `mount --bind '${source}' '${target}' && `).join("");
    const inside = binds.length === 0 ? command : ["sh", "-c", `${mounts}exec "$@"`, "sh", ...command];
    const child = spawn("ip", ["netns", "exec", name(space), "taskset", "-c", String(core), ...inside], {
      stdio: ["pipe", "pipe", "inherit"],
      cwd,
    });
    if (child.pid === undefined) fail(`cannot start ${command[0]}`);
    running.add(child);
    child.once("exit", () => running.delete(child));
    return Object.assign(child, { pid: child.pid });
  };

  process.on("exit", () => {
    for (const child of running) child.kill("SIGKILL");
    for (const space of all) spawnSync("ip", ["netns", "delete", name(space)], { stdio: "ignore" });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));

  const probes: Partial<Record<Space, Child>> = {};
  try {
    for (const space of all) {
      execFileSync("ip", ["netns", "add", name(space)], { stdio: ["ignore", "ignore", "pipe"] });
      ip(space, "link", "set", "lo", "up");
    }
    const join = (one: Space, oneName: string, other: Space, otherName: string): void =>
      ip(one, "link", "add", oneName, "type", "veth", "peer", "name", otherName, "netns", name(other));
    join("lns", "west", "lac", "eth0");
    join("lns", "east", "internet", "eth0");
    ip("lac", "link", "set", "eth0", "address", lacMac);
    join("lns", "void", "internet", "void");
    const up = (space: Space, device: string, address: string): void => {
      ip(space, "address", "add", address, "dev", device);
      ip(space, "link", "set", device, "up");
    };
    up("lac", "eth0", `${addresses.lac}/24`);
    up("lns", "west", `${addresses.lns}/24`);
    up("lns", "east", `${addresses.east}/24`);
    up("lns", "void", "10.3.255.254/16");
    ip("internet", "link", "set", "void", "up");
    ip("lns", "neigh", "add", addresses.nowhere, "lladdr", nobodysMac, "dev", "void", "nud", "permanent");
    up("internet", "eth0", `${addresses.internet}/24`);
    ip("internet", "route", "add", "default", "via", addresses.east);
    for (const space of all) {
      // A process in the namespace through whose /proc entry the namespace's counters can be read.
      const probe = start(space, 0, ["cat"]);
      probe.stdin!.write("\n");
      await once(probe.stdout!, "data");
      probes[space] = probe;
    }
    const sysctl = ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv6.conf.all.forwarding=1"];
    // Subscribers that send to each other come in and leave by the same device.
    sysctl.push("net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.default.send_redirects=0");
    execFileSync("ip", ["netns", "exec", name("lns"), "sysctl", "-qw", ...sysctl], { stdio: "ignore" });
  } catch (error) {
    fail(`cannot make the network namespaces: ${error instanceof Error ? error.message : error}`);
  }

  return {
    spawn: start,
    ip,
    counters(space, device) {
      const text = readFileSync(`/proc/${probes[space]!.pid}/net/dev`, "utf8");
      const [rxBytes = 0, rxPackets = 0, , , , , , , txBytes = 0, txPackets = 0] =
        new RegExp(`^ *${device}: *(.*)$`, "m").exec(text)?.[1]?.trim().split(/\s+/).map(Number) ?? [];
      return { rxBytes, rxPackets, txBytes, txPackets };
    },
    pending(space) {
      const table = readFileSync(`/proc/${probes[space]!.pid}/net/udp`, "utf8");
      const queues = table.matchAll(/ [0-9A-F]{8}:([0-9A-F]{8}) /g);
      return [...queues].reduce((sum, [, bytes = "0"]) => sum + Number.parseInt(bytes, 16), 0);
    },
    deliver(to) {
      const mac = to === "stack" ? lacMac : nobodysMac;
      ip("lns", "neigh", "replace", addresses.lac, "lladdr", mac, "dev", "west", "nud", "permanent");
    },
    segment(whole) {
      for (const device of ["west", "east", "void"]) {
        ip("lns", "link", "set", device, "gso_max_segs", whole ? "65535" : "1");
      }
    },
  };
}
