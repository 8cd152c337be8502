/** LCP's own packets: Protocol-Reject, Echo, Discard (RFC 1661 §5.7 to §5.9), Identification, Time-Remaining (RFC 1570 §2). */
import { decodeText, putU16, putU32, u16, u32 } from "../wire/octets.js";
import { pppProtocol } from "../wire/ppp.js";
import { controlCode, controlHeaderLength, dataAt, emptyControl } from "../wire/ppp-control.js";
import { type Lcp, type LcpHost, longestText, rejectRoom, textBytes } from "./lcp-state.js";
import { nextIdentifier, type Packet } from "./negotiation.js";

const magicLength = 4;

type Take = (lcp: Lcp, host: LcpHost, packet: Packet) => void;

interface Kind {
  readonly least: number;
  readonly take: Take;
}

const kinds: Readonly<Record<number, Kind>> = {
  [controlCode.protocolReject]: {
    least: 2,
    take: (lcp, host, { bytes, at }) => {
      if (lcp.state !== "opened") return host.drop("lcp-protocol-reject-early");
      const protocol = u16(bytes, at);
      if (protocol === pppProtocol.lcp) host.lcpSignal("rxj-");
      else host.protocolRejected(protocol);
    },
  },
  [controlCode.echoRequest]: {
    least: magicLength,
    take: (lcp, host, packet) => {
      if (lcp.state !== "opened") return host.drop("lcp-echo-early");
      const { bytes, at, end } = packet;
      if (lcp.local.magicNumber !== 0 && u32(bytes, at) === lcp.local.magicNumber) {
        return host.fail("loop", "our own Echo-Request came back");
      }
      packet.reply = emptyControl(pppProtocol.lcp, controlCode.echoReply, packet.identifier, end - at);
      packet.reply.set(bytes.subarray(at, end), dataAt);
      putU32(packet.reply, dataAt, lcp.local.magicNumber);
      host.lcpSignal("rxr", packet);
    },
  },
  /** That anything at all was heard is noted before. */
  [controlCode.echoReply]: { least: magicLength, take: () => {} },
  [controlCode.discardRequest]: { least: magicLength, take: () => {} },
  [controlCode.identification]: {
    least: magicLength,
    take: (_lcp, host, { bytes, at, end }) =>
      host.told("identification", decodeText(bytes, at + magicLength, Math.min(end, at + magicLength + longestText))),
  },
  [controlCode.timeRemaining]: {
    least: 2 * magicLength,
    take: (_lcp, host, { bytes, at }) => host.told("time-remaining", String(u32(bytes, at + magicLength))),
  },
};

/** Packets with codes above 7. */
export function takeLcpPacket(lcp: Lcp, host: LcpHost, packet: Packet): boolean {
  const kind = kinds[packet.code];
  if (kind === undefined) return false;
  if (packet.end - packet.at < kind.least) host.drop("lcp-length");
  else kind.take(lcp, host, packet);
  return true;
}

/** A frame with our magic number at the beginning of its data, and room for `length` octets after it. */
function withMagic(lcp: Lcp, code: number, length: number): Uint8Array {
  const frame = emptyControl(pppProtocol.lcp, code, nextIdentifier(lcp), magicLength + length);
  putU32(frame, dataAt, lcp.local.magicNumber);
  return frame;
}

export const echoRequest = (lcp: Lcp): Uint8Array => withMagic(lcp, controlCode.echoRequest, 0);

export function identification(lcp: Lcp, text: string): Uint8Array {
  const message = textBytes(text);
  const frame = withMagic(lcp, controlCode.identification, message.length);
  frame.set(message, dataAt + magicLength);
  return frame;
}

export function timeRemaining(lcp: Lcp, seconds: number): Uint8Array {
  const frame = withMagic(lcp, controlCode.timeRemaining, 4);
  putU32(frame, dataAt + magicLength, Math.max(0, Math.min(seconds, 0xffffffff)));
  return frame;
}

/** RFC 1661 §5.7: as much of the rejected frame's information as the peer can receive. */
export function protocolReject(lcp: Lcp, protocol: number, information: Uint8Array): Uint8Array {
  const room = rejectRoom(lcp) - controlHeaderLength - 2;
  const length = Math.min(information.length, room);
  const frame = emptyControl(pppProtocol.lcp, controlCode.protocolReject, nextIdentifier(lcp), 2 + length);
  putU16(frame, dataAt, protocol);
  frame.set(information.subarray(0, length), dataAt + 2);
  return frame;
}
