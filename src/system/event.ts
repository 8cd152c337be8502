/** eventfd(2): wakes a thread that is blocked in ppoll, from any thread of the process. */
import { libc } from "./ffi.js";
import { scratchBytes } from "./scratch.js";
import { check } from "./socket.js";
import { c } from "./structs.js";

export interface EventFd {
  readonly fd: number;
  close(): void;
}

export function openEventFd(): EventFd {
  const fd = check(libc().eventfd(0, c.EFD_NONBLOCK | c.EFD_CLOEXEC), "eventfd", "creation");
  return { fd, close: () => void libc().close(fd) };
}

/** Makes `fd` readable. */
export function signalEvent(fd: number): void {
  const { view, address } = scratchBytes();
  view.setBigUint64(0, 1n, true);
  libc().write(fd, address, 8);
}

/** Makes `fd` unreadable until the next signal. */
export function clearEvent(fd: number): void {
  libc().read(fd, scratchBytes().address, 8);
}
