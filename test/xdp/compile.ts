/** Compiles the C programs in `programs/` to eBPF objects, for tests. Results are kept in `test/.cache` by the hash of all that goes in. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type Cpu = "v1" | "v2" | "v3" | "v4";
export const cpus: readonly Cpu[] = ["v1", "v2", "v3", "v4"];

export interface CompileOptions {
  /** Default v3. v4 needs clang 18 or newer. */
  readonly cpu?: Cpu;
  /** With -g: BTF, which `.maps` needs. Default true. */
  readonly debug?: boolean;
  /** Default 2. */
  readonly optimize?: 0 | 1 | 2 | 3 | "s";
  /** As in -D: name, or name=value. */
  readonly define?: readonly string[];
  /** Program to run instead of the oldest clang that knows `cpu`. */
  readonly compiler?: string;
}

const folder = fileURLToPath(new URL("./programs/", import.meta.url));
const cache = fileURLToPath(new URL("../.cache/xdp/", import.meta.url));

/** Names of the C programs in `programs/`, without `.c`. */
export const programNames: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith(".c"))
  .map((file) => file.slice(0, -2))
  .sort();

export const programSource = (name: string): string => readFileSync(join(folder, `${name}.c`), "utf8");

const versions = new Map<string, string | undefined>();

/** First line of `compiler --version`; undefined where it is not installed. */
export function compilerVersion(compiler: string): string | undefined {
  if (!versions.has(compiler)) {
    const run = spawnSync(compiler, ["--version"], { encoding: "utf8" });
    versions.set(compiler, run.status === 0 ? run.stdout.split("\n", 1)[0] : undefined);
  }
  return versions.get(compiler);
}

const recent = ["clang-19", "clang-20", "clang-18", "clang-21"];

/** The compiler for `cpu` on this machine; undefined: there is none. */
export function compilerFor(cpu: Cpu): string | undefined {
  const candidates = cpu === "v4" ? recent : ["clang", ...recent];
  const found = candidates.find((name) => compilerVersion(name) !== undefined);
  if (found !== undefined || cpu !== "v4") return found;
  const major = Number(/version (\d+)/.exec(compilerVersion("clang") ?? "")?.[1] ?? 0);
  return major >= 18 ? "clang" : undefined;
}

/** Why programs cannot be compiled for `cpu` here; undefined: they can. */
export function cannotCompile(cpu: Cpu = "v3"): string | undefined {
  const compiler = compilerFor(cpu);
  if (compiler !== undefined) return undefined;
  return `needs ${cpu === "v4" ? "clang 18 or newer" : "clang"} (npm run setup -- --debian)`;
}

/** What `programs/*.h` hold, as part of the key. */
let headers: string | undefined;
const headerText = (): string => {
  headers ??= readdirSync(folder)
    .filter((file) => file.endsWith(".h"))
    .sort()
    .map((file) => readFileSync(join(folder, file), "utf8"))
    .join("\0");
  return headers;
};

/** Runs a compiler on `source` with `args` and gives the object file's bytes. Throws with the compiler's messages. */
function build(compiler: string, args: readonly string[], source: string): Uint8Array {
  const version = compilerVersion(compiler);
  if (version === undefined) throw new Error(`${compiler} is not installed`);
  const key = createHash("sha256")
    .update(JSON.stringify([version, args, source, headerText()]))
    .digest("hex");
  const file = join(cache, `${key.slice(0, 32)}.o`);
  try {
    return new Uint8Array(readFileSync(file));
  } catch {
    // Not made yet.
  }
  mkdirSync(cache, { recursive: true });
  const own = join(cache, `${key.slice(0, 32)}.${process.pid}.o`);
  const run = spawnSync(
    compiler,
    [...args, "-I", folder, "-I", join(folder, "include"), "-c", "-o", own, "-x", "c", "-"],
    {
      input: source,
      encoding: "utf8",
      cwd: folder,
    },
  );
  if (run.status !== 0) throw new Error(`${compiler} ${args.join(" ")}: ${run.error?.message ?? run.stderr}`);
  // Tests run in parallel: whoever is last wins, with the same bytes.
  renameSync(own, file);
  return new Uint8Array(readFileSync(file));
}

/** Compiles C text to an eBPF object. `#include "parse.h"` and the kernel's and libbpf's headers are found. */
export function compile(source: string, options: CompileOptions = {}): Uint8Array {
  const { cpu = "v3", debug = true, optimize = 2, define = [] } = options;
  const compiler = options.compiler ?? compilerFor(cpu);
  if (compiler === undefined) throw new Error(cannotCompile(cpu));
  const args = [
    "-target",
    "bpf",
    `-mcpu=${cpu}`,
    `-O${optimize}`,
    ...(debug ? ["-g"] : []),
    // clang 14 does not say which version it compiles for.
    ...(cpu === "v3" || cpu === "v4" ? ["-DHAVE_FETCH"] : []),
    ...define.map((text) => `-D${text}`),
    "-Wall",
    "-Wno-unused-function",
    "-idirafter",
    "/usr/include/x86_64-linux-gnu",
  ];
  return build(compiler, args, source);
}

/** Compiles `programs/<name>.c`. */
export const compileProgram = (name: string, options: CompileOptions = {}): Uint8Array =>
  compile(programSource(name), options);

/** Compiles with GCC (Debian's package gcc-bpf). */
export function compileWithGcc(source: string, cpu: "v1" | "v2" | "v3" = "v3"): Uint8Array {
  const args = [
    `-mcpu=${cpu}`,
    "-O2",
    "-gbtf",
    "-idirafter",
    "/usr/include",
    "-idirafter",
    "/usr/include/x86_64-linux-gnu",
  ];
  return build("bpf-gcc", args, source);
}
