/**
 * `union bpf_attr` and what else bpf(2) reads and writes, as <linux/bpf.h> declares them: byte offsets. A field marked 8 is a
 * __u64 or a pointer, all others are __u32 if nothing else is said. Sizes are those of what we fill in: the kernel takes less
 * than it knows, and more where it is zero.
 */

/** enum bpf_cmd */
export const bpfCommand = {
  MAP_CREATE: 0,
  MAP_LOOKUP_ELEM: 1,
  MAP_UPDATE_ELEM: 2,
  MAP_DELETE_ELEM: 3,
  MAP_GET_NEXT_KEY: 4,
  PROG_LOAD: 5,
  OBJ_PIN: 6,
  OBJ_GET: 7,
  PROG_TEST_RUN: 10,
  PROG_GET_NEXT_ID: 11,
  MAP_GET_NEXT_ID: 12,
  PROG_GET_FD_BY_ID: 13,
  MAP_GET_FD_BY_ID: 14,
  OBJ_GET_INFO_BY_FD: 15,
  BTF_LOAD: 18,
  MAP_LOOKUP_AND_DELETE_ELEM: 21,
  MAP_FREEZE: 22,
  MAP_LOOKUP_BATCH: 24,
  MAP_UPDATE_BATCH: 26,
  MAP_DELETE_BATCH: 27,
  LINK_CREATE: 28,
  LINK_UPDATE: 29,
  LINK_GET_FD_BY_ID: 30,
  LINK_GET_NEXT_ID: 31,
  LINK_DETACH: 34,
} as const;
export type BpfCommand = keyof typeof bpfCommand;

export const mapCreateAttr = {
  type: 0,
  keySize: 4,
  valueSize: 8,
  maxEntries: 12,
  flags: 16,
  innerMapFd: 20,
  numaNode: 24,
  name: 28, // char[16]
  ifindex: 44,
  btfFd: 48,
  btfKeyType: 52,
  btfValueType: 56,
  btfVmlinuxValueType: 60,
  extra: 64, // 8
  size: 72,
} as const;

/** MAP_*_ELEM, GET_NEXT_KEY (`value` is next_key), MAP_FREEZE (the descriptor alone). */
export const mapElementAttr = {
  fd: 0,
  key: 8, // 8
  value: 16, // 8
  flags: 24, // 8
  size: 32,
} as const;

export const mapBatchAttr = {
  inBatch: 0, // 8: where to go on; 0: at the start
  outBatch: 8, // 8
  keys: 16, // 8
  values: 24, // 8
  count: 32, // in and out
  fd: 36,
  elementFlags: 40, // 8
  flags: 48, // 8
  size: 56,
} as const;

export const programLoadAttr = {
  type: 0,
  insnCount: 4,
  insns: 8, // 8
  license: 16, // 8
  logLevel: 24,
  logSize: 28,
  logBuffer: 32, // 8
  kernelVersion: 40,
  flags: 44,
  name: 48, // char[16]
  ifindex: 64,
  expectedAttachType: 68,
  btfFd: 72,
  funcInfoRecordSize: 76,
  funcInfo: 80, // 8
  funcInfoCount: 88,
  lineInfoRecordSize: 92,
  lineInfo: 96, // 8
  lineInfoCount: 104,
  size: 144,
} as const;

export const btfLoadAttr = {
  btf: 0, // 8
  logBuffer: 8, // 8
  btfSize: 16,
  logSize: 20,
  logLevel: 24,
  size: 28,
} as const;

export const testRunAttr = {
  fd: 0,
  returned: 4,
  dataSizeIn: 8,
  dataSizeOut: 12, // in and out
  dataIn: 16, // 8
  dataOut: 24, // 8
  repeat: 32,
  duration: 36, // nanoseconds for one run, on average
  contextSizeIn: 40,
  contextSizeOut: 44, // in and out
  contextIn: 48, // 8
  contextOut: 56, // 8
  flags: 64,
  cpu: 68,
  batchSize: 72,
  size: 80,
} as const;

export const objectAttr = {
  path: 0, // 8
  fd: 8,
  fileFlags: 12,
  size: 16,
} as const;

/** *_GET_NEXT_ID, *_GET_FD_BY_ID */
export const idAttr = { id: 0, nextId: 4, openFlags: 8, size: 12 } as const;

export const infoAttr = {
  fd: 0,
  length: 4, // in and out
  info: 8, // 8
  size: 16,
} as const;

export const linkCreateAttr = {
  programFd: 0,
  targetIfindex: 4,
  attachType: 8,
  flags: 12,
  size: 64,
} as const;

/** LINK_UPDATE; LINK_DETACH has the link's descriptor alone. */
export const linkUpdateAttr = {
  linkFd: 0,
  newProgramFd: 4,
  flags: 8,
  oldProgramFd: 12, // with flag BPF_F_REPLACE: what has to be there
  size: 16,
} as const;

export const programInfo = {
  type: 0,
  id: 4,
  tag: 8, // u8[8]
  jitedLength: 16,
  xlatedLength: 20,
  loadTime: 40, // 8: nanoseconds since boot
  mapCount: 52,
  name: 64, // char[16]
  ifindex: 80,
  btfId: 128,
  runTime: 192, // 8: nanoseconds, while statistics are on
  runCount: 200, // 8
  verifiedInsns: 216,
  size: 232,
} as const;

export const mapInfo = {
  type: 0,
  id: 4,
  keySize: 8,
  valueSize: 12,
  maxEntries: 16,
  flags: 20,
  name: 24, // char[16]
  ifindex: 40,
  btfId: 64,
  extra: 80, // 8
  size: 88,
} as const;

export const linkInfo = {
  type: 0,
  id: 4,
  programId: 8,
  xdpIfindex: 16,
  size: 64,
} as const;

/** struct bpf_func_info, struct bpf_line_info */
export const funcInfoRecord = { insn: 0, type: 4, size: 8 } as const;
export const lineInfoRecord = { insn: 0, fileName: 4, line: 8, lineColumn: 12, size: 16 } as const;

export const objectNameBytes = 16;

/** Constants of <linux/bpf.h> and <linux/if_link.h>. */
export const bpfc = {
  BPF_PROG_TYPE_XDP: 6,
  BPF_XDP_DEVMAP: 33,
  BPF_XDP_CPUMAP: 35,
  BPF_XDP: 37,
  BPF_LINK_TYPE_XDP: 6,
  BPF_ANY: 0,
  BPF_NOEXIST: 1,
  BPF_EXIST: 2,
  BPF_F_LOCK: 4,
  BPF_F_REPLACE: 4,
  BPF_F_XDP_HAS_FRAGS: 32,
  BPF_F_STRICT_ALIGNMENT: 1,
  BPF_F_TEST_XDP_LIVE_FRAMES: 2,
  BPF_LOG_LEVEL1: 1,
  BPF_LOG_LEVEL2: 2,
  BPF_PSEUDO_MAP_FD: 1,
  BPF_PSEUDO_MAP_VALUE: 2,
  XDP_FLAGS_UPDATE_IF_NOEXIST: 1,
  XDP_FLAGS_SKB_MODE: 2,
  XDP_FLAGS_DRV_MODE: 4,
  XDP_FLAGS_HW_MODE: 8,
} as const;
