/**
 * How an end here is told to the LAC (RFC 2661 §4.4.2) and accounted for (RFC 2866 §5.10), and how the LAC's end is.
 */
import type { Ended, Result } from "../../l2tp/types.js";
import type { LinkEnd } from "../../ppp/types.js";
import type { TerminateCause } from "../aaa/types.js";
import { cdn } from "../disconnect-codes.js";

interface End {
  readonly result: Result;
  readonly cause: TerminateCause;
}

const end = (cause: TerminateCause, result: number, message: string): End => ({ cause, result: { result, message } });

/** By how the link ended. */
export const linkEnds: Readonly<Record<LinkEnd, End>> = {
  closed: end("nas-request", cdn.administrative, "disconnected"),
  "peer-closed": end("user-request", cdn.administrative, "the subscriber has hung up"),
  "no-answer": end("lost-carrier", cdn.lossOfCarrier, "the subscriber does not answer"),
  "echo-failure": end("lost-carrier", cdn.lossOfCarrier, "the subscriber does not answer"),
  loop: end("port-error", cdn.lossOfCarrier, "the link is looped back"),
  "no-agreement": end("user-error", cdn.administrative, "no agreement on the link's options"),
  "authentication-failed": end("user-error", cdn.administrative, "authentication failed"),
  "authentication-timeout": end("user-error", cdn.administrative, "no authentication in time"),
  "refused-by-peer": end("user-error", cdn.administrative, "the subscriber refused our credentials"),
};

/** By how the call ended, where PPP had not ended before. */
export function causeOfCallEnd(ended: Ended): TerminateCause {
  if (ended.by === "local") return "admin-reset";
  if (ended.by === "peer") return ended.result === cdn.lossOfCarrier ? "lost-carrier" : "user-request";
  return "lost-service";
}
