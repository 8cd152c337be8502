/** What a section's name says of the programs in it: libbpf's names, and those of programs older than them. */
import type { AttachType } from "../spec.js";

export interface SectionMeaning {
  readonly attach: AttachType;
  readonly frags: boolean;
  /** False of `?xdp`: loaded only when asked for. */
  readonly autoload: boolean;
}

/** The meaning of a section of XDP programs; undefined: it holds programs of another type. */
export function sectionMeaning(section: string): SectionMeaning | undefined {
  const autoload = !section.startsWith("?");
  const name = autoload ? section : section.slice(1);
  if (!name.startsWith("xdp")) return undefined;
  const frags = /^xdp\.frags(\/|$)/.test(name);
  const rest = frags ? name.slice("xdp.frags".length) : name.slice("xdp".length);
  // `xdp/devmap` and `xdp_devmap/name` (libbpf before 1.0) alike.
  const attach = /^[/_](devmap|cpumap)(\/|$)/.exec(rest)?.[1];
  if (attach === "devmap") return { attach: "xdp/devmap", frags, autoload };
  if (attach === "cpumap") return { attach: "xdp/cpumap", frags, autoload };
  return { attach: "xdp", frags, autoload };
}
