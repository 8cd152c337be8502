/** A case run by the kernel and by us. */
import { possibleCpus } from "../../../src/dataplane/linux/bpf/cpus.js";
import { encodeInstructions } from "../../../src/dataplane/linux/bpf/encode.js";
import { createKernelMap, type KernelMap } from "../../../src/dataplane/linux/bpf/kernel-map.js";
import { funcInfoOf, withDescriptors } from "../../../src/dataplane/linux/bpf/kernel-object.js";
import { BpfError, bpfc, closeDescriptor, loadBpfBtf, loadBpfProgram, runBpfProgram } from "../../../src/system/bpf.js";
import { loadXdp, type XdpHost } from "../../../src/xdp/index.js";
import type { MapSpec } from "../../../src/xdp/spec.js";
import { functionsBtf } from "../kernel/functions-btf.js";
import { hex } from "../kernel/outcome.js";
import type { HelperCase } from "./case.js";

export interface HelperOutcome {
  readonly verdict: number;
  /** Metadata and frame. */
  readonly frame: string;
  /** By map: its elements, sorted. */
  readonly maps: Readonly<Record<string, readonly string[]>>;
}

const listed = (spec: MapSpec): boolean =>
  /hash|array|lpm/.test(spec.type) && spec.type !== "prog_array" && spec.type !== "perf_event_array";

/** The kernel's outcome, or its verifier's log. */
export function runInKernel(one: HelperCase): HelperOutcome | string {
  const opened: number[] = [];
  const own = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    const [program] = one.object.programs;
    // Type 3 of the BTF is the first function.
    const functions = program!.functions.map((each, index) => ({ ...each, btfId: 3 + index }));
    const spec = { ...program!, functions };
    const maps = new Map<string, KernelMap>();
    for (const map of one.object.maps) {
      const made = createKernelMap(map, 0);
      own(made.fd);
      maps.set(map.name, made);
    }
    const btf = spec.functions.length > 1 ? { btfFd: own(loadBpfBtf(functionsBtf())), funcInfo: funcInfoOf(spec) } : {};
    let fd: number;
    try {
      fd = own(
        loadBpfProgram({
          ...btf,
          insns: encodeInstructions(withDescriptors(spec, ({ name }) => maps.get(name)?.fd)),
          license: "GPL",
          name: "case",
          expectedAttachType: bpfc.BPF_XDP,
          log: 2,
        }).fd,
      );
    } catch (error) {
      if (error instanceof BpfError) return error.log;
      throw error;
    }
    for (const { map, key, value } of one.entries) {
      const target = maps.get(map)!;
      const stride = (value.length + 7) & ~7;
      if (!target.spec.type.includes("percpu")) target.update(key, value);
      else {
        const all = new Uint8Array(stride * possibleCpus());
        for (let at = 0; at < all.length; at += stride) all.set(value, at);
        target.update(key, all);
      }
    }
    const { returned, data } = runBpfProgram(fd, { data: one.frame });
    const contents = [...maps].filter(
      ([
        name,
        {
          spec: { type },
        },
      ]) => {
        return listed({ type } as MapSpec) && !one.ignore.includes(name);
      },
    );
    return {
      verdict: returned,
      frame: hex(data),
      maps: Object.fromEntries(
        contents.map(([name, map]) => [
          name,
          map
            .entries(64)
            .map(([key, value]) => `${hex(key)}=${hex(value.subarray(0, map.spec.valueSize))}`)
            .sort(),
        ]),
      ),
    };
  } finally {
    for (const fd of opened) closeDescriptor(fd);
  }
}

/** Our outcome. Throws what our verifier says if it refuses. */
export function runHere(one: HelperCase, engine: "interpreter" | "jit", host: XdpHost): HelperOutcome {
  const object = loadXdp(one.object, { host, mapBytes: 1 << 20 });
  for (const { map, key, value } of one.entries) {
    const target = object.map(map).map;
    const padded = new Uint8Array(target.userValueSize);
    padded.set(value);
    target.update(key, padded);
  }
  const { action, frame, metadata, fault } = object.programs[0]!.run(one.frame, { engine });
  if (fault !== "none") throw new Error(`the run ended by ${fault}`);
  return {
    verdict: ["aborted", "drop", "pass", "tx", "redirect"].indexOf(action),
    frame: hex(metadata) + hex(frame),
    maps: Object.fromEntries(
      object.maps
        .filter(({ name, spec }) => listed(spec) && !one.ignore.includes(name))
        .map(({ name, spec, map }) => [
          name,
          [...map.entries()].map(([key, value]) => `${hex(key)}=${hex(value.subarray(0, spec.valueSize))}`).sort(),
        ]),
    ),
  };
}

/** The first thing that differs, in words. */
export function differ(theirs: HelperOutcome, ours: HelperOutcome): string | undefined {
  if (theirs.verdict !== ours.verdict) return `verdict ${theirs.verdict} in the kernel, ${ours.verdict} here`;
  if (theirs.frame !== ours.frame) return `frame\n  ${theirs.frame} in the kernel\n  ${ours.frame} here`;
  for (const [name, contents] of Object.entries(theirs.maps)) {
    const others = ours.maps[name] ?? [];
    if (contents.length !== others.length)
      return `map ${name}: ${contents.length} elements in the kernel, ${others.length} here`;
    for (const [index, line] of contents.entries()) {
      const other = others[index]!;
      if (line === other) continue;
      // From the first word that differs.
      const value = line.indexOf("=") + 1;
      let at = value;
      while (line.slice(at, at + 16) === other.slice(at, at + 16)) at += 16;
      const words = `${line.slice(at, at + 32)} in the kernel, ${other.slice(at, at + 32)} here`;
      return `map ${name}, key ${line.slice(0, value - 1)}, from byte ${(at - value) / 2}: ${words}`;
    }
  }
  return undefined;
}
