/** The kernel's BPF behind the interface that engines ask for it by. */
import { bpfMissing } from "../../system/bpf.js";
import { ffiMissing } from "../../system/ffi.js";
import type { HostCapabilities, HostObject, HostPrograms } from "../kernel-programs.js";
import { type KernelObject, kernelCapabilities, loadKernelObject } from "./bpf/index.js";

const objects = new WeakMap<HostObject, KernelObject>();

let probed: HostCapabilities | undefined;

export const hostPrograms: HostPrograms = {
  missing: () => ffiMissing() ?? bpfMissing(),
  capabilities() {
    if (probed === undefined) {
      const { missing: _, ...found } = kernelCapabilities();
      probed = found;
    }
    return probed;
  },
  load(spec) {
    const object = loadKernelObject(spec);
    const host: HostObject = {
      maps: object.maps,
      close: object.close,
      attach(program, device, mode) {
        const attachment = object.attach(program, device, mode);
        return {
          replace: (next, name) => attachment.replace(objects.get(next)!.programs.get(name)!),
          detach: attachment.detach,
        };
      },
    };
    objects.set(host, object);
    return host;
  },
};
