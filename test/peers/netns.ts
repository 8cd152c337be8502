import { readdirSync } from "node:fs";
import { type Running, run, start } from "./process.js";
import type { Undo } from "./undo.js";

/** A network namespace of the test's own. */
export interface Namespace {
  readonly name: string;
  /** `argv` as it has to be run to run inside, after mounting `binds` (source over target) for its eyes only. */
  command(argv: readonly string[], binds?: Binds): string[];
  start(argv: readonly string[], options?: { binds?: Binds; env?: NodeJS.ProcessEnv; cwd?: string }): Running;
  run(argv: readonly string[], options?: { timeout?: number }): Promise<string>;
}

export type Binds = readonly (readonly [source: string, target: string])[];

/** One end of a veth pair: the interface's name inside `space` and its addresses with prefix length. */
export interface End {
  readonly space: Namespace;
  readonly name: string;
  readonly addresses: readonly string[];
}

const prefix = "junctor-";
let count = 0;

/** Creates a namespace with its loopback up; everything inside is gone with it. */
export async function createNamespace(undo: Undo, role: string): Promise<Namespace> {
  await sweep();
  const name = `${prefix}${process.pid}-${count++}-${role}`;
  await run(["ip", "netns", "add", name]);
  undo.defer(async () => void (await run(["ip", "netns", "delete", name])));

  const command = (argv: readonly string[], binds: Binds = []) => {
    const mounts = binds.map(([source, target]) => `mount --bind '${source}' '${target}' && `).join("");
    const inside = binds.length === 0 ? argv : ["sh", "-c", `${mounts}exec "$@"`, "sh", ...argv];
    return ["ip", "netns", "exec", name, ...inside];
  };
  const space: Namespace = {
    name,
    command,
    start: (argv, { binds = [], ...options } = {}) => start(command(argv, binds), options),
    run: (argv, options) => run(command(argv), options),
  };
  await space.run(["ip", "link", "set", "lo", "up"]);
  return space;
}

/** Joins two namespaces by a veth pair that is up on both ends and has its addresses, IPv6 without the wait for DAD. */
export async function link(one: End, other: End): Promise<void> {
  const middle = ["type", "veth", "peer", "name", other.name, "netns", other.space.name];
  await run(["ip", "link", "add", "name", one.name, "netns", one.space.name, ...middle]);
  for (const { space, name, addresses } of [one, other]) {
    for (const address of addresses) {
      const nodad = address.includes(":") ? ["nodad"] : [];
      await space.run(["ip", "address", "add", address, "dev", name, ...nodad]);
    }
    await space.run(["ip", "link", "set", name, "up"]);
  }
}

/** Deletes namespaces that a test process left behind when it was killed. */
async function sweep(): Promise<void> {
  if (count > 0) return;
  const left = readNamespaces().filter((name) => !alive(Number(name.slice(prefix.length).split("-")[0])));
  for (const name of left) await run(["ip", "netns", "delete", name]);
}

function readNamespaces(): string[] {
  try {
    return readdirSync("/run/netns").filter((name) => name.startsWith(prefix));
  } catch {
    return [];
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
