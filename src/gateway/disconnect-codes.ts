/**
 * With which code a call or tunnel ends (RFC 2661 §4.4.2), by what happened. RFC 2661 leaves most of these to the
 * implementation, so the reason stands beside each.
 */
import type { Ended, Result } from "../l2tp/types.js";

/** Result codes of the Call-Disconnect-Notify. */
export const cdn = {
  lossOfCarrier: 1,
  generalError: 2,
  administrative: 3,
  noFacilitiesNow: 4,
  noFacilitiesEver: 5,
  invalidDestination: 6,
  notEstablishedInTime: 10,
} as const;

/** Result codes of the Stop-Control-Connection-Notification. */
export const stopCcn = { clear: 1, generalError: 2, notAuthorized: 4, shuttingDown: 6 } as const;

/** General error codes, which go with result 2. */
export const generalError = { insufficientResources: 4, tryAnother: 7 } as const;

/** Why we end a call, and what the peer is told. */
export const callEnds = {
  /** The caller may have another LNS to go to, and should. */
  draining: { result: cdn.generalError, error: generalError.tryAnother, message: "going out of service" },
  /** No rule of the policy matches: nobody is meant to call from there to there. */
  "no-policy": { result: cdn.invalidDestination, message: "no policy for this call" },
  /** All were tried, or are held down: later it may work. */
  "no-lns": { result: cdn.noFacilitiesNow, message: "no LNS can be reached" },
  /** The caller waited long enough, whatever the LNSs are doing. */
  "forward-timeout": { result: cdn.notEstablishedInTime, message: "no LNS answered in time" },
  /** The attempt is given up and the next LNS asked; the late one is told. */
  "attempt-timeout": { result: cdn.notEstablishedInTime, message: "no answer in time" },
  terminated: { result: cdn.administrative, message: "administratively disconnected" },
  /** The data plane has no room or refused. */
  "data-plane": { result: cdn.generalError, error: generalError.insufficientResources, message: "no resources" },
  /** We place no calls on behalf of an LNS: there are no lines here, nor will there be. */
  "outgoing-call": { result: cdn.noFacilitiesEver, message: "outgoing calls are not served" },
  /** The other side's tunnel is gone without a word about this call: as if its line had been cut. */
  "carrier-lost": { result: cdn.lossOfCarrier, message: "the other side was lost" },
} as const satisfies Record<string, Result>;

/** Why we refuse or end a tunnel, and what the peer is told. */
export const tunnelEnds = {
  draining: { result: stopCcn.generalError, error: generalError.tryAnother, message: "going out of service" },
  "not-allowed": { result: stopCcn.notAuthorized, message: "not allowed" },
  terminated: { result: stopCcn.clear, message: "administratively cleared" },
  "no-longer-configured": { result: stopCcn.clear, message: "no longer configured" },
  /** Nothing has used it for a while. */
  idle: { result: stopCcn.clear, message: "idle" },
  "no-answer": { result: stopCcn.clear, message: "no answer in time" },
  stopping: { result: stopCcn.shuttingDown, message: "shutting down" },
  /** The data plane has no room or refused. */
  "data-plane": { result: stopCcn.generalError, error: generalError.insufficientResources, message: "no resources" },
} as const satisfies Record<string, Result>;

/**
 * What one side is told when the other has ended. A CDN's own words are passed on; where the whole tunnel went, the codes
 * are those of a StopCCN, which mean something else, and are translated.
 */
export function relayEnd(ended: Ended, withTunnel: boolean): Result {
  if (withTunnel) return ended.by === "local" ? callEnds.terminated : callEnds["carrier-lost"];
  if (ended.by !== "peer" && ended.by !== "local") return callEnds["carrier-lost"];
  return {
    result: ended.result,
    ...(ended.error === undefined ? {} : { error: ended.error }),
    ...(ended.message === undefined ? {} : { message: ended.message }),
    ...(ended.cause === undefined ? {} : { cause: ended.cause }),
  };
}
