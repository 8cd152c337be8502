/** What an engine asks of the running kernel's own BPF, where programs are to run on interfaces of the host. */
import type { AttachType, MapSpec, MapTypeName, ObjectSpec } from "../xdp/spec.js";

export interface HostMap {
  readonly spec: MapSpec;
  /** The kernel's. */
  readonly id: number;
  /** Bytes of a value: that of a per-CPU map has one for each possible CPU, 8-aligned. */
  readonly valueBytes: number;
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array, flags?: number): boolean;
  delete(key: Uint8Array): boolean;
  /** At most `limit` elements, in the kernel's order; what changes meanwhile may come twice or not at all. */
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

/** What the running kernel's BPF can do. */
export interface HostCapabilities {
  /** Whether programs become machine code. */
  readonly jit: boolean;
  /** Where programs may run, as sections name it. */
  readonly attachTypes: readonly AttachType[];
  /** Whether programs may take frames in several pieces. */
  readonly frags: boolean;
  /** Whether programs are attached to devices by links, and so replaced in one step (Linux 5.9). */
  readonly links: boolean;
  readonly mapTypes: readonly MapTypeName[];
  /** Numbers of the helpers of our table that it has for XDP programs. */
  readonly helpers: readonly number[];
  /** Highest -mcpu that it takes. */
  readonly isa: 1 | 2 | 3 | 4;
  /** Whether /sys/fs/bpf is there to pin objects in. */
  readonly pins: boolean;
}

export interface HostPrograms {
  /** Why programs cannot run in the kernel here; undefined: they can. */
  missing(): string | undefined;
  /** Probed once. Only where nothing is missing. */
  capabilities(): HostCapabilities;
  /** @throws JunctorError with the kernel verifier's reason, EOPNOTSUPP for what only this engine has. */
  load(object: ObjectSpec): HostObject;
}
