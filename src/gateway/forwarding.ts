/** Finds an LNS for a caller's call: one after the other, until one takes it or the caller has waited long enough. */
import type { CallId, Ended, Result } from "../l2tp/types.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import { carryIccn, carryIcrq } from "./carry.js";
import { confirmLater } from "./confirming.js";
import { type Core, closeCall, closeTunnel } from "./core.js";
import { callEnds, relayEnd, tunnelEnds } from "./disconnect-codes.js";
import { addLeg } from "./legs.js";
import { chooseLns, holdDown } from "./onward.js";
import { createSession } from "./plumbing.js";
import type { ForwardPlan, Leg, Lns, Setup } from "./records.js";
import { tagLeg } from "./tagging.js";
import { tunnelTo } from "./tunnels.js";

export function forward(core: Core, setup: Setup, plan: ForwardPlan): void {
  setup.plan = plan;
  setup.giveUpAt = core.now() + plan.forward.timeout;
  tryNext(core, setup, plan);
}

/** Asks the next LNS; when there is none, the caller is told. */
function tryNext(core: Core, setup: Setup, plan: ForwardPlan): void {
  const now = core.now();
  while (now < setup.giveUpAt) {
    const lns = chooseLns(plan, setup.tried, now);
    if (!lns) {
      fail(core, setup, setup.refusal ?? callEnds["no-lns"]);
      return;
    }
    setup.tried.push(lns);
    if (attempt(core, setup, lns)) {
      setup.slot = core.setups.set(setup, Math.min(setup.giveUpAt, now + plan.forward.attemptTimeout));
      return;
    }
  }
  fail(core, setup, callEnds["forward-timeout"]);
}

function fail(core: Core, setup: Setup, result: Result): void {
  core.counts.add("calls-not-forwarded");
  closeCall(core, setup.leg.call, result);
}

function attempt(core: Core, setup: Setup, lns: Lns): boolean {
  const now = core.now();
  const tunnel = tunnelTo(core, lns);
  const call = tunnel && core.endpoint.openCall(tunnel.id, "incoming", carryIcrq(setup.icrq), now);
  core.pump();
  if (!tunnel || call === undefined) {
    core.counts.add("forward-no-resources");
    return false;
  }
  const onward = addLeg(core, tunnel, call, setup.leg.names);
  onward.partner = setup.leg;
  setup.leg.partner = onward;
  return true;
}

/** A call of our own, as a LAC: its channel is left to be bridged by hand. Undefined: limits or ids are exhausted. */
export function placeCall(core: Core, plan: ForwardPlan, icrq: AvpValues, iccn: AvpValues): CallId | undefined {
  const now = core.now();
  const lns = chooseLns(plan, [], now);
  const tunnel = lns && tunnelTo(core, lns);
  const call = tunnel && core.endpoint.openCall(tunnel.id, "incoming", icrq, now);
  core.pump();
  if (!tunnel || call === undefined) return undefined;
  const { callingNumber, calledNumber } = icrq;
  const leg = addLeg(core, tunnel, call, { callingNumber, calledNumber, userName: iccn.proxyAuthenName });
  const giveUpAt = now + plan.forward.timeout;
  leg.setup = { leg, icrq, iccn, plan, tried: [lns], refusal: undefined, giveUpAt, slot: 0 };
  leg.setup.slot = core.setups.set(leg.setup, giveUpAt);
  return call;
}

/** The LNS's ICRP: the session is made, the LNS is told that the call is connected; when it knows, the two are bridged. */
export async function accepted(core: Core, onward: Leg, peerSessionId: number): Promise<void> {
  const setup = onward.partner ? onward.partner.setup : onward.setup;
  if (!setup?.plan) return;
  onward.peerSessionId = peerSessionId;
  const { sequencing, reorderTimeout } = setup.plan.forward.session;
  const iccn = carryIccn(setup.iccn, sequencing);
  const sequenced = iccn.sequencingRequired === true;
  const made = await createSession(core, onward, {
    lnsMode: false,
    sendSequence: sequenced,
    receiveSequence: sequenced,
    reorderTimeout,
  });
  if (onward.ended) return;
  if (!made) {
    closeCall(core, onward.call, callEnds["data-plane"]);
    return;
  }
  tagLeg(core, onward, ruleOf(core, setup.plan));
  connect(core, setup.leg, onward, iccn);
}

const ruleOf = (core: Core, plan: ForwardPlan): string =>
  [...core.plans].find(([, other]) => other === plan)?.[0].name ?? "";

/** `leg` is the caller's, or the same if the call is our own. */
function connect(core: Core, leg: Leg, onward: Leg, iccn: AvpValues): void {
  if (!core.endpoint.connectCall(onward.call, iccn, core.now())) return;
  core.pump();
  endSetup(core, leg);
  if (onward.tunnel.lns) onward.tunnel.lns.heldDownUntil = 0;
  if (leg !== onward) confirmLater(core, onward);
}

/** The caller's call needs no LNS any more: it has one, or it has ended. */
export function endSetup(core: Core, leg: Leg): void {
  if (!leg.setup) return;
  core.setups.clear(leg.setup, leg.setup.slot);
  leg.setup = undefined;
}

/** An LNS that was asked did not take the call. */
export function attemptFailed(core: Core, leg: Leg, onward: Leg, ended: Ended, withTunnel: boolean): void {
  const { setup } = leg;
  const lns = onward.tunnel.lns;
  if (!setup?.plan || !lns) return;
  core.setups.clear(setup, setup.slot);
  leg.partner = undefined;
  if (ended.by === "peer" && !withTunnel) setup.refusal = relayEnd(ended, false);
  core.counts.add("forward-attempts-failed");
  core.emit({ type: "forward-failed", call: leg.call, lns: lns.address, ended });
  core.log.warn({ call: leg.call, lns: lns.address, ended }, "an LNS did not take a call");
  tryNext(core, setup, setup.plan);
}

/** The LNS that was asked last has not answered: the next is asked. If its tunnel never came up, all its calls go. */
export function attemptTimedOut(core: Core, setup: Setup): void {
  const onward = setup.leg.tunnel.lns ? setup.leg : setup.leg.partner;
  if (!onward || setup.leg.ended) return;
  const { tunnel } = onward;
  if (tunnel.lns) holdDown(tunnel.lns, core.now());
  if (!tunnel.up) closeTunnel(core, tunnel.id, tunnelEnds["no-answer"]);
  else closeCall(core, onward.call, callEnds["attempt-timeout"]);
}
