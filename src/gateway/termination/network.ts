/** A subscriber's network protocols, and what follows when they are open: the way is free, and accounting begins. */
import type { NetworkOutput } from "../../ppp/types.js";
import { parseFrame, pppProtocol } from "../../wire/ppp.js";
import type { Core } from "../core.js";
import { traceFrame } from "../tracing.js";
import { advertiseNow, takeIpv6 } from "./ipv6.js";
import type { Member, Subscriber } from "./records.js";
import { accountingBegins, arm } from "./times.js";
import { plumb } from "./unit.js";

type Frame = NonNullable<ReturnType<typeof parseFrame>>;

export function openNetwork(core: Core, subscriber: Subscriber): void {
  subscriber.network?.open(core.now());
  settleNetwork(core, subscriber);
}

/** A frame that is no link's; `member` undefined: it came in fragments of several. */
export function takeNetwork(
  core: Core,
  subscriber: Subscriber,
  member: Member | undefined,
  frame: Frame,
  bytes: Uint8Array,
): void {
  if (frame.protocol === pppProtocol.ipv6) takeIpv6(core, subscriber, bytes.subarray(frame.at));
  // A packet that overtook what opens its way; the sender will repeat what matters.
  else if (frame.protocol === pppProtocol.ipv4) core.counts.add("dropped-ppp-not-open");
  else {
    subscriber.network?.handle(bytes, core.now());
    settleNetwork(core, subscriber, member);
  }
}

/** A frame that came in fragments over several links. */
export function takeBundled(core: Core, subscriber: Subscriber, bytes: Uint8Array): void {
  const frame = parseFrame(bytes);
  const [first] = subscriber.members;
  if (first) traceFrame(core, first.leg.call, "in", bytes);
  if (frame === undefined) core.counts.add("dropped-ppp-too-short");
  else takeNetwork(core, subscriber, undefined, frame, bytes);
}

export function networkExpired(core: Core, subscriber: Subscriber): void {
  subscriber.network?.expire(core.now());
  settleNetwork(core, subscriber);
}

function settleNetwork(core: Core, subscriber: Subscriber, member?: Member): void {
  const { network } = subscriber;
  if (!network || subscriber.ended) return;
  for (let outputs = network.take(); outputs.length > 0; outputs = network.take()) {
    for (const output of outputs) handlers[output.type](core, subscriber, output as never, member);
  }
  arm(core, subscriber);
  core.pump();
}

type Handlers = {
  readonly [T in NetworkOutput["type"]]: (
    core: Core,
    subscriber: Subscriber,
    output: Extract<NetworkOutput, { type: T }>,
    member: Member | undefined,
  ) => void;
};

const handlers: Handlers = {
  /** Over the one link there is, or over the bundle. */
  send(core, subscriber, { bytes }) {
    const [first] = subscriber.members;
    if (!first) return;
    traceFrame(core, first.leg.call, "out", bytes);
    if (subscriber.bundle === undefined || subscriber.unit === 0) {
      core.plane.inject({ to: "channel", channel: first.leg.channel, bytes });
    } else core.plane.inject({ to: "unit", unit: subscriber.unit, bytes });
  },
  "ipv4-up"(core, subscriber) {
    subscriber.ipv4 = true;
    plumb(core, subscriber, () => accountingBegins(core, subscriber));
  },
  "ipv6-up"(core, subscriber, { peerInterfaceId }) {
    subscriber.ipv6 = true;
    subscriber.peerInterfaceId = peerInterfaceId;
    plumb(core, subscriber, () => {
      accountingBegins(core, subscriber);
      advertiseNow(core, subscriber);
      arm(core, subscriber);
    });
  },
  "mpls-up": () => {},
  "network-down"(core, subscriber, { protocol }) {
    if (protocol === "mpls") return;
    subscriber[protocol] = false;
    plumb(core, subscriber);
  },
  "unknown-protocol"(core, subscriber, { protocol, information }, member) {
    const from = member ?? subscriber.members.values().next().value;
    from?.link.rejectProtocol(protocol, information, core.now());
    if (from) core.termination.settle(from);
  },
  finished(core, subscriber, { reason }) {
    for (const member of [...subscriber.members]) {
      member.cause ??= "user-error";
      member.link.close(core.now(), reason);
      core.termination.settle(member);
    }
  },
};
