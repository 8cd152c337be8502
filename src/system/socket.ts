/** UDP sockets for batched system calls. */
import { errnoName, SystemError } from "./errno.js";
import { errno, libc } from "./ffi.js";
import { scratchBytes } from "./scratch.js";
import { decodeSocketAddress, encodeSocketAddress, splitSocketAddress } from "./sockaddr.js";
import { c, sockaddrIn6 } from "./structs.js";

export interface UdpSocketOptions {
  /** Address and port to bind to; port 0 lets the kernel choose. */
  readonly local: string;
  /** Connects, so that sends need no address and only this peer is heard. */
  readonly remote?: string;
  /** Several sockets on one address; the kernel spreads flows over them (SO_REUSEPORT). */
  readonly reusePort?: boolean;
  /** Bytes. Beyond net.core.rmem_max only with CAP_NET_ADMIN. */
  readonly receiveBuffer?: number;
  readonly sendBuffer?: number;
  /** Coalesces datagrams of one flow into super-packets on receipt (UDP_GRO), if the kernel can. */
  readonly gro?: boolean;
  /** Reports the local address of what is received (IP_PKTINFO, IPV6_RECVPKTINFO). */
  readonly packetInfo?: boolean;
}

export interface UdpSocket {
  readonly fd: number;
  readonly family: 4 | 6;
  /** As bound, with the real port number. */
  readonly local: string;
  /** Whether UDP_GRO is on. */
  readonly gro: boolean;
  close(): void;
}

/** Opens a non-blocking UDP socket. @throws SystemError naming the call that failed and the address. */
export function openUdpSocket(options: UdpSocketOptions): UdpSocket {
  const { family } = splitSocketAddress(options.local);
  const domain = family === 4 ? c.AF_INET : c.AF_INET6;
  const fd = check(
    libc().socket(domain, c.SOCK_DGRAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC, 0),
    "socket",
    `for ${options.local}`,
  );
  try {
    if (family === 6) setOption(fd, c.SOL_IPV6, c.IPV6_V6ONLY, 1);
    if (options.reusePort) setOption(fd, c.SOL_SOCKET, c.SO_REUSEPORT, 1);
    if (options.receiveBuffer !== undefined) setBuffer(fd, c.SO_RCVBUFFORCE, c.SO_RCVBUF, options.receiveBuffer);
    if (options.sendBuffer !== undefined) setBuffer(fd, c.SO_SNDBUFFORCE, c.SO_SNDBUF, options.sendBuffer);
    if (options.packetInfo) {
      if (family === 4) setOption(fd, c.SOL_IP, c.IP_PKTINFO, 1);
      else setOption(fd, c.SOL_IPV6, c.IPV6_RECVPKTINFO, 1);
    }
    const gro = options.gro === true && trySetOption(fd, c.SOL_UDP, c.UDP_GRO, 1) === 0;
    withAddress(options.local, (at, length) => check(libc().bind(fd, at, length), "bind", `to ${options.local}`));
    const { remote } = options;
    if (remote !== undefined) {
      withAddress(remote, (at, length) => check(libc().connect(fd, at, length), "connect", `to ${remote}`));
    }
    return { fd, family, local: localAddress(fd), gro, close: () => void libc().close(fd) };
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

/** @throws SystemError when `result` is negative. */
export function check(result: number, syscall: string, what: string): number {
  if (result >= 0) return result;
  throw new SystemError(errnoName(errno()), syscall, `${what} failed`);
}

export function setOption(fd: number, level: number, option: number, value: number): void {
  check(trySetOption(fd, level, option, value), "setsockopt", `level ${level} option ${option}`);
}

/** Answers 0, or -1 with `errno`. */
export function trySetOption(fd: number, level: number, option: number, value: number): number {
  const { view, address } = scratchBytes();
  view.setInt32(0, value, true);
  return libc().setsockopt(fd, level, option, address, 4);
}

/** The privileged option sets any size; the ordinary one is cut at the host's maximum. */
function setBuffer(fd: number, force: number, ordinary: number, bytes: number): void {
  if (trySetOption(fd, c.SOL_SOCKET, force, bytes) < 0) trySetOption(fd, c.SOL_SOCKET, ordinary, bytes);
}

function withAddress(text: string, call: (address: number, length: number) => void): void {
  const sockaddr = encodeSocketAddress(text);
  const { bytes, address } = scratchBytes();
  bytes.set(sockaddr);
  call(address, sockaddr.length);
}

function localAddress(fd: number): string {
  const { view, address } = scratchBytes();
  const length = 64;
  view.setUint32(length, sockaddrIn6.size, true);
  check(libc().getsockname(fd, address, address + length), "getsockname", "of a UDP socket");
  return decodeSocketAddress(view, 0) ?? "";
}
