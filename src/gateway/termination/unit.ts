/** A subscriber in the data plane: its unit, its routes, the channels that are connected. */
import type { CountersOf, UnitCreate } from "../../dataplane/attributes.js";
import type { Usage } from "../aaa/types.js";
import type { Core } from "../core.js";
import { tagUnit } from "../tagging.js";
import { isPooled } from "./addresses.js";
import { closeOwnDevice, openOwnDevice } from "./device.js";
import type { Member, Subscriber } from "./records.js";

/** IPv4 and TCP header without options (RFC 879). */
const headersOfTcp = 40;
export const noUsage: Usage = { inBytes: 0, outBytes: 0, inPackets: 0, outPackets: 0 };

export const usageOf = (counters: CountersOf<"unit">): Usage => ({
  inBytes: counters.rxBytes,
  outBytes: counters.txBytes,
  inPackets: counters.rxPackets,
  outPackets: counters.txPackets,
});

/** Makes the unit, or lets it pass what may pass by now; one step after the other. */
export function plumb(core: Core, subscriber: Subscriber, then?: () => void): void {
  subscriber.work = subscriber.work.then(async () => {
    if (subscriber.ended) return;
    try {
      if (subscriber.unit === 0) await makeUnit(core, subscriber);
      else await changeUnit(core, subscriber);
      then?.();
    } catch (error) {
      refused(core, subscriber, error);
    }
  });
  core.track(subscriber.work);
}

async function makeUnit(core: Core, subscriber: Subscriber): Promise<void> {
  const { plane, termination } = core;
  if (subscriber.plan.config.ownDevice) subscriber.own = await openOwnDevice(core, subscriber.plan.config.mru);
  const port = subscriber.own?.port ?? termination.device?.port;
  const unit = await plane.unit.create({ port, ...attributesOf(core, subscriber) });
  subscriber.unit = unit.unit;
  tagUnit(core, unit.name, subscriber.plan.rule, subscriber.identity.userName);
  // Whoever has gone meanwhile is nobody's any more; what follows takes the unit back.
  if (subscriber.ended) return;
  termination.directory.plumbed(subscriber);
  await addRoutes(core, subscriber);
  for (const member of subscriber.members) await connectChannel(core, subscriber, member);
}

/** What LCP and the network protocols have come to since; a bundle's numbers go on, and limits are changed elsewhere. */
async function changeUnit(core: Core, subscriber: Subscriber): Promise<void> {
  const { multilink: _bundle, up: _up, down: _down, ...attributes } = attributesOf(core, subscriber);
  await core.plane.unit.set({ unit: subscriber.unit, ...attributes });
}

function attributesOf(core: Core, subscriber: Subscriber): UnitCreate {
  const { plan, identity, members, rates, bundle } = subscriber;
  const [first] = members;
  const agreement = first?.agreement;
  const { mrru: mrruLocal } = agreement?.local ?? {};
  const { mrru, mru = plan.config.mru } = agreement?.peer ?? {};
  const mtu = Math.min(
    bundle === undefined ? mru : (mrru ?? mru),
    identity.profile.mtu ?? plan.config.mru,
    plan.config.mru,
  );
  return {
    mtu,
    ipv4: subscriber.ipv4,
    ipv6: subscriber.ipv6,
    local: core.termination.device?.ipv4,
    sourceCheck: plan.config.sourceCheck,
    mss: plan.config.mssClamp ? mtu - headersOfTcp : 0,
    protocolFieldCompression: agreement?.peer.protocolFieldCompression ?? false,
    addressAndControlFieldCompression: agreement?.peer.addressAndControlFieldCompression ?? false,
    up: rates.up,
    down: rates.down,
    multilink:
      bundle === undefined || mrru === undefined || mrruLocal === undefined
        ? undefined
        : {
            mrru: mrruLocal,
            peerMrru: mrru,
            linkMru: Math.min(...[...members].map((member) => member.agreement?.peer.mru ?? mru)),
            shortSequence: agreement?.local.shortSequence ?? false,
            peerShortSequence: agreement?.peer.shortSequence ?? false,
          },
  };
}

async function addRoutes(core: Core, subscriber: Subscriber): Promise<void> {
  const { unit, address, prefix, delegated, identity, plan } = subscriber;
  const each = plan.config.routes === "each" || plan.config.ownDevice;
  const hosted = core.termination.device?.virtual === false;
  const add = (text: string, pooled: boolean): Promise<void> =>
    core.plane.route.add({ prefix: text, unit, kernel: hosted && (each || !pooled) });
  if (address !== undefined) await add(`${address}/32`, isPooled(subscriber, address));
  if (prefix !== undefined) await add(prefix, isPooled(subscriber, prefix));
  if (delegated !== undefined) await add(delegated, isPooled(subscriber, delegated));
  for (const route of [...identity.profile.routes, ...identity.profile.ipv6Routes]) {
    // One user's bad route is his own misfortune, and no reason to turn him away.
    await add(route, false).catch((error: unknown) => {
      core.counts.add("routes-refused");
      core.log.warn({ user: identity.userName, route, error: String(error) }, "a route cannot be had");
    });
  }
}

/** Another link for a unit that is there, or will be. */
export function connect(core: Core, subscriber: Subscriber, member: Member): void {
  subscriber.work = subscriber.work.then(async () => {
    if (subscriber.ended || subscriber.unit === 0 || member.leg.ended) return;
    await connectChannel(core, subscriber, member).catch((error: unknown) => refused(core, subscriber, error));
  });
  core.track(subscriber.work);
}

async function connectChannel(core: Core, { unit }: Subscriber, { leg }: Member): Promise<void> {
  if (leg.ended || leg.session === 0) return;
  await core.plane.channel.connect({ channel: leg.channel, unit });
}

function refused(core: Core, subscriber: Subscriber, error: unknown): void {
  if (subscriber.ended) return;
  core.counts.add("data-plane-refused-unit");
  core.log.error({ user: subscriber.identity.userName, error: String(error) }, "data plane refused a unit");
  for (const member of [...subscriber.members]) {
    member.cause ??= "nas-error";
    member.link.close(core.now(), "no resources");
    core.termination.settle(member);
  }
}

/** Answers what went over it, to the byte. */
export async function deleteUnit(core: Core, subscriber: Subscriber): Promise<Usage> {
  const { unit, own } = subscriber;
  const usage = unit === 0 ? noUsage : usageOf(await core.plane.unit.delete({ unit }));
  subscriber.unit = 0;
  if (own) await closeOwnDevice(core, own);
  subscriber.own = undefined;
  return usage;
}

export async function usageNow(core: Core, { unit }: Subscriber): Promise<{ usage: Usage; idle: number | undefined }> {
  if (unit === 0) return { usage: noUsage, idle: undefined };
  const { counters, idle } = await core.plane.unit.get({ unit });
  return { usage: usageOf(counters), idle };
}
