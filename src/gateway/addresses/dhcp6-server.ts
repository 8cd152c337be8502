/**
 * A DHCPv6 server (RFC 8415 §18.3) without bindings: what a client may have is what its PPP session has, as long as that lasts. So
 * a binding is never unknown, only wrong, and what is wrong is given back with lifetimes of zero.
 */
import * as dhcp6 from "../../wire/dhcp6.js";
import * as ipv6 from "../../wire/ipv6.js";
import { joined, leaseLifetime, linkPrefix, type Prefix, parsePrefix, same } from "./router.js";
import type { SubscriberIpv6 } from "./types.js";

type Kind = keyof typeof dhcp6.type;
type Reply = Pick<dhcp6.Message, "type"> & Partial<dhcp6.Message>;

export interface DhcpAnswer {
  readonly reply: dhcp6.Message | undefined;
  /** Why there is none. */
  readonly drop?: string;
  /** Whether the client may use what it was given. */
  readonly bound?: boolean;
}

/** What the client has to prove by naming us, and may send to our own address (§16). */
interface Rule {
  readonly serverId: "absent" | "ours" | "optional";
  readonly clientId: "required" | "optional";
  /** What a unicast message gets, which we never asked for: nothing, or the advice to use multicast (§18.3). */
  readonly unicast: "discard" | "use-multicast";
  readonly answer: (message: dhcp6.Message, facts: Facts) => Reply | undefined;
}

/** Identity associations that are answered; more of them would only make the answer long. */
const answered = 8;

const rules: Partial<Record<Kind, Rule>> = {
  solicit: {
    serverId: "absent",
    clientId: "required",
    unicast: "discard",
    answer: (message, facts) =>
      message.rapidCommit
        ? { type: dhcp6.type.reply, rapidCommit: true, associations: assign(message, facts), dns: facts.dns }
        : { type: dhcp6.type.advertise, associations: assign(message, facts), dns: facts.dns },
  },
  request: {
    serverId: "ours",
    clientId: "required",
    unicast: "use-multicast",
    answer: (message, facts) => ({ type: dhcp6.type.reply, associations: assign(message, facts), dns: facts.dns }),
  },
  renew: {
    serverId: "ours",
    clientId: "required",
    unicast: "use-multicast",
    answer: (message, facts) => ({ type: dhcp6.type.reply, associations: extend(message, facts), dns: facts.dns }),
  },
  rebind: {
    serverId: "absent",
    clientId: "required",
    unicast: "discard",
    answer: (message, facts) => ({ type: dhcp6.type.reply, associations: extend(message, facts), dns: facts.dns }),
  },
  confirm: { serverId: "absent", clientId: "required", unicast: "discard", answer: confirm },
  release: { serverId: "ours", clientId: "required", unicast: "use-multicast", answer: giveUp },
  decline: { serverId: "ours", clientId: "required", unicast: "use-multicast", answer: giveUp },
  informationRequest: {
    serverId: "optional",
    clientId: "optional",
    unicast: "discard",
    answer: (message, { dns }) =>
      message.associations.length > 0 ? undefined : { type: dhcp6.type.reply, associations: [], dns },
  },
};

const ruleOf = new Map(Object.entries(rules).map(([kind, rule]) => [dhcp6.type[kind as Kind] as number, rule]));

/** The octets of a subscriber's text. */
interface Facts {
  readonly serverId: Uint8Array;
  /** The one address that an IA_NA is given: what SLAAC with the negotiated interface identifier gives as well. */
  readonly address: Prefix | undefined;
  readonly link: Uint8Array | undefined;
  readonly delegated: Prefix | undefined;
  readonly dns: readonly Uint8Array[];
}

const duidLinkLayer = 3;
const hardwareEui64 = 27;

/**
 * DUID-LL of our interface identifier (RFC 8415 §11.4): on a point-to-point link there is no other server to be told from,
 * and a client that comes to another of our machines is understood there.
 */
function serverId({ localInterfaceId }: SubscriberIpv6): Uint8Array {
  return Uint8Array.of(0, duidLinkLayer, 0, hardwareEui64, ...Buffer.from(localInterfaceId.padStart(16, "0"), "hex"));
}

function factsOf(subscriber: SubscriberIpv6): Facts {
  const link = linkPrefix(subscriber);
  return {
    serverId: serverId(subscriber),
    link,
    address: link && { address: joined(link, subscriber.peerInterfaceId), length: 128 },
    delegated: parsePrefix(subscriber.delegated),
    dns: subscriber.dns.flatMap((text) => ipv6.parseAddress(text) ?? []),
  };
}

export function answerDhcp6(message: dhcp6.Message, unicast: boolean, subscriber: SubscriberIpv6): DhcpAnswer {
  const rule = ruleOf.get(message.type);
  if (rule === undefined) return { reply: undefined, drop: "dhcpv6-not-for-servers" };
  const facts = factsOf(subscriber);
  const { clientId, serverId: named } = message;
  if (clientId === undefined && rule.clientId === "required") return { reply: undefined, drop: "dhcpv6-no-client-id" };
  if (rule.serverId === "absent" && named !== undefined) return { reply: undefined, drop: "dhcpv6-server-id" };
  if (rule.serverId === "ours" && named === undefined) return { reply: undefined, drop: "dhcpv6-no-server-id" };
  if (named !== undefined && !same(named, facts.serverId)) return { reply: undefined, drop: "dhcpv6-other-server" };
  if (unicast && rule.unicast === "discard") return { reply: undefined, drop: "dhcpv6-unicast" };
  const answer: Reply | undefined = unicast
    ? { type: dhcp6.type.reply, status: { code: dhcp6.status.useMulticast, message: "" } }
    : rule.answer(message, facts);
  if (answer === undefined) return { reply: undefined, drop: "dhcpv6-nothing-to-say" };
  const reply: dhcp6.Message = {
    transaction: message.transaction,
    clientId,
    serverId: facts.serverId,
    associations: [],
    requested: [],
    preference: undefined,
    rapidCommit: false,
    status: undefined,
    dns: [],
    ...answer,
  };
  const given = reply.associations.some(({ leases }) => leases.some(({ valid }) => valid > 0));
  return { reply, bound: reply.type === dhcp6.type.reply && given };
}

const ours = (kind: dhcp6.Association["kind"], { address, delegated }: Facts): Prefix | undefined =>
  ({ na: address, ta: undefined, pd: delegated })[kind];

const isOurs = (lease: dhcp6.AssociatedLease, mine: Prefix | undefined): boolean =>
  mine !== undefined && lease.length === mine.length && same(lease.address, mine.address);

const live = (mine: Prefix): dhcp6.AssociatedLease => ({ ...mine, ...leaseLifetime });
/** §21.4: when to ask again, half and four fifths of the preferred lifetime. */
const times = { t1: leaseLifetime.preferred / 2, t2: leaseLifetime.preferred * 0.8 } as const;

const refused = ({ kind, iaid }: dhcp6.Association, code: number): dhcp6.Association => ({
  kind,
  iaid,
  t1: 0,
  t2: 0,
  leases: [],
  status: { code, message: "" },
});

/** There is one address and one prefix: the first association of its kind gets it, whatever it hints at. */
function assign(message: dhcp6.Message, facts: Facts): readonly dhcp6.Association[] {
  return eachOnce(message, (association, first) => {
    const mine = ours(association.kind, facts);
    const none = association.kind === "pd" ? dhcp6.status.noPrefixAvail : dhcp6.status.noAddrsAvail;
    if (mine === undefined || !first) return refused(association, none);
    return { ...association, ...times, leases: [live(mine)], status: undefined };
  });
}

/** Renew and Rebind (§18.3.4, §18.3.5): ours for as long again, everything else is over at once. */
function extend(message: dhcp6.Message, facts: Facts): readonly dhcp6.Association[] {
  return eachOnce(message, (association, first) => {
    const mine = first ? ours(association.kind, facts) : undefined;
    const over = association.leases
      .filter((lease) => !isOurs(lease, mine))
      .slice(0, answered)
      .map((lease) => ({ ...lease, preferred: 0, valid: 0 }));
    if (mine === undefined && over.length === 0) return refused(association, dhcp6.status.noBinding);
    const leases = mine === undefined ? over : [live(mine), ...over];
    return { ...association, ...(mine === undefined ? { t1: 0, t2: 0 } : times), leases, status: undefined };
  });
}

function eachOnce(
  { associations }: dhcp6.Message,
  answer: (association: dhcp6.Association, first: boolean) => dhcp6.Association,
): readonly dhcp6.Association[] {
  const seen = new Set<string>();
  return associations.slice(0, answered).map((association) => {
    const first = !seen.has(association.kind);
    seen.add(association.kind);
    return answer(association, first);
  });
}

/** §18.3.3: whether the addresses are of this link; silence when none is named, or when we have no prefix to compare with. */
function confirm({ associations }: dhcp6.Message, { link }: Facts): Reply | undefined {
  const named = associations.filter(({ kind }) => kind !== "pd").flatMap(({ leases }) => leases);
  if (named.length === 0 || link === undefined) return undefined;
  const all = named.every(({ address }) => same(address.subarray(0, 8), link.subarray(0, 8)));
  const code = all ? dhcp6.status.success : dhcp6.status.notOnLink;
  return { type: dhcp6.type.reply, status: { code, message: "" } };
}

/** Release and Decline (§18.3.7, §18.3.8): the session keeps what it has; only what it never had is told so. */
function giveUp(message: dhcp6.Message, facts: Facts): Reply {
  const unknown = message.associations
    .slice(0, answered)
    .filter(({ kind, leases }) => !leases.some((lease) => isOurs(lease, ours(kind, facts))));
  return {
    type: dhcp6.type.reply,
    status: { code: dhcp6.status.success, message: "" },
    associations: unknown.map((association) => refused(association, dhcp6.status.noBinding)),
  };
}
