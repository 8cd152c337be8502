/** MPLSCP (RFC 3032 §4.3): label switching is on or off, and there is nothing to negotiate. */
import { pppProtocol } from "../wire/ppp.js";
import { type NcpLayer, ncpEvents } from "./ncp.js";
import type { Negotiation } from "./negotiation.js";

export const mplscpLayer: NcpLayer<Negotiation> = {
  ...ncpEvents("mpls"),
  name: "mplscp",
  protocol: pppProtocol.mplscp,
  rules: [],
  clear: () => {},
  up: (_state, host) => host.emit({ type: "mpls-up" }),
};
