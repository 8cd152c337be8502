/**
 * Where the demo runs. With a network interface of its own it needs root, and a network namespace, so that the machine's
 * own network is not touched: one without a name, which is gone with the processes in it, however they end.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ffiMissing, openRtnetlink } from "../system/index.js";

const cloneDevice = "/dev/net/tun";
const inside = fileURLToPath(new URL("./inside.js", import.meta.url));

const netAdmin = 12n; // CAP_NET_ADMIN, which a container's root may lack

function mayConfigure(): boolean {
  const [, effective = "0"] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return ((BigInt(`0x${effective}`) >> netAdmin) & 1n) === 1n;
}

/** Why there can be no network interface, or undefined. */
export function interfaceMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "without root";
  if (ffiMissing() !== undefined) return "without system calls of its own";
  if (!mayConfigure()) return "without CAP_NET_ADMIN";
  try {
    closeSync(openSync(cloneDevice, "r+"));
  } catch {
    return `without ${cloneDevice}`;
  }
  return spawnSync("unshare", ["--net", "true"]).status === 0 ? undefined : "without network namespaces";
}

/** Runs the demo in a network namespace of its own; answers its exit code. */
export async function runInside(args: readonly string[]): Promise<number> {
  // A session of its own: Ctrl-C reaches us alone, and it once. The channel tells it when we are gone.
  const child = spawn("unshare", ["--net", "--", process.execPath, inside, ...args], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    detached: true,
  });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on("SIGINT", forward).on("SIGTERM", forward).on("SIGHUP", forward);
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

/** A new namespace's loopback is down. */
export async function raiseLoopback(): Promise<void> {
  const rtnetlink = openRtnetlink();
  try {
    const { index } = await rtnetlink.link.get("lo");
    await rtnetlink.link.set({ index, up: true });
  } finally {
    rtnetlink.close();
  }
}
