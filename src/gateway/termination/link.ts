/** A call that ends here: its PPP link, from the first frame to the last. */
import { createLink } from "../../ppp/index.js";
import type { LinkOutput } from "../../ppp/types.js";
import { isLinkProtocol, parseFrame, pppProtocol } from "../../wire/ppp.js";
import { controlCode } from "../../wire/ppp-control.js";
import { type Core, closeCall } from "../core.js";
import { endSetup } from "../forwarding.js";
import type { Leg, Setup } from "../records.js";
import { traceFrame } from "../tracing.js";
import { ask, beginAnew } from "./authentication.js";
import { callerOf } from "./caller.js";
import { linkEnds } from "./causes.js";
import { openNetwork, takeNetwork } from "./network.js";
import { proxyOf } from "./proxy.js";
import type { Member, Plan } from "./records.js";
import { admit, hungUp } from "./subscriber.js";

/** PPP begins on a call that is up. Frames that came before this was decided are taken first. */
export function terminate(core: Core, leg: Leg, setup: Setup, plan: Plan): void {
  const member: Member = {
    leg,
    plan,
    link: createLink(plan.link, core.random),
    caller: callerOf(core, leg, setup),
    agreement: undefined,
    identity: undefined,
    asking: false,
    stale: false,
    waiting: undefined,
    continuation: undefined,
    subscriber: undefined,
    cause: undefined,
    slot: 0,
  };
  leg.member = member;
  core.counts.add("calls-terminated");
  const now = core.now();
  member.link.open(now, plan.config.proxyLcp === "accept" ? proxyOf(setup.iccn) : undefined);
  for (const bytes of core.held.take(leg)) member.link.handle(bytes, now);
  settle(core, member);
}

/** What a link understands of the protocols that are a link's. */
const linkProtocols: ReadonlySet<number> = new Set([
  pppProtocol.lcp,
  pppProtocol.pap,
  pppProtocol.chap,
  pppProtocol.eap,
]);

const isTerminateRequest = ({ protocol, at }: NonNullable<ReturnType<typeof parseFrame>>, bytes: Uint8Array): boolean =>
  protocol === pppProtocol.lcp && bytes[at] === controlCode.terminateRequest;

/** A frame of a call that ends here. */
export function takeFrame(core: Core, member: Member, bytes: Uint8Array): void {
  traceFrame(core, member.leg.call, "in", bytes);
  const frame = parseFrame(bytes);
  if (frame === undefined) core.counts.add("dropped-ppp-too-short");
  else if (linkProtocols.has(frame.protocol)) {
    member.link.handle(bytes, core.now());
    settle(core, member);
    if (isTerminateRequest(frame, bytes) && member.link.status().lcp === "stopping") hungUp(core, member);
  } else if (isLinkProtocol(frame.protocol)) {
    member.link.rejectProtocol(frame.protocol, bytes.subarray(frame.at), core.now());
    settle(core, member);
  } else if (member.subscriber) takeNetwork(core, member.subscriber, member, frame, bytes);
  else core.counts.add("dropped-ppp-not-open");
}

/** Does what the link wants, and notes when it wants to be called again. */
export function settle(core: Core, member: Member): void {
  for (let outputs = member.link.take(); outputs.length > 0; outputs = member.link.take()) {
    for (const output of outputs) handlers[output.type](core, member, output as never);
  }
  const { members } = core.termination;
  const deadline = member.leg.ended ? undefined : member.link.deadline();
  if (member.slot !== 0) members.clear(member, member.slot);
  member.slot = deadline === undefined || member.leg.member !== member ? 0 : members.set(member, deadline);
  core.pump();
}

export function linkExpired(core: Core, member: Member): void {
  member.slot = 0;
  if (member.leg.ended) return;
  member.link.expire(core.now());
  settle(core, member);
}

type Handlers = {
  readonly [T in LinkOutput["type"]]: (core: Core, member: Member, output: Extract<LinkOutput, { type: T }>) => void;
};

const handlers: Handlers = {
  send(core, { leg }, { bytes }) {
    if (leg.ended) return;
    traceFrame(core, leg.call, "out", bytes);
    core.plane.inject({ to: "channel", channel: leg.channel, bytes });
  },
  "lcp-up"(_, member, { agreement }) {
    member.agreement = agreement;
    beginAnew(member);
  },
  authenticate: (core, member, { credentials }) => ask(core, member, credentials),
  network(core, member) {
    endSetup(core, member.leg);
    // Once more after the peer has renegotiated: its network begins anew, too.
    if (member.subscriber) openNetwork(core, member.subscriber);
    else admit(core, member);
  },
  "protocol-rejected"(core, member, { protocol }) {
    member.subscriber?.network?.protocolRejected(protocol, core.now());
  },
  told(core, { leg }, { what, text }) {
    core.log.debug({ call: leg.call, [what]: text }, "the peer's LCP says");
  },
  down(core, member, { reason, message }) {
    const { leg } = member;
    const { result, cause } = linkEnds[reason];
    member.cause ??= cause;
    core.counts.add(`links-ended-${reason}`);
    core.log.info({ call: leg.call, user: member.identity?.userName, reason, message }, "PPP link ended");
    closeCall(core, leg.call, result);
  },
};
