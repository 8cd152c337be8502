/** The layers as data, and what is wrong with a set of files that import one another. */
import { posix } from "node:path";
import type { Import } from "./imports.js";

export interface Layer {
  /** Where its files are: a folder, or a file without its extension, below src/. The longest that fits a file counts. */
  readonly path: string;
  /** The layers that it may import, each with everything below itself that its types speak of. */
  readonly uses: readonly string[];
}

/** By file below src/, as `gateway/index.ts`. */
export type Files = ReadonlyMap<string, readonly Import[]>;

/** Every layer may use these. */
const ground = ["wire", "errors", "machine", "timers", "fanout", "random"];

export const layers: readonly Layer[] = [
  { path: "wire", uses: [] },
  { path: "errors", uses: [] },
  { path: "machine", uses: [] },
  { path: "timers", uses: [] },
  { path: "fanout", uses: [] },
  { path: "random", uses: [] },
  { path: "version", uses: [] },
  { path: "system", uses: [] },
  { path: "xdp", uses: [] },
  { path: "dataplane", uses: ["system", "xdp"] },
  { path: "dataplane/user", uses: ["dataplane", "system", "xdp"] },
  { path: "dataplane/linux", uses: ["dataplane", "system", "xdp"] },
  { path: "dataplane/index", uses: ["dataplane", "dataplane/user", "dataplane/linux"] },
  { path: "l2tp", uses: [] },
  { path: "ppp", uses: [] },
  { path: "radius", uses: [] },
  { path: "trace", uses: [] },
  { path: "pppoe", uses: [] },
  { path: "openvpn", uses: [] },
  {
    path: "gateway",
    uses: ["l2tp", "ppp", "radius", "trace", "pppoe", "openvpn", "dataplane", "dataplane/index", "system"],
  },
  { path: "api", uses: ["gateway", "l2tp", "ppp", "trace", "dataplane", "xdp"] },
  { path: "daemon", uses: ["api", "gateway", "dataplane", "dataplane/index", "system", "version"] },
  { path: "blast", uses: ["l2tp", "ppp", "dataplane", "dataplane/index", "system", "version"] },
  { path: "cli", uses: ["api", "daemon", "blast", "version"] },
  { path: "demo", uses: ["cli", "api", "daemon", "blast", "gateway", "dataplane/index", "system", "version"] },
];

export function layerOf(file: string, among: readonly Layer[] = layers): Layer | undefined {
  const name = file.replace(/\.ts$/, "");
  return among
    .filter(({ path }) => name === path || name.startsWith(`${path}/`))
    .sort((a, b) => b.path.length - a.path.length)[0];
}

/** The file that a specifier means; undefined: a package, not one of ours. */
export function resolveImport(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return posix.join(posix.dirname(file), specifier).replace(/\.js$/, ".ts");
}

/** Upward, sideways and unknown imports, one line each. */
export function misplacedImports(files: Files, among: readonly Layer[] = layers): readonly string[] {
  return [...files].flatMap(([file, imports]) => {
    const layer = layerOf(file, among);
    if (layer === undefined) return [`${file}: in no layer`];
    return imports.flatMap(({ specifier }) => {
      const target = resolveImport(file, specifier);
      if (target === undefined) return [];
      const other = layerOf(target, among);
      if (other === undefined) return [`${file}: ${target} is in no layer`];
      const allowed = other.path === layer.path || ground.includes(other.path) || layer.uses.includes(other.path);
      return allowed ? [] : [`${file} (${layer.path}) may not import ${target} (${other.path})`];
    });
  });
}

/** Cycles of imports that are there at run time, each as the files on it. */
export function cycles(files: Files): readonly string[] {
  const found: string[] = [];
  const finished = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    const start = way.indexOf(file);
    if (start !== -1) {
      found.push([...way.slice(start), file].join(" → "));
      return;
    }
    if (finished.has(file)) return;
    for (const next of targets(files, file, ["static"])) visit(next, [...way, file]);
    finished.add(file);
  };
  for (const file of files.keys()) visit(file, []);
  return found;
}

const targets = (files: Files, file: string, kinds: readonly Import["kind"][]): readonly string[] =>
  (files.get(file) ?? []).flatMap(({ specifier, kind }) => {
    const target = resolveImport(file, specifier);
    return target !== undefined && kinds.includes(kind) ? [target] : [];
  });

/** The packages and built-in modules that are loaded with a file, and the way to each. */
export function loadedWith(
  files: Files,
  entry: string,
  kinds: readonly Import["kind"][] = ["static"],
): ReadonlyMap<string, string> {
  const packages = new Map<string, string>();
  const seen = new Set<string>();
  const visit = (file: string, way: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { specifier, kind } of files.get(file) ?? []) {
      if (!kinds.includes(kind)) continue;
      const target = resolveImport(file, specifier);
      if (target === undefined) packages.set(specifier, `${way} → ${specifier}`);
      else visit(target, `${way} → ${target}`);
    }
  };
  visit(entry, entry);
  return packages;
}
