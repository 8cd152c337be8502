/**
 * The control connection's states (RFC 2661 §7.2.1) as data, in the RFC's order. `+` and `-` say whether the message is
 * acceptable. Policy answers an SCCRQ by a command, so idle lasts until `accept` or `reject`. Where the RFC cleans up after
 * a StopCCN, we first go to `closing`: the StopCCN is delivered reliably, or the peer's is acknowledged for a full
 * retransmission interval (§5.7). A missing cell: the message is acknowledged and ignored.
 */
export type ControlState = "idle" | "wait-ctl-reply" | "wait-ctl-conn" | "established" | "closing";

export type ControlEvent =
  | "open"
  | "accept"
  | "reject"
  | "SCCRQ"
  | "SCCRQ, lose tie-breaker"
  | "SCCRP+"
  | "SCCRP-"
  | "SCCCN+"
  | "SCCCN-"
  | "close"
  | "StopCCN";

export type ControlAction = "send-SCCRQ" | "send-SCCRP" | "send-SCCCN" | "send-StopCCN" | "tunnel-open" | "clean-up";

type Cell = readonly [actions: readonly ControlAction[], next: ControlState];

const stop: Cell = [["send-StopCCN", "clean-up"], "closing"];
const stopped: Cell = [["clean-up"], "closing"];

export const controlTransitions: Record<ControlState, Partial<Record<ControlEvent, Cell>>> = {
  idle: {
    open: [["send-SCCRQ"], "wait-ctl-reply"],
    accept: [["send-SCCRP"], "wait-ctl-conn"],
    reject: stop,
    "SCCRP+": stop,
    "SCCRP-": stop,
    "SCCCN+": stopped,
    "SCCCN-": stopped,
    close: stop,
    StopCCN: stopped,
  },
  "wait-ctl-reply": {
    "SCCRP+": [["send-SCCCN", "tunnel-open"], "established"],
    "SCCRP-": stop,
    "SCCRQ, lose tie-breaker": [["clean-up"], "idle"],
    SCCRQ: stop,
    "SCCCN+": stop,
    "SCCCN-": stop,
    close: stop,
    StopCCN: stopped,
  },
  "wait-ctl-conn": {
    "SCCCN+": [["tunnel-open"], "established"],
    "SCCCN-": stop,
    "SCCRP+": stop,
    "SCCRP-": stop,
    SCCRQ: stop,
    close: stop,
    StopCCN: stopped,
  },
  established: {
    close: stop,
    SCCRQ: stop,
    "SCCRP+": stop,
    "SCCRP-": stop,
    "SCCCN+": stop,
    "SCCCN-": stop,
    StopCCN: stopped,
  },
  closing: {
    StopCCN: [[], "closing"],
  },
};
