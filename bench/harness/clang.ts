import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./paths.js";
import { fail } from "./report.js";

const folder = join(root, "bench", ".cache");

/** Compiles `bench/xdp/programs/NAME.c` to an eBPF object; answers its bytes. */
export function compileBpf(name: string): Uint8Array {
  mkdirSync(folder, { recursive: true });
  const object = join(folder, `${name}.o`);
  const source = join(root, "bench", "xdp", "programs", `${name}.c`);
  const args = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-idirafter", "/usr/include/x86_64-linux-gnu"];
  // A header that glibc has for the host alone.
  const include = ["-I", join(root, "bench", "xdp", "programs", "include")];
  const { error, status, stderr } = spawnSync("clang", [...args, ...include, "-c", source, "-o", object], {
    encoding: "utf8",
  });
  if (error !== undefined) fail(`cannot run clang (${error.message}): install clang and libbpf-dev`);
  if (status !== 0) fail(`clang cannot compile bench/xdp/programs/${name}.c (is libbpf-dev installed?)\n${stderr}`);
  return readFileSync(object);
}
