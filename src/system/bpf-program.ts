/** Programs of the kernel: load, and run on frames of ours (BPF_PROG_TEST_RUN). */

import { constants } from "node:os";
import {
  bpf,
  bpfAttribute,
  bpfFailure,
  bpfRoom,
  pointTo,
  storeAddress,
  storeName,
  storeText,
  textAt,
  tryBpf,
} from "./bpf-call.js";
import {
  bpfc,
  btfLoadAttr,
  funcInfoRecord,
  lineInfoRecord,
  programLoadAttr as load,
  testRunAttr as run,
} from "./bpf-structs.js";

const { ENOSPC } = constants.errno;

/** When the verifier is to tell what it did: never, when it refuses, or always (1: what matters, 2: every instruction). */
export type BpfLog = "never" | "refusal" | 1 | 2;

export interface BpfProgramOptions {
  /** As on the wire: 8 bytes each, maps as descriptors. */
  readonly insns: Uint8Array;
  /** Number of enum bpf_prog_type; default BPF_PROG_TYPE_XDP. */
  readonly type?: number;
  readonly expectedAttachType?: number;
  readonly license?: string;
  readonly name?: string;
  /** BPF_F_* of prog_flags. */
  readonly flags?: number;
  readonly ifindex?: number;
  readonly btfFd?: number;
  /** Records of 8 bytes: slot, type id. */
  readonly funcInfo?: Uint8Array;
  /** Records of 16 bytes: slot, offset of the file's name, offset of the line's text, line << 10 | column. */
  readonly lineInfo?: Uint8Array;
  readonly log?: BpfLog;
  /** Bytes of log at most, 64 KiB or more; default 16 MiB. Of a longer one, kernels since 6.4 keep the end. */
  readonly logLimit?: number;
}

const longestLog = 1 << 24;

/** Answers a descriptor that the caller closes, and the log. @throws BpfError with the verifier's log */
export function loadBpfProgram(options: BpfProgramOptions): { readonly fd: number; readonly log: string } {
  const { log = "refusal" } = options;
  const told = typeof log === "number" ? loadWithLog(options, log) : { answer: tryLoad(options, 0, 0).answer, log: "" };
  if (told.answer >= 0) return { fd: told.answer, log: told.log };
  // Telling is slow, so that the kernel is asked why only when it has refused.
  const reason = log === "refusal" ? loadWithLog(options, 1) : told;
  if (reason.answer >= 0) return { fd: reason.answer, log: "" };
  throw bpfFailure(-told.answer, "PROG_LOAD", `of program "${options.name ?? ""}"`, reason.log);
}

/** As `loadBpfProgram` without a log: the descriptor, or the negative errno. Nothing is thrown: for many loads in a row. */
export const tryLoadBpfProgram = (options: BpfProgramOptions): number => tryLoad(options, 0, 0).answer;

function loadWithLog(options: BpfProgramOptions, level: number): { readonly answer: number; readonly log: string } {
  for (let size = 1 << 16; ; size <<= 2) {
    const { answer, log } = tryLoad(options, level, size);
    if (answer !== -ENOSPC || size >= (options.logLimit ?? longestLog)) return { answer, log };
  }
}

function tryLoad(options: BpfProgramOptions, level: number, logSize: number): { answer: number; log: string } {
  const view = bpfAttribute();
  view.setUint32(load.type, options.type ?? bpfc.BPF_PROG_TYPE_XDP, true);
  view.setUint32(load.expectedAttachType, options.expectedAttachType ?? 0, true);
  view.setUint32(load.insnCount, options.insns.length / 8, true);
  pointTo(view, load.insns, options.insns);
  storeText(view, load.license, options.license ?? "GPL");
  storeName(view, load.name, options.name ?? "");
  view.setUint32(load.flags, options.flags ?? 0, true);
  view.setUint32(load.ifindex, options.ifindex ?? 0, true);
  view.setUint32(load.btfFd, options.btfFd ?? 0, true);
  if (options.funcInfo !== undefined && options.funcInfo.length > 0) {
    view.setUint32(load.funcInfoRecordSize, funcInfoRecord.size, true);
    view.setUint32(load.funcInfoCount, options.funcInfo.length / funcInfoRecord.size, true);
    pointTo(view, load.funcInfo, options.funcInfo);
  }
  if (options.lineInfo !== undefined && options.lineInfo.length > 0) {
    view.setUint32(load.lineInfoRecordSize, lineInfoRecord.size, true);
    view.setUint32(load.lineInfoCount, options.lineInfo.length / lineInfoRecord.size, true);
    pointTo(view, load.lineInfo, options.lineInfo);
  }
  if (level === 0) return { answer: tryBpf("PROG_LOAD", load.size), log: "" };
  const log = bpfRoom(logSize);
  log.bytes[0] = 0;
  view.setUint32(load.logLevel, level, true);
  view.setUint32(load.logSize, logSize, true);
  storeAddress(view, load.logBuffer, log.address);
  const answer = tryBpf("PROG_LOAD", load.size);
  return { answer, log: textAt(log.bytes, 0, logSize) };
}

/** Loads BTF; answers a descriptor that the caller closes. @throws BpfError with what the kernel found wrong */
export function loadBpfBtf(btf: Uint8Array): number {
  const fill = (): DataView => {
    const view = bpfAttribute();
    pointTo(view, btfLoadAttr.btf, btf);
    view.setUint32(btfLoadAttr.btfSize, btf.length, true);
    return view;
  };
  fill();
  const answer = tryBpf("BTF_LOAD", btfLoadAttr.size);
  if (answer >= 0) return answer;
  const view = fill();
  const log = bpfRoom(1 << 20);
  log.bytes[0] = 0;
  view.setUint32(btfLoadAttr.logLevel, 1, true);
  view.setUint32(btfLoadAttr.logSize, log.bytes.length, true);
  storeAddress(view, btfLoadAttr.logBuffer, log.address);
  const again = tryBpf("BTF_LOAD", btfLoadAttr.size);
  if (again >= 0) return again;
  throw bpfFailure(-answer, "BTF_LOAD", `of ${btf.length} bytes`, textAt(log.bytes, 0, log.bytes.length));
}

export interface BpfRunOptions {
  /** The frame, after its metadata where `context` tells of one. XDP: 14 bytes or more, up to about 3500. */
  readonly data?: Uint8Array;
  /** struct xdp_md, 24 bytes: `data` is the length of the metadata, `data_end` the length of all. */
  readonly context?: Uint8Array;
  /** Times to run it; the frame is not restored in between. Default 1. */
  readonly repeat?: number;
  /** Whether the frame is wanted back. Default true. */
  readonly output?: boolean;
  readonly contextOutput?: boolean;
  /** Frames are really transmitted and redirected, `batchSize` at a time; nothing comes back. */
  readonly liveFrames?: boolean;
  readonly batchSize?: number;
  /** CPU to run on, where the type of program allows to choose. */
  readonly cpu?: number;
}

export interface BpfRun {
  readonly returned: number;
  /** Nanoseconds of one run, on average. */
  readonly duration: number;
  /** The frame as the program left it; empty if not wanted. */
  readonly data: Uint8Array;
  readonly context: Uint8Array;
}

const outputBytes = 8192;
const contextBytes = 256;

/** @throws BpfError */
export function runBpfProgram(fd: number, options: BpfRunOptions): BpfRun {
  const view = bpfAttribute();
  const live = options.liveFrames === true;
  view.setUint32(run.fd, fd, true);
  view.setUint32(run.repeat, options.repeat ?? 1, true);
  if (options.data !== undefined) {
    view.setUint32(run.dataSizeIn, options.data.length, true);
    pointTo(view, run.dataIn, options.data);
  }
  if (options.context !== undefined) {
    view.setUint32(run.contextSizeIn, options.context.length, true);
    pointTo(view, run.contextIn, options.context);
  }
  const data = bpfRoom(
    live || options.output === false ? 0 : Math.max(outputBytes, (options.data?.length ?? 0) + 4096),
  );
  const context = bpfRoom(options.contextOutput === true ? contextBytes : 0);
  if (data.bytes.length > 0) {
    view.setUint32(run.dataSizeOut, data.bytes.length, true);
    storeAddress(view, run.dataOut, data.address);
  }
  if (context.bytes.length > 0) {
    view.setUint32(run.contextSizeOut, context.bytes.length, true);
    storeAddress(view, run.contextOut, context.address);
  }
  if (live) {
    view.setUint32(run.flags, bpfc.BPF_F_TEST_XDP_LIVE_FRAMES, true);
    view.setUint32(run.batchSize, options.batchSize ?? 0, true);
  }
  view.setUint32(run.cpu, options.cpu ?? 0, true);
  bpf("PROG_TEST_RUN", run.size, `of program of descriptor ${fd}`);
  const written = (at: number, { bytes }: { bytes: Uint8Array }): Uint8Array =>
    bytes.slice(0, Math.min(view.getUint32(at, true), bytes.length));
  return {
    returned: view.getUint32(run.returned, true),
    duration: view.getUint32(run.duration, true),
    data: written(run.dataSizeOut, data),
    context: written(run.contextSizeOut, context),
  };
}

/** Nanoseconds that one run takes on `frame`, on average of `repeat` runs, as the kernel measures them. @throws BpfError */
export function kernelRunTime(fd: number, frame: Uint8Array, repeat: number): number {
  return runBpfProgram(fd, { data: frame, repeat, output: false }).duration;
}
