/** LCP (RFC 1661 §5 and §6) as a `Layer` of the common automaton. */
import { pppProtocol } from "../wire/ppp.js";
import { takeLcpPacket } from "./lcp-packets.js";
import { lcpRules } from "./lcp-rules.js";
import { defaults, type Lcp, type LcpHost, rejectRoom, textBytes } from "./lcp-state.js";
import type { Layer } from "./negotiation.js";

export const lcpLayer: Layer<Lcp, LcpHost> = {
  name: "lcp",
  protocol: pppProtocol.lcp,
  rules: lcpRules,
  clear: (lcp) => Object.assign(lcp.peer, defaults),
  up: (_lcp, host) => host.lcpUp(),
  down: (_lcp, host) => host.lcpDown(),
  finished: (_lcp, host) => host.lcpFinished(),
  diverged: (_lcp, host) => host.fail("no-agreement", "negotiation does not converge"),
  terminated: (_lcp, host, message) => host.lcpTerminated(message),
  farewell: ({ farewell }) => (farewell === undefined ? undefined : textBytes(farewell)),
  other: takeLcpPacket,
  room: rejectRoom,
};
