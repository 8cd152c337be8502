/** XDP in the running kernel: the objects that run here, attached to its devices. */
export { attachXdp, type KernelAttachment, type KernelProgram } from "./attachment.js";
export { type KernelBpf, kernelCapabilities } from "./capabilities.js";
export { type KernelMap, openKernelMap } from "./kernel-map.js";
export { type KernelObject, type KernelObjectOptions, loadKernelObject } from "./kernel-object.js";
export { defaultPinDirectory, isBpfFileSystem, openPin, pin, unpin } from "./pins.js";
