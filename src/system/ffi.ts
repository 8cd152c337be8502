/**
 * libc through koffi, loaded when it is first asked for, so that whatever needs no system call of its own runs without it.
 * Pointers are plain numbers (`Memory.address` + offset): nothing is pinned or converted per call.
 */
import { createRequire } from "node:module";
import { endianness } from "node:os";
import { SystemError } from "./errno.js";

/** The libc functions that we call, as C declares them. Pointers and sizes are numbers; -1 means: see `errno()`. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: number, length: number): number;
  connect(fd: number, address: number, length: number): number;
  getsockname(fd: number, address: number, length: number): number;
  setsockopt(fd: number, level: number, option: number, value: number, length: number): number;
  getsockopt(fd: number, level: number, option: number, value: number, length: number): number;
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number;
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  recv(fd: number, buffer: number, length: number, flags: number): number;
  send(fd: number, buffer: number, length: number, flags: number): number;
  read(fd: number, buffer: number, length: number): number;
  write(fd: number, buffer: number, length: number): number;
  ppoll(fds: number, count: number, timeout: number, mask: number): number;
  eventfd(initial: number, flags: number): number;
  mmap(address: number, length: number, protection: number, flags: number, fd: number, offset: number): number;
  munmap(address: number, length: number): number;
  madvise(address: number, length: number, advice: number): number;
  sched_setaffinity(pid: number, size: number, mask: number): number;
  gettid(): number;
  prctl(option: number, arg2: number, arg3: number, arg4: number, arg5: number): number;
  open(path: string, flags: number, mode: number): number;
  close(fd: number): number;
  setns(fd: number, type: number): number;
  /** `argument` is a pointer or a number, as the request wants it. */
  ioctl(fd: number, request: number, argument: number): number;
  readv(fd: number, vectors: number, count: number): number;
  writev(fd: number, vectors: number, count: number): number;
  /** For calls that libc has no function for. */
  syscall(call: number, a: number, b: number, c: number, d: number, e: number, f: number): number;
  sendto(fd: number, buffer: number, length: number, flags: number, address: number, addressLength: number): number;
}

const pointer = "uintptr_t";
const prototypes: Record<keyof Libc, readonly [result: string, ...parameters: string[]]> = {
  socket: ["int", "int", "int", "int"],
  bind: ["int", "int", pointer, "uint"],
  connect: ["int", "int", pointer, "uint"],
  getsockname: ["int", "int", pointer, pointer],
  setsockopt: ["int", "int", "int", "int", pointer, "uint"],
  getsockopt: ["int", "int", "int", "int", pointer, pointer],
  recvmmsg: ["int", "int", pointer, "uint", "int", pointer],
  sendmmsg: ["int", "int", pointer, "uint", "int"],
  recv: ["int64_t", "int", pointer, "size_t", "int"],
  send: ["int64_t", "int", pointer, "size_t", "int"],
  read: ["int64_t", "int", pointer, "size_t"],
  write: ["int64_t", "int", pointer, "size_t"],
  ppoll: ["int", pointer, "uint64_t", pointer, pointer],
  eventfd: ["int", "uint", "int"],
  mmap: [pointer, pointer, "size_t", "int", "int", "int", "int64_t"],
  munmap: ["int", pointer, "size_t"],
  madvise: ["int", pointer, "size_t", "int"],
  sched_setaffinity: ["int", "int", "size_t", pointer],
  gettid: ["int"],
  prctl: ["int", "int", pointer, pointer, pointer, pointer],
  open: ["int", "str", "int", "int"],
  close: ["int", "int"],
  setns: ["int", "int", "int"],
  ioctl: ["int", "int", "ulong", pointer],
  readv: ["int64_t", "int", pointer, "int"],
  writev: ["int64_t", "int", pointer, "int"],
  syscall: ["long", "long", "long", pointer, pointer, pointer, pointer, pointer],
  sendto: ["int64_t", "int", pointer, "size_t", "int", pointer, "uint"],
};

type Koffi = typeof import("koffi");
interface Ffi {
  readonly koffi: Koffi;
  readonly libc: Libc;
}
type Loaded = { readonly ffi: Ffi; readonly missing?: never } | { readonly missing: string; readonly ffi?: never };

let loaded: Loaded | undefined;

function load(): Loaded {
  if (process.platform !== "linux") return { missing: `needs Linux, this is ${process.platform}` };
  if (endianness() !== "LE") return { missing: "struct layouts are those of little-endian 64-bit Linux" };
  if (process.env.JUNCTOR_NO_FFI === "1") return { missing: "JUNCTOR_NO_FFI=1 is set" };
  try {
    const koffi = createRequire(import.meta.url)("koffi") as Koffi;
    // The running program already has libc, whichever it is (glibc, musl).
    const library = koffi.load(null);
    const functions = Object.entries(prototypes).map(([name, [result, ...parameters]]) => [
      name,
      library.func(name, result, parameters),
    ]);
    return { ffi: { koffi, libc: Object.fromEntries(functions) as Libc } };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

/** Why system calls cannot be made here, in words; undefined when they can. */
export function ffiMissing(): string | undefined {
  loaded ??= load();
  return loaded.missing;
}

function ffi(): Ffi {
  loaded ??= load();
  if (loaded.ffi !== undefined) return loaded.ffi;
  throw new SystemError("ENOSYS", "ffi", loaded.missing, "use a dgram port (node:dgram), which needs no system calls");
}

/** @throws SystemError ENOSYS where koffi or this platform cannot do it. */
export const libc = (): Libc => ffi().libc;

/** The calling thread's `errno`: meaningful right after a call that answered -1. */
export const errno = (): number => ffi().koffi.errno();

/** Address of the first byte of a buffer that V8 does not move (a typed array over its own or shared memory). */
export const addressOf = (bytes: Uint8Array): number => Number(ffi().koffi.address(bytes));

/** Calls back on Node's event loop when `fd` is readable, until closed. The handle keeps the loop alive until `unref`. */
export function pollReadable(fd: number, callback: () => void): { close(): void; unref(): void } {
  return ffi().koffi.node.poll(fd, { readable: true }, callback);
}
