/** bpf(2): one attribute block and one area for what it points to, per thread, used anew by each call. */

import { type BpfCommand, bpfCommand } from "./bpf-structs.js";
import { errnoName, SystemError } from "./errno.js";
import { addressOf, errno, ffiMissing, libc } from "./ffi.js";

/** Of the system call, by `process.arch`. */
const callNumbers: Readonly<Partial<Record<string, number>>> = { x64: 321, arm64: 280, riscv64: 280, loong64: 280 };

/** What the kernel refuses, with what its verifier said. */
export class BpfError extends SystemError {
  /** The verifier's log; empty where there is none. */
  readonly log: string;

  constructor(code: string, command: string, what: string, log = "", hint = hints[code]) {
    super(code, `bpf ${command}`, what, hint);
    this.log = log;
  }
}

const hints: Readonly<Record<string, string>> = {
  EPERM: "run as root, or give the capabilities CAP_BPF and CAP_NET_ADMIN; a container may forbid bpf(2) altogether",
  ENOSYS: "the kernel has no bpf(2) (CONFIG_BPF_SYSCALL)",
  E2BIG: "the map is full, or the kernel is older than what is asked of it",
  ENOMEM: "raise the limit of locked memory (ulimit -l); kernels before 5.11 count maps by it",
  EBUSY: "another program is attached there; see `ip link` or `bpftool net`",
  EOPNOTSUPP: "the driver has no native XDP; attach with mode generic",
};

/** Numbers that the kernel gives although they are none for users. */
const innerErrors: Readonly<Record<number, string>> = { 524: "ENOTSUPP" };
const codeOf = (number: number): string => innerErrors[number] ?? errnoName(number);

/** Where the bytes lie, for the kernel and for us. */
export interface Room {
  readonly bytes: Uint8Array;
  readonly address: number;
}

interface Area {
  readonly attribute: Room & { readonly view: DataView };
  readonly room: Room;
  used: number;
  /** Rooms too large for the area, kept until the next call. */
  readonly extra: Uint8Array[];
}

const attributeBytes = 256;
const areaBytes = 1 << 18;
let area: Area | undefined;

function getArea(): Area {
  if (area !== undefined) return area;
  const bytes = new Uint8Array(attributeBytes + areaBytes);
  const address = addressOf(bytes);
  area = {
    attribute: {
      bytes: bytes.subarray(0, attributeBytes),
      address,
      view: new DataView(bytes.buffer, 0, attributeBytes),
    },
    room: { bytes: bytes.subarray(attributeBytes), address: address + attributeBytes },
    used: 0,
    extra: [],
  };
  return area;
}

/** A fresh attribute block, zeroed; what earlier calls pointed to is free again. */
export function bpfAttribute(): DataView {
  const { attribute, extra } = getArea();
  attribute.bytes.fill(0);
  getArea().used = 0;
  extra.length = 0;
  return attribute.view;
}

/** Room for the kernel to read or write, until the next attribute block; its bytes are of earlier calls. */
export function bpfRoom(length: number): Room {
  const here = getArea();
  const at = (here.used + 7) & ~7;
  if (at + length <= here.room.bytes.length) {
    here.used = at + length;
    return { bytes: here.room.bytes.subarray(at, at + length), address: here.room.address + at };
  }
  const bytes = new Uint8Array(length);
  here.extra.push(bytes);
  return { bytes, address: addressOf(bytes) };
}

/** Copies `bytes` to where the kernel can read them, and stores the pointer at offset `at` of the attribute block. */
export function pointTo(attribute: DataView, at: number, bytes: Uint8Array): Room {
  const room = bpfRoom(bytes.length);
  room.bytes.set(bytes);
  storeAddress(attribute, at, room.address);
  return room;
}

export function storeAddress(attribute: DataView, at: number, address: number): void {
  attribute.setUint32(at, address % 0x1_0000_0000, true);
  attribute.setUint32(at + 4, Math.floor(address / 0x1_0000_0000), true);
}

export function storeText(attribute: DataView, at: number, text: string): Room {
  return pointTo(attribute, at, new TextEncoder().encode(`${text}\0`));
}

/** Stores what fits of an object's name; the kernel takes letters, digits, `_` and `.`. */
export function storeName(attribute: DataView, at: number, name: string): void {
  for (let index = 0; index < Math.min(name.length, 15); index++) {
    const code = name.charCodeAt(index);
    const fits = /[\w.]/.test(name[index]!);
    attribute.setUint8(at + index, fits ? code : 0x5f);
  }
}

export const textAt = (bytes: Uint8Array, at: number, length: number): string => {
  const end = bytes.indexOf(0, at);
  return new TextDecoder().decode(bytes.subarray(at, end < 0 ? at + length : Math.min(end, at + length)));
};

/** Calls with the attribute block as filled in. Answers what the kernel answers, or the negative errno. */
export function tryBpf(command: BpfCommand, size: number): number {
  const number = callNumbers[process.arch];
  if (number === undefined) throw new BpfError("ENOSYS", command, `is not known on ${process.arch}`);
  const answer = libc().syscall(number, bpfCommand[command], getArea().attribute.address, size, 0, 0, 0);
  return answer < 0 ? -errno() : answer;
}

/** As `tryBpf`. @throws BpfError saying what failed */
export function bpf(command: BpfCommand, size: number, what: string): number {
  const answer = tryBpf(command, size);
  if (answer < 0) throw bpfFailure(-answer, command, what);
  return answer;
}

export const bpfFailure = (number: number, command: BpfCommand, what: string, log = ""): BpfError =>
  new BpfError(codeOf(number), command, `${what} failed`, log);

let missing: { readonly reason: string | undefined } | undefined;

/** Why this process cannot use bpf(2), in words; undefined when it can. */
export function bpfMissing(): string | undefined {
  missing ??= { reason: probe() };
  return missing.reason;
}

function probe(): string | undefined {
  const ffi = ffiMissing();
  if (ffi !== undefined) return ffi;
  if (callNumbers[process.arch] === undefined) return `the number of bpf(2) on ${process.arch} is not known`;
  const view = bpfAttribute();
  view.setUint32(0, 0xffff_ffff, true);
  // No program has an id beyond the largest: ENOENT from whoever may ask, EPERM for everybody else.
  const answer = -tryBpf("PROG_GET_NEXT_ID", 12);
  const code = codeOf(answer);
  if (answer <= 0 || code === "ENOENT" || code === "EINVAL") return undefined;
  return `bpf(2) answers ${code}${hints[code] === undefined ? "" : `: ${hints[code]}`}`;
}
