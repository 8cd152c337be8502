/** A PPP frame as one line. */
import { flag } from "../wire/multilink.js";
import { parseFrame, pppProtocol, protocolName } from "../wire/ppp.js";
import { authenticationDecoders } from "./authentication.js";
import { decodeControl, isControlProtocol } from "./control.js";
import { decodeIpv4, decodeIpv6 } from "./ip.js";
import { clip, hex, octets } from "./text.js";

const decoders: ReadonlyMap<number, (information: Uint8Array) => string> = new Map([
  ...authenticationDecoders,
  [pppProtocol.ipv4, decodeIpv4],
  [pppProtocol.ipv6, decodeIpv6],
  [pppProtocol.multilink, decodeFragment],
]);

/**
 * One line, of a bounded length, for a frame with or without address and control, as
 * `LCP Configure-Request id 3: MRU 1460, Auth CHAP-MD5, Magic 0x1a2b3c4d`. Secrets are shown as their lengths.
 */
export function decodePpp(bytes: Uint8Array): string {
  const frame = parseFrame(bytes);
  if (frame === undefined) return clip(`no PPP frame, ${octets(bytes)}: ${hex(bytes)}`);
  const { protocol, at } = frame;
  const information = bytes.subarray(at);
  const decode = decoders.get(protocol);
  if (decode !== undefined) return clip(decode(information));
  if (isControlProtocol(protocol)) return clip(decodeControl(protocol, information));
  return clip(`${protocolName(protocol)}, ${octets(information)}`);
}

/** Whether the sequence number is a long one, the link knows and the frame does not say. */
function decodeFragment(information: Uint8Array): string {
  const flags = information[0] ?? 0;
  const ends = [...(flags & flag.begin ? ["begins"] : []), ...(flags & flag.end ? ["ends"] : [])];
  const part = ends.length === 0 ? "amid a packet" : `${ends.join(" and ")} a packet`;
  return `MP ${part}, ${octets(information)}`;
}
