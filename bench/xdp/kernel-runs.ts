/** The same objects in the running kernel, timed by BPF_PROG_TEST_RUN. */
import { loadKernelObject } from "../../src/dataplane/linux/bpf/index.js";
import { bpfMissing, kernelRunTime, runBpfProgram } from "../../src/system/bpf.js";
import type { ObjectSpec } from "../../src/xdp/spec.js";
import { fail } from "../harness/report.js";
import { prefixes } from "./frame.js";

export interface KernelRuns {
  /** Nanoseconds a run, on average of so many. */
  time(name: string, times: number): number;
  verdict(name: string): number;
}

const loopback = 1;

export function createKernelRuns(spec: ObjectSpec, frame: Uint8Array): KernelRuns {
  const missing = bpfMissing();
  if (missing !== undefined) fail(`the kernel's own runs are what this compares with: ${missing}`);
  const object = loadKernelObject(spec);
  const blocked = object.maps.get("prefixes")!;
  for (const key of prefixes()) blocked.update(key, new Uint8Array(4));
  const value = new Uint8Array(8);
  new DataView(value.buffer).setUint32(0, loopback, true);
  object.maps.get("devices")!.update(new Uint8Array(4), value);
  const fdOf = (name: string): number => object.programs.get(name)!.fd;
  return {
    time: (name, times) => kernelRunTime(fdOf(name), frame, times),
    verdict: (name) => runBpfProgram(fdOf(name), { data: frame }).returned,
  };
}
