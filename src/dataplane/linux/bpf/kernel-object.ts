/** An object in the running kernel: maps, BTF and programs, in that order, and what attaches them to devices. */
import { JunctorError } from "../../../errors.js";
import {
  BpfError,
  type BpfLog,
  bpfc,
  bpfProgramInfo,
  closeDescriptor,
  loadBpfBtf,
  loadBpfProgram,
} from "../../../system/bpf.js";
import { callKind, type Instruction, isWideLoad, loadKind } from "../../../xdp/insn/instruction.js";
import type { AttachType, MapSpec, ObjectSpec, ProgramSpec } from "../../../xdp/spec.js";
import { attachXdp, type KernelAttachment, type KernelProgram } from "./attachment.js";
import { kernelBtf } from "./btf.js";
import { encodeInstructions } from "./encode.js";
import { createKernelMap, type KernelMap, openKernelMap } from "./kernel-map.js";
import { isBpfFileSystem, openPin, pin } from "./pins.js";

export interface KernelObjectOptions {
  /** Maps that exist already, by the name that the object has for them; they stay the caller's. */
  readonly maps?: ReadonlyMap<string, number>;
  /** BPF file system for maps that are pinned by name; they are shared with whoever else loads such an object. */
  readonly pins?: string;
  /** How much the verifier tells of programs that it accepts. */
  readonly log?: BpfLog;
}

export interface KernelObject {
  readonly programs: ReadonlyMap<string, KernelProgram>;
  readonly maps: ReadonlyMap<string, KernelMap>;
  /** Attaches a program to a device of the calling thread's network namespace. @throws BpfError */
  attach(program: string, device: string | number, mode: "native" | "generic" | "offload"): KernelAttachment;
  /** Closes every descriptor. What is attached stays so until it is detached; what is pinned stays. */
  close(): void;
}

const attachTypes: Readonly<Record<AttachType, number>> = {
  xdp: bpfc.BPF_XDP,
  "xdp/devmap": bpfc.BPF_XDP_DEVMAP,
  "xdp/cpumap": bpfc.BPF_XDP_CPUMAP,
};

/**
 * Loads an object. @throws BpfError with the verifier's log, and its end in the message, where the kernel refuses;
 * JunctorError EOPNOTSUPP where a program calls one of our own kfuncs
 */
export function loadKernelObject(spec: ObjectSpec, options: KernelObjectOptions = {}): KernelObject {
  const opened: number[] = [];
  const own = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  const close = (): void => {
    for (const fd of opened.splice(0)) closeDescriptor(fd);
  };
  try {
    const btfFd = spec.rawBtf === undefined ? 0 : own(loadBpfBtf(kernelBtf(spec.rawBtf)));
    const maps = new Map(spec.maps.map((map) => [map.name, openMap(map, btfFd, options, own)]));
    const programs = new Map(
      spec.programs.map((program) => [program.name, loadProgram(program, maps, btfFd, options.log, own)]),
    );
    for (const map of maps.values()) fillSlots(map, maps, programs);
    return {
      programs,
      maps,
      attach(name, device, mode) {
        const program = programs.get(name);
        if (program !== undefined) return attachXdp(program, device, mode);
        throw new JunctorError(
          "ENOENT",
          `the object has no program "${name}"`,
          `it has ${[...programs.keys()].join(", ")}`,
        );
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function openMap(
  spec: MapSpec,
  btfFd: number,
  { maps, pins }: KernelObjectOptions,
  own: (fd: number) => number,
): KernelMap {
  const given = maps?.get(spec.name);
  if (given !== undefined) return openKernelMap(spec, given);
  const directory = spec.pinByName === true && pins !== undefined && isBpfFileSystem(pins) ? pins : undefined;
  const pinned = directory === undefined ? undefined : openPin(directory, spec.name);
  if (pinned !== undefined) return openKernelMap(spec, own(pinned));
  const map = createKernelMap(spec, btfFd);
  own(map.fd);
  if (directory !== undefined) pin(map.fd, directory, spec.name);
  return map;
}

function loadProgram(
  spec: ProgramSpec,
  maps: ReadonlyMap<string, KernelMap>,
  btfFd: number,
  log: BpfLog | undefined,
  own: (fd: number) => number,
): KernelProgram {
  const insns = withDescriptors(spec, (map) => maps.get(map.name)?.fd);
  try {
    const loaded = loadBpfProgram({
      insns: encodeInstructions(insns),
      name: spec.name,
      license: spec.license,
      expectedAttachType: attachTypes[spec.attach],
      flags: spec.frags ? bpfc.BPF_F_XDP_HAS_FRAGS : 0,
      ...(btfFd === 0 ? {} : { btfFd, funcInfo: funcInfoOf(spec) }),
      ...(log === undefined ? {} : { log }),
    });
    const fd = own(loaded.fd);
    const { id, tag, jitedLength } = bpfProgramInfo(fd);
    return { name: spec.name, attach: spec.attach, fd, id, tag, jitedLength, log: loaded.log };
  } catch (error) {
    if (error instanceof BpfError && error.log !== "") throw explained(error, spec);
    throw error;
  }
}

/** The verifier's last words are the reason; the rest is for whoever asks for it. */
function explained(error: BpfError, spec: ProgramSpec): BpfError {
  const lines = error.log.trimEnd().split("\n");
  const reason = lines.filter((line) => !/^(?:processed \d|verification time|stack depth)/.test(line)).slice(-1);
  const what = `of program "${spec.name}" (${spec.section}): the verifier says: ${reason.join("")}`;
  return new BpfError(error.code, "PROG_LOAD", what, error.log, "its whole log goes with this error");
}

/** Number of no helper, as libbpf's of calls that were not to be reached. */
const missingKfunc = 2_002_000_000;

/** The program with descriptors for maps, as the kernel wants them. @throws JunctorError */
export function withDescriptors(
  spec: ProgramSpec,
  descriptorOf: (map: MapSpec) => number | undefined,
): readonly Instruction[] {
  return spec.insns.map((insn, slot) => {
    // A weak kfunc that is not there: the kernel drops the branch that calls it, or says that there is no such helper.
    if (insn.opcode === 0x85 && insn.src === callKind.kfunc && insn.imm === -1) {
      return { ...insn, src: callKind.helper, imm: missingKfunc };
    }
    if (insn.opcode === 0x85 && insn.src === callKind.kfunc) {
      const problem = `program "${spec.name}": slot ${slot} calls a kfunc of Junctor, which the kernel has not`;
      throw new JunctorError("EOPNOTSUPP", problem, "attach it to a device of the user engine");
    }
    if (!isWideLoad(insn) || (insn.src !== loadKind.map && insn.src !== loadKind.mapValue)) return insn;
    const map = spec.maps[insn.imm];
    const fd = map && descriptorOf(map);
    if (fd !== undefined) return { ...insn, imm: fd };
    throw new JunctorError(
      "EINVAL",
      `program "${spec.name}": slot ${slot} loads map ${insn.imm}, which there is none of`,
    );
  });
}

/** Records of struct bpf_func_info; the kernel wants all functions or none. */
export function funcInfoOf(spec: ProgramSpec): Uint8Array {
  const functions = spec.functions.some(({ btfId }) => btfId === 0) ? [] : spec.functions;
  const words = [...functions].sort((a, b) => a.start - b.start).flatMap(({ start, btfId }) => [start, btfId]);
  return new Uint8Array(new Uint32Array(words).buffer);
}

/** Maps and programs that the object puts into its maps by name. */
function fillSlots(
  { spec, update }: KernelMap,
  maps: ReadonlyMap<string, KernelMap>,
  programs: ReadonlyMap<string, KernelProgram>,
): void {
  for (const [slot, name] of spec.initialSlots ?? []) {
    const fd = maps.get(name)?.fd ?? programs.get(name)?.fd;
    if (fd === undefined) {
      throw new JunctorError("EINVAL", `map "${spec.name}": slot ${slot} names "${name}", which the object has not`);
    }
    update(new Uint8Array(new Uint32Array([slot]).buffer), new Uint8Array(new Uint32Array([fd]).buffer));
  }
}
