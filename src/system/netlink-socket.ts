/**
 * An AF_NETLINK socket of the routing family. The kernel does what a message asks for while it is sent: when `send` returns, every
 * answer lies in the receive buffer. So nothing is polled, and a batch costs one call to send and one or two to receive.
 */
import { errnoName, SystemError } from "./errno.js";
import { addressOf, errno, libc } from "./ffi.js";
import { attributes, flag, type Message, messages, nlmsghdr, textOf, type } from "./netlink.js";
import { check, setOption, trySetOption } from "./socket.js";
import { c } from "./structs.js";

/** What the kernel said to one request. Absent in a batch's answers: it was done. */
export interface Refusal {
  readonly code: string;
  /** The kernel's words on it (extended acknowledgement), where it had any. */
  readonly text: string | undefined;
}

export interface NetlinkSocket {
  /** Room for requests; the sequence number of each must be its own. */
  readonly buffer: Uint8Array;
  /**
   * Sends the first `length` bytes of `buffer`: requests of which the last, numbered `last`, asks for an acknowledgement. Calls
   * `refused` for each that failed, by sequence number. @throws SystemError when the answers were lost
   */
  batch(length: number, last: number, refused: (sequence: number, refusal: Refusal) => void): void;
  /** Sends one request and gives each message that answers it. @throws SystemError with the kernel's refusal */
  query(length: number, sequence: number, answer: (message: Message) => void): void;
  close(): void;
}

/** Requests of one batch: if all are refused with a text, the answers still fit into the receive buffer. */
export const batchLimit = 128;

/** Bytes that the longest request may have. */
export const longestRequest = 256;

const answerSize = 65536;
const receiveBuffer = 1 << 20;

/** @throws SystemError */
export function openNetlinkSocket(): NetlinkSocket {
  const flags = c.SOCK_RAW | c.SOCK_CLOEXEC | c.SOCK_NONBLOCK;
  const fd = check(libc().socket(c.AF_NETLINK, flags, c.NETLINK_ROUTE), "socket", "for rtnetlink");
  if (trySetOption(fd, c.SOL_SOCKET, c.SO_RCVBUFFORCE, receiveBuffer) < 0) {
    setOption(fd, c.SOL_SOCKET, c.SO_RCVBUF, receiveBuffer);
  }
  // Refusals without a copy of the request, but with the reason in words; a dump of what was asked for only.
  for (const option of [c.NETLINK_CAP_ACK, c.NETLINK_EXT_ACK, c.NETLINK_GET_STRICT_CHK]) {
    trySetOption(fd, c.SOL_NETLINK, option, 1);
  }

  const buffer = new Uint8Array(batchLimit * longestRequest);
  const answer = new Uint8Array(answerSize);
  const view = new DataView(answer.buffer);
  const [bufferAddress, answerAddress] = [addressOf(buffer), addressOf(answer)];

  const send = (length: number): void => {
    drain(fd, answerAddress);
    check(libc().send(fd, bufferAddress, length, 0), "send", "to rtnetlink failed");
  };
  const receive = (): readonly Message[] => {
    const length = libc().recv(fd, answerAddress, answerSize, c.MSG_DONTWAIT);
    if (length >= 0) return messages(view, length);
    throw new SystemError(errnoName(errno()), "recv", "from rtnetlink: answers were lost");
  };

  return {
    buffer,
    batch(length, last, refused) {
      send(length);
      for (let open = true; open; ) {
        for (const message of receive()) {
          if (message.type !== type.error) continue;
          const refusal = refusalOf(message);
          if (refusal !== undefined) refused(message.sequence, refusal);
          if (message.sequence === last) open = false;
        }
      }
    },
    query(length, sequence, each) {
      send(length);
      for (;;) {
        for (const message of receive()) {
          if (message.sequence !== sequence) continue;
          if (message.type === type.error || message.type === type.done) {
            const refusal = refusalOf(message);
            if (refusal === undefined) return;
            throw new SystemError(refusal.code, "rtnetlink", refusal.text ?? "refused");
          }
          each(message);
          if ((message.flags & flag.multi) === 0) return;
        }
      }
    },
    close: () => void libc().close(fd),
  };
}

/** Throws away what an earlier exchange that ended early left behind, and an overflow that it had. */
function drain(fd: number, address: number): void {
  for (let left = 0; left < 1024; left++) {
    const length = libc().recv(fd, address, answerSize, c.MSG_DONTWAIT);
    if (length < 0 && errnoName(errno()) === "EAGAIN") return;
  }
}

const attributeMessage = 1; // NLMSGERR_ATTR_MSG

/**
 * struct nlmsgerr {
 *   int             error;   // 4: an errno negated, 0 for an acknowledgement
 *   struct nlmsghdr msg;     // 16: of the request; its body follows unless NLM_F_CAPPED
 * };                         // attributes, if NLM_F_ACK_TLVS
 *
 * The end of a dump (NLMSG_DONE) has the same without `msg`.
 */
function refusalOf({ type: kind, view, flags, body, end }: Message): Refusal | undefined {
  const error = end - body < 4 ? 0 : view.getInt32(body, true);
  if (error === 0) return undefined;
  const header = kind === type.error && end - body >= 4 + nlmsghdr.size;
  const request = header ? view.getUint32(body + 4 + nlmsghdr.length, true) : 0;
  const echoed = header && (flags & flag.capped) !== 0 ? nlmsghdr.size : request;
  const told = (flags & flag.ackAttributes) !== 0 ? attributes(view, body + 4 + ((echoed + 3) & ~3), end) : undefined;
  const text = told?.get(attributeMessage);
  return { code: errnoName(-error), text: text && textOf(text) };
}
