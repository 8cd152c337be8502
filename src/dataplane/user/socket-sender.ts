/** Messages leave through a UDP socket by sendmmsg(2). */
import { EAGAIN, ECONNREFUSED, EINTR, EINVAL, EIO, EMSGSIZE, ENOBUFS, EOPNOTSUPP } from "../../system/errno.js";
import { errno, libc } from "../../system/ffi.js";
import { scratchBytes } from "../../system/scratch.js";
import { c, mmsghdr, pollfd, timespec } from "../../system/structs.js";
import type { Failure, Sender } from "./transmit.js";

/** A full socket buffer is waited for this often, a millisecond each time. */
const patience = 3;

export function createSocketSender(fd: number, address: number): Sender {
  const { sendmmsg, ppoll } = libc();
  const flags = c.MSG_DONTWAIT | c.MSG_NOSIGNAL;

  function waitWritable(): void {
    const { view, address: scratch } = scratchBytes();
    view.setInt32(pollfd.fd, fd, true);
    view.setInt16(pollfd.events, c.POLLOUT, true);
    view.setBigInt64(16 + timespec.seconds, 0n, true);
    view.setBigInt64(16 + timespec.nanoseconds, 1_000_000n, true);
    ppoll(scratch, 1, scratch + 16, 0);
  }

  return {
    send(queue, first) {
      const sent = sendmmsg(fd, address + queue.headers + first * mmsghdr.size, queue.count - first, flags);
      return sent < 0 ? -errno() : sent;
    },
    sendSegment(queue, message, index) {
      const sent = sendmmsg(fd, address + queue.prepareSegment(message, index), 1, flags);
      return sent < 0 ? -errno() : sent;
    },
    failed(result, attempt, segments): Failure {
      switch (-result) {
        case EINTR:
          return "retry";
        case EAGAIN:
        case ENOBUFS:
          if (attempt >= patience) return "tx-no-buffers";
          waitWritable();
          return "retry";
        case ECONNREFUSED:
          // An ICMP error for an earlier datagram, reported once: this one was not tried yet.
          return attempt === 0 ? "retry" : "tx-refused";
        case EMSGSIZE:
          return segments > 1 ? "resegment" : "tx-too-big";
        case EIO:
        case EINVAL:
        case EOPNOTSUPP:
          return segments > 1 ? "resegment" : "tx-error";
        default:
          return "tx-error";
      }
    },
  };
}
