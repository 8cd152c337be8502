/**
 * Two network namespaces joined by a veth pair: traffic is made and ends in one, the forwarder under test runs in the
 * other, and nothing of the host's network is touched.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fail } from "./report.js";

/** Ethernet, IPv4 and UDP header: what a frame on the link has beyond its UDP payload. */
const overhead = 14 + 20 + 8;
const outsideMac = "02:00:00:00:00:01";
const nobodysMac = "02:00:00:00:00:ff";

export type Side = "outside" | "inside";

export interface Network {
  /** Starts a program in a namespace, pinned to a core; its stderr is ours. */
  spawn(side: Side, core: number, command: readonly string[]): ChildProcess & { pid: number };
  /** Frames of this UDP payload size that have arrived outside, super-packets counted by their segments. */
  delivered(size: number): number;
  /** Bytes that wait in the receive buffers of the inside's UDP sockets; `pid` is a process there. */
  pending(pid: number): number;
  /**
   * Whether frames to `address` are for the outside's stack or for nobody: the latter are dropped as they come in, so that
   * no receiver's cost, which falls on the sending core, dilutes the comparison.
   */
  deliver(address: string, to: "stack" | "nobody"): void;
}

const ip = (...words: string[]): void => void execFileSync("ip", words, { stdio: ["ignore", "ignore", "pipe"] });

export interface Layout extends Readonly<Record<Side, readonly string[]>> {
  /** Whether super-packets leave the inside whole; else the sending core makes frames of them. */
  readonly segmentsUdp: boolean;
}

/** Addresses are /16 in one subnet. The network goes away when this process ends, however it ends. Needs root. */
export async function createNetwork(layout: Layout): Promise<Network> {
  if (process.getuid?.() !== 0) fail("needs root, to make network namespaces of its own: run it with sudo");
  for (const [tool, debianPackage] of [
    ["ip", "iproute2"],
    ["taskset", "util-linux"],
  ] as const) {
    if (spawnSync(tool, ["-V"]).error !== undefined) fail(`needs ${tool}: install ${debianPackage}`);
  }
  const name: Record<Side, string> = { outside: `bench-o${process.pid}`, inside: `bench-i${process.pid}` };
  const link: Record<Side, string> = { outside: "outside", inside: "inside" };
  const sides: readonly Side[] = ["outside", "inside"];
  const running = new Set<ChildProcess>();

  const remove = (): void => {
    for (const child of running) child.kill("SIGKILL");
    for (const side of sides) spawnSync("ip", ["netns", "delete", name[side]], { stdio: "ignore" });
  };

  const start = (side: Side, core: number, command: readonly string[]): ChildProcess & { pid: number } => {
    const child = spawn("ip", ["netns", "exec", name[side], "taskset", "-c", String(core), ...command], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    if (child.pid === undefined) fail(`cannot start ${command[0]}`);
    running.add(child);
    child.once("exit", () => running.delete(child));
    return Object.assign(child, { pid: child.pid });
  };

  process.on("exit", remove);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
  let probe: ChildProcess;
  try {
    for (const side of sides) ip("netns", "add", name[side]);
    ip("link", "add", link.outside, "netns", name.outside, "type", "veth", "peer", link.inside, "netns", name.inside);
    ip("-n", name.outside, "link", "set", link.outside, "address", outsideMac);
    for (const side of sides) {
      for (const address of layout[side]) ip("-n", name[side], "address", "add", `${address}/16`, "dev", link[side]);
      ip("-n", name[side], "link", "set", link[side], "up");
      ip("-n", name[side], "link", "set", "lo", "up");
    }
    if (!layout.segmentsUdp) ip("-n", name.inside, "link", "set", link.inside, "gso_max_segs", "1");
    // A process in the namespace through whose /proc entry the namespace's counters can be read.
    probe = start("outside", 0, ["cat"]);
    probe.stdin!.write("\n");
    await once(probe.stdout!, "data");
  } catch (error) {
    fail(`cannot make the network namespaces: ${error instanceof Error ? error.message : error}`);
  }

  const counters = `/proc/${probe.pid}/net/dev`;
  return {
    spawn: start,
    delivered(size) {
      const line = new RegExp(`^ *${link.outside}: *(\\d+) +(\\d+)`, "m").exec(readFileSync(counters, "utf8"));
      return (Number(line?.[1]) - Number(line?.[2]) * overhead) / size;
    },
    pending(pid) {
      const queues = readFileSync(`/proc/${pid}/net/udp`, "utf8").matchAll(/ [0-9A-F]{8}:([0-9A-F]{8}) /g);
      return [...queues].reduce((sum, [, bytes = "0"]) => sum + Number.parseInt(bytes, 16), 0);
    },
    deliver(address, to) {
      const mac = to === "stack" ? outsideMac : nobodysMac;
      ip("-n", name.inside, "neigh", "replace", address, "lladdr", mac, "dev", link.inside, "nud", "permanent");
    },
  };
}
