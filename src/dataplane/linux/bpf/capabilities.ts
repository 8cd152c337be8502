/** What the running kernel's BPF can do, found out by loading and creating tiny things: versions say little, since vendors port back. */
import {
  BpfError,
  bpfc,
  bpfMissing,
  bpfProgramInfo,
  closeDescriptor,
  createBpfMap,
  loadBpfProgram,
} from "../../../system/bpf.js";
import { helpers } from "../../../xdp/helpers/table.js";
import type { Instruction } from "../../../xdp/insn/instruction.js";
import { type AttachType, type MapTypeName, mapFlag, mapTypes } from "../../../xdp/spec.js";
import type { HostCapabilities } from "../../kernel-programs.js";
import { encodeInstructions } from "./encode.js";
import { isBpfFileSystem } from "./pins.js";

export interface KernelBpf extends HostCapabilities {
  /** Why bpf(2) cannot be used at all; everything else is empty then. */
  readonly missing: string | undefined;
}

const insn = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Instruction => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});
const pass = [insn(0xb7, 0, 0, 0, 2), insn(0x95)];

const attachNumbers = {
  xdp: bpfc.BPF_XDP,
  "xdp/devmap": bpfc.BPF_XDP_DEVMAP,
  "xdp/cpumap": bpfc.BPF_XDP_CPUMAP,
} as const;

/** An instruction that came with each set: jlt; jmp32; movsx. */
const isaProbes = [
  [4, [insn(0xb7, 0, 0, 0, 2), insn(0xbf, 0, 0, 8), insn(0x95)]],
  [3, [insn(0xb7, 0, 0, 0, 2), insn(0x16, 0, 0, 0, 1), insn(0x95)]],
  [2, [insn(0xb7, 0, 0, 0, 2), insn(0xa5, 0, 0, 0, 1), insn(0x95)]],
] as const;

let known: KernelBpf | undefined;

/** Some hundred system calls at first, some ten milliseconds; remembered from then on. */
export function kernelCapabilities(): KernelBpf {
  known ??= probe();
  return known;
}

function probe(): KernelBpf {
  const missing = bpfMissing();
  if (missing !== undefined || !loads(pass)) return nothing(missing ?? "the kernel loads no XDP programs");
  return {
    missing: undefined,
    jit: isJited(),
    attachTypes: (Object.keys(attachNumbers) as AttachType[]).filter((type) => loads(pass, attachNumbers[type])),
    frags: loads(pass, bpfc.BPF_XDP, bpfc.BPF_F_XDP_HAS_FRAGS),
    // Values with a program came to cpumaps in the version that XDP links came in; a link itself takes a device to try.
    links: creates({ type: mapTypes.cpumap, keySize: 4, valueSize: 8, maxEntries: 1 }),
    mapTypes: (Object.keys(mapTypes) as MapTypeName[]).filter(hasMapType),
    helpers: helpers.map(({ id }) => id).filter(hasHelper),
    isa: isaProbes.find(([, insns]) => loads(insns))?.[0] ?? 1,
    pins: isBpfFileSystem(),
  };
}

const nothing = (missing: string): KernelBpf => ({
  missing,
  jit: false,
  attachTypes: [],
  frags: false,
  links: false,
  mapTypes: [],
  helpers: [],
  isa: 1,
  pins: false,
});

function loads(insns: readonly Instruction[], expectedAttachType = 0, flags = 0): boolean {
  try {
    closeDescriptor(loadBpfProgram({ insns: encodeInstructions(insns), expectedAttachType, flags, log: "never" }).fd);
    return true;
  } catch {
    return false;
  }
}

function isJited(): boolean {
  const { fd } = loadBpfProgram({ insns: encodeInstructions(pass) });
  const { jitedLength } = bpfProgramInfo(fd);
  closeDescriptor(fd);
  return jitedLength > 0;
}

/** Without arguments a helper that there is is refused too, but for another reason. */
function hasHelper(id: number): boolean {
  try {
    closeDescriptor(loadBpfProgram({ insns: encodeInstructions([insn(0x85, 0, 0, 0, id), ...pass]), log: 1 }).fd);
    return true;
  } catch (error) {
    if (!(error instanceof BpfError)) throw error;
    return !/(?:invalid|unknown) func |cannot use helper/.test(error.log);
  }
}

/** Smallest of each type: bytes of key and value, entries, flags. */
const smallest: Partial<Record<MapTypeName, readonly [number, number, number, number?]>> = {
  lpm_trie: [8, 1, 1, mapFlag.noPrealloc],
  queue: [0, 4, 1],
  stack: [0, 4, 1],
  bloom_filter: [0, 4, 1],
  ringbuf: [0, 0, 4096],
};

function hasMapType(name: MapTypeName): boolean {
  const [keySize, valueSize, maxEntries, flags = 0] = smallest[name] ?? [4, 4, 1];
  const options = { type: mapTypes[name], keySize, valueSize, maxEntries, flags };
  if (!name.endsWith("_of_maps")) return creates(options);
  try {
    const inner = createBpfMap({ type: mapTypes.array, keySize: 4, valueSize: 4, maxEntries: 1 });
    const found = creates({ ...options, innerMapFd: inner });
    closeDescriptor(inner);
    return found;
  } catch {
    return false;
  }
}

function creates(options: Parameters<typeof createBpfMap>[0]): boolean {
  try {
    closeDescriptor(createBpfMap(options));
    return true;
  } catch {
    return false;
  }
}
