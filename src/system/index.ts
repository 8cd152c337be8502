/** libc calls through FFI, and the batches and memory that they work on. Linux, 64 bits, little-endian. */
export { type DatagramEvents, type DatagramSocket, longestDatagram, openDatagramSocket } from "./datagram-socket.js";
export { errnoName, SystemError } from "./errno.js";
export { clearEvent, type EventFd, openEventFd, signalEvent } from "./event.js";
export { errno, ffiMissing, type Libc, libc, pollReadable } from "./ffi.js";
export {
  adviseHugePages,
  attachMemory,
  createMemory,
  createRegion,
  type Memory,
  type Region,
  type SharedMemory,
  storePointer,
  storeSize,
} from "./memory.js";
export { mapShared, unmap } from "./mmap.js";
export type { InterfaceAddress } from "./netlink-address.js";
export type { Link, LinkSet } from "./netlink-link.js";
export type { Route, RouteFilter } from "./netlink-route.js";
export { sendUnixDatagram } from "./notify.js";
export { createPollSet, type PollSet } from "./poll.js";
export { bufferBytes, createRecvBatch, type RecvBatch, type RecvBatchOptions } from "./recv-batch.js";
export { openRtnetlink, type Rtnetlink } from "./rtnetlink.js";
export { createSendBatch, type SendBatch } from "./send-batch.js";
export {
  addressBytes,
  decodeSocketAddress,
  encodeSocketAddress,
  isWildcard,
  joinSocketAddress,
  type SocketAddress,
  socketAddress4,
  socketAddress6,
  splitSocketAddress,
} from "./sockaddr.js";
export { check, openUdpSocket, setOption, trySetOption, type UdpSocket, type UdpSocketOptions } from "./socket.js";
export * as structs from "./structs.js";
export { enterNetworkNamespace, nameThread, pinThread, threadId } from "./thread.js";
export { allOffloads, type Offload, openTun, type Tun, type TunOptions } from "./tun.js";
