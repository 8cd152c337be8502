/** bpf(2), typed: maps, programs, links and pins of the running kernel. Descriptors are plain numbers that the caller closes. */
export { BpfError, bpfMissing } from "./bpf-call.js";
export {
  type BpfLinkInfo,
  type BpfMapInfo,
  type BpfObjectKind,
  type BpfProgramInfo,
  bpfLinkInfo,
  bpfMapInfo,
  bpfProgramInfo,
  createXdpLink,
  detachBpfLink,
  nextBpfId,
  openBpfId,
  openBpfPin,
  pinBpfObject,
  updateBpfLink,
  type XdpMode,
} from "./bpf-link.js";
export {
  type BpfBatch,
  type BpfMapOptions,
  createBpfMap,
  deleteBpfBatch,
  deleteBpfMap,
  freezeBpfMap,
  lookupBpfBatch,
  lookupBpfMap,
  nextBpfKey,
  popBpfMap,
  updateBpfBatch,
  updateBpfMap,
} from "./bpf-map.js";
export {
  type BpfLog,
  type BpfProgramOptions,
  type BpfRun,
  type BpfRunOptions,
  kernelRunTime,
  loadBpfBtf,
  loadBpfProgram,
  runBpfProgram,
  tryLoadBpfProgram,
} from "./bpf-program.js";
export { bpfc } from "./bpf-structs.js";

import { libc } from "./ffi.js";

export const closeDescriptor = (fd: number): void => void libc().close(fd);
