/** PPP (RFC 1661): links, and the networks over them. */

export { isLinkProtocol, parseFrame, pppProtocol, protocolName } from "../wire/ppp.js";
export { createLink, restoreLink } from "./link.js";
export { createNetwork, restoreNetwork } from "./network.js";
export type * from "./types.js";
