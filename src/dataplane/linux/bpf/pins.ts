/** Names of maps, programs and links in a BPF file system, where they outlive the process that made them. */
import { statfsSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { JunctorError } from "../../../errors.js";
import { openBpfPin, pinBpfObject } from "../../../system/bpf.js";

export const defaultPinDirectory = "/sys/fs/bpf";
const bpfFileSystem = 0xcafe4a11;

/** Whether objects can be pinned below `directory`. */
export function isBpfFileSystem(directory = defaultPinDirectory): boolean {
  try {
    return statfsSync(directory).type === bpfFileSystem;
  } catch {
    return false;
  }
}

/** Path of a name; a name is one component, and dots are not allowed there by the kernel. @throws JunctorError EINVAL */
export function pinPath(directory: string, name: string): string {
  if (!/^\w[\w-]*$/.test(name)) {
    throw new JunctorError("EINVAL", `"${name}" is no name for a pin`, "use letters, digits, _ and -");
  }
  return join(directory, name);
}

/** @throws JunctorError ENODEV where no BPF file system is mounted; BpfError EEXIST where the name is taken */
export function pin(fd: number, directory: string, name: string): string {
  if (!isBpfFileSystem(directory)) {
    throw new JunctorError("ENODEV", `${directory} is no BPF file system`, `mount -t bpf bpf ${directory}`);
  }
  const path = pinPath(directory, name);
  pinBpfObject(fd, path);
  return path;
}

/** A descriptor, which the caller closes, of what has this name; undefined: nothing has. */
export const openPin = (directory: string, name: string): number | undefined => openBpfPin(pinPath(directory, name));

/** The name is free again; the object goes when nobody else holds it. */
export function unpin(directory: string, name: string): void {
  unlinkSync(pinPath(directory, name));
}
