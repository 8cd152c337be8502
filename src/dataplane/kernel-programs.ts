/** What an engine asks of the running kernel's own BPF, where programs are to run on interfaces of the host. */
import type { MapSpec, ObjectSpec } from "../xdp/spec.js";

export interface HostMap {
  readonly spec: MapSpec;
  /** The kernel's. */
  readonly id: number;
  readonly valueBytes: number;
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array, flags?: number): boolean;
  delete(key: Uint8Array): boolean;
  entries(limit?: number): readonly (readonly [key: Uint8Array, value: Uint8Array])[];
}

export interface HostAttachment {
  replace(object: HostObject, program: string): void;
  detach(): void;
}

export interface HostObject {
  readonly maps: ReadonlyMap<string, HostMap>;
  attach(program: string, device: string, mode: "native" | "generic"): HostAttachment;
  /** What is attached stays so until it is detached. */
  close(): void;
}

export interface HostPrograms {
  /** Why programs cannot run in the kernel here; undefined: they can. */
  missing(): string | undefined;
  /** @throws JunctorError with the kernel verifier's reason, EOPNOTSUPP for what only this engine has. */
  load(object: ObjectSpec): HostObject;
}
