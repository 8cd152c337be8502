import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fail } from "./report.js";

/** Waits for the line `ready` from a program that has been started. */
export async function ready(child: ChildProcess, name: string): Promise<void> {
  for await (const line of createInterface({ input: child.stdout! })) if (line === "ready") return;
  fail(`${name} did not start`);
}

/** Everything that a program prints; a program that fails ends the benchmark, having said why on stderr. */
export async function output(child: ChildProcess): Promise<string> {
  const closed = once(child, "close");
  let text = "";
  for await (const chunk of child.stdout!) text += chunk;
  const [status] = await closed;
  if (status !== 0) fail(`${child.spawnargs.join(" ")} ended with status ${status}`);
  return text;
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
