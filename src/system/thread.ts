/** The calling thread: its processor, its name, its network namespace. */
import { libc } from "./ffi.js";
import { scratchBytes } from "./scratch.js";
import { check } from "./socket.js";
import { c } from "./structs.js";

/** Binds the calling thread, not the process, to one processor. @throws SystemError */
export function pinThread(cpu: number): void {
  const { bytes, address } = scratchBytes();
  const size = 128;
  bytes.fill(0, 0, size);
  bytes[cpu >> 3] = 1 << (cpu & 7);
  check(libc().sched_setaffinity(0, size, address), "sched_setaffinity", `to processor ${cpu}`);
}

/** Names the calling thread as `top -H` and /proc/PID/task/TID/comm show it; at most 15 characters count. */
export function nameThread(name: string): void {
  const { bytes, address } = scratchBytes();
  const text = Buffer.from(`${name.slice(0, 15)}\0`, "latin1");
  bytes.set(text);
  libc().prctl(c.PR_SET_NAME, address, 0, 0, 0);
}

/** Kernel id of the calling thread, as in /proc/self/task. */
export const threadId = (): number => libc().gettid();

/**
 * Moves the calling thread into a network namespace (`ip netns` name or a path under /proc); sockets that it opens from then
 * on live there. Returns to nothing: use it in a process or worker thread of its own. @throws SystemError
 */
export function enterNetworkNamespace(name: string): void {
  const path = name.startsWith("/") ? name : `/run/netns/${name}`;
  const fd = check(libc().open(path, 0, 0), "open", path);
  try {
    check(libc().setns(fd, c.CLONE_NEWNET), "setns", path);
  } finally {
    libc().close(fd);
  }
}
