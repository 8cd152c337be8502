import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./paths.js";
import { fail } from "./report.js";

const folder = join(root, "bench", ".cache");

/** Compiles `bench/c/NAME.c`; answers the program's path. */
export function compileC(name: string): string {
  mkdirSync(folder, { recursive: true });
  const program = join(folder, name);
  const source = join(root, "bench", "c", `${name}.c`);
  const { error, status, stderr } = spawnSync("gcc", ["-O2", "-Wall", "-o", program, source], { encoding: "utf8" });
  if (error !== undefined)
    fail(`cannot run gcc (${error.message}): the comparison is with C; install gcc and libc6-dev`);
  if (status !== 0) fail(`gcc cannot compile bench/c/${name}.c (is libc6-dev installed?)\n${stderr}`);
  return program;
}
