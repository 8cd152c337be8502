/** Calls as the machine reports them: asked for, established, ended; and what policy makes of them. */
import type { Output } from "../l2tp/types.js";
import type { AvpValues } from "../wire/l2tp2-avp.js";
import { type Core, closeCall } from "./core.js";
import { callEnds, relayEnd } from "./disconnect-codes.js";
import { accepted, attemptFailed, endSetup, forward } from "./forwarding.js";
import { addLeg } from "./legs.js";
import { vacate } from "./onward.js";
import { createSession, deleteSession } from "./plumbing.js";
import type { CallFacts } from "./policy.js";
import { type Leg, type Setup, sideOf } from "./records.js";
import { tagLeg } from "./tagging.js";
import { memberGone, terminate } from "./termination/index.js";
import { endWatching } from "./tracing.js";
import { tunnelFailing, tunnelIdle } from "./tunnels.js";

type Event<T extends Output["type"]> = Extract<Output, { type: T }>;

export function callRequested(core: Core, event: Event<"call-request">): void {
  const tunnel = core.tunnels.get(event.call >>> 16);
  const refusal = event.kind === "outgoing" ? "outgoing-call" : core.draining ? "draining" : undefined;
  if (refusal !== undefined || !tunnel || tunnel.lns) {
    core.counts.add(`calls-refused-${refusal ?? "no-policy"}`);
    closeCall(core, event.call, callEnds[refusal ?? "no-policy"]);
    return;
  }
  const { avps } = event;
  const names = { callingNumber: avps.callingNumber, calledNumber: avps.calledNumber, userName: undefined };
  const leg = addLeg(core, tunnel, event.call, names);
  leg.peerSessionId = event.peerSessionId;
  leg.setup = { leg, icrq: avps, iccn: {}, plan: undefined, tried: [], refusal: undefined, giveUpAt: 0, slot: 0 };
  core.counts.add("calls-requested");
  core.track(admit(core, leg));
}

/** The session comes before the ICRP: the caller's first frame may follow its ICCN at once. */
async function admit(core: Core, leg: Leg): Promise<void> {
  const session = leg.tunnel.port.access?.config.session;
  const made = await createSession(core, leg, {
    lnsMode: true,
    sendSequence: session?.sequencing === "on",
    reorderTimeout: session?.reorderTimeout ?? 0,
  });
  if (leg.ended) return;
  if (made) core.endpoint.acceptCall(leg.call, {}, core.now());
  else core.endpoint.closeCall(leg.call, callEnds["data-plane"], core.now());
  core.pump();
}

export function callAccepted(core: Core, event: Event<"call-accepted">): void {
  const leg = core.legs.get(event.call);
  if (leg) core.track(accepted(core, leg, event.peerSessionId));
}

export function callUp(core: Core, event: Event<"call-up">): void {
  const leg = core.legs.get(event.call);
  if (!leg) return;
  leg.up = true;
  const side = sideOf(leg.tunnel);
  core.counts.add(`sessions-up-${side}`);
  core.emit({ type: "session-up", call: leg.call, side });
  if (leg.setup) decide(core, leg, leg.setup, event.avps);
}

function decide(core: Core, leg: Leg, setup: Setup, iccn: AvpValues): void {
  setup.iccn = iccn;
  leg.names.userName = iccn.proxyAuthenName;
  if (iccn.sequencingRequired) demandSequence(core, leg);
  const rule = core.policy(factsOf(leg, setup));
  if (!rule) {
    refuse(core, leg);
    return;
  }
  const plan = core.plans.get(rule);
  core.log.debug({ call: leg.call, rule: rule.name, action: rule.action.type }, "policy");
  tagLeg(core, leg, rule.name);
  const termination = core.termination.plans.get(rule);
  if (plan) forward(core, setup, plan);
  else if (termination) terminate(core, leg, setup, termination);
  else if (rule.action.type === "reject") {
    core.counts.add("calls-refused-by-rule");
    closeCall(core, leg.call, rule.action.result);
  } else {
    endSetup(core, leg);
    core.held.take(leg); // nobody is about to bridge it
  }
}

function refuse(core: Core, leg: Leg): void {
  core.counts.add("calls-refused-no-policy");
  core.log.warn({ call: leg.call, tunnel: leg.tunnel.id, names: leg.names }, "no rule of the policy matches a call");
  closeCall(core, leg.call, callEnds["no-policy"]);
}

/** The LAC requires sequence numbers, in both directions (RFC 2661 §4.4.6, Sequencing Required). */
function demandSequence(core: Core, leg: Leg): void {
  const { session } = leg;
  core.track(
    core.plane.session.modify({ session, sendSequence: true, receiveSequence: true }).catch((error: unknown) => {
      core.log.error({ call: leg.call, error: String(error) }, "data plane refused sequence numbers");
    }),
  );
}

const factsOf = (leg: Leg, setup: Setup): CallFacts => ({
  callingNumber: leg.names.callingNumber,
  calledNumber: leg.names.calledNumber,
  subAddress: setup.icrq.subAddress,
  userName: leg.names.userName,
  peerHostName: leg.tunnel.hostName,
  access: leg.tunnel.port.access?.config.name ?? "",
  peer: leg.tunnel.remote,
});

export function callDown(core: Core, event: Event<"call-down">): void {
  const leg = core.legs.get(event.call);
  if (!leg) return;
  const { withTunnel } = event;
  if (withTunnel) tunnelFailing(core, leg.tunnel, event.ended);
  const { partner } = leg;
  const placed = leg.setup?.leg === leg && leg.tunnel.lns !== undefined;
  const { member } = leg;
  remove(core, leg);
  if (member) memberGone(core, member, event.ended);

  const side = sideOf(leg.tunnel);
  core.counts.add(`sessions-down-${side}`);
  if (leg.up || placed) core.emit({ type: "session-down", call: leg.call, side, ended: event.ended });
  core.log.debug({ call: leg.call, side, ended: event.ended }, "call down");

  if (partner?.setup && leg.tunnel.lns) attemptFailed(core, partner, leg, event.ended, withTunnel);
  else if (partner) {
    partner.partner = undefined;
    closeCall(core, partner.call, relayEnd(event.ended, withTunnel));
  }
  if (leg.tunnel.sessions === 0) tunnelIdle(core, leg.tunnel);
  if (core.draining && core.legs.size === 0) core.emit({ type: "drained" });
}

function remove(core: Core, leg: Leg): void {
  leg.ended = true;
  core.legs.delete(leg.call);
  endWatching(core, leg);
  core.held.take(leg);
  endSetup(core, leg);
  if (leg.partner) leg.partner.bridged = 0;
  leg.partner = undefined;
  leg.bridged = 0;
  deleteSession(core, leg);
  vacate(leg.tunnel);
}

/** WEN goes from the LAC to the LNS, SLI the other way (RFC 2661 §6.13, §6.14); across a bridge they go on. */
export function wanErrorNotified(core: Core, event: Event<"wan-error-notify">): void {
  const onward = connectedPartner(core, event.call);
  if (onward) core.endpoint.notifyWanError(onward.call, { callErrors: event.avps.callErrors }, core.now());
}

export function linkInfoSet(core: Core, event: Event<"set-link-info">): void {
  const caller = connectedPartner(core, event.call);
  if (caller) core.endpoint.setLinkInfo(caller.call, { accm: event.avps.accm }, core.now());
}

const connectedPartner = (core: Core, call: number): Leg | undefined => {
  const partner = core.legs.get(call)?.partner;
  return partner?.up ? partner : undefined;
};
