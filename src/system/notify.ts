/** Datagrams to a UNIX socket, which node:net has not: what a service tells its manager (sd_notify(3)). */
import { libc } from "./ffi.js";
import { scratchBytes } from "./scratch.js";
import { check } from "./socket.js";
import { c, sockaddrUn } from "./structs.js";

const message = 1024;
const longestMessage = 2048;

/**
 * Sends one datagram and waits for nothing. A path that begins with `@` is in the abstract namespace (unix(7)).
 * @throws SystemError; RangeError for a path or text that is too long
 */
export function sendUnixDatagram(path: string, text: string): void {
  const encoder = new TextEncoder();
  const [name, bytes] = [encoder.encode(path), encoder.encode(text)];
  if (name.length === 0 || name.length >= sockaddrUn.size - sockaddrUn.path)
    throw new RangeError(`socket path: ${path}`);
  if (bytes.length > longestMessage) throw new RangeError(`datagram of ${bytes.length} bytes`);
  const fd = check(
    libc().socket(c.AF_UNIX, c.SOCK_DGRAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC, 0),
    "socket",
    `for ${path}`,
  );
  try {
    const { bytes: scratch, view, address } = scratchBytes();
    view.setUint16(sockaddrUn.family, c.AF_UNIX, true);
    scratch.set(name, sockaddrUn.path);
    if (path.startsWith("@")) scratch[sockaddrUn.path] = 0;
    scratch.set(bytes, message);
    const length = sockaddrUn.path + name.length;
    check(libc().sendto(fd, address + message, bytes.length, c.MSG_NOSIGNAL, address, length), "sendto", `to ${path}`);
  } finally {
    libc().close(fd);
  }
}
