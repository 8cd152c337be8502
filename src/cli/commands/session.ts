import { filters } from "../../api/filters.js";
import { parseSessionName, sessionName } from "../../api/names.js";
import type { Session } from "../../api/schemas.js";
import type { Ppp, Terminated } from "../../api/schemas-ppp.js";
import { printJson } from "../context.js";
import { usage } from "../exit.js";
import { age, bits, type Column, count, exact, orDash, sheet, state } from "../format.js";
import type { ObjectSpec, Operand } from "../grammar.js";
import { keywordsOf, printAll, printOne } from "../listing.js";

const operand: Operand = { name: "TUNNEL/SESSION", description: "both local ids, as 7/1234" };

const columns = (now: number, color: boolean): readonly Column<Session>[] => [
  { title: "SESSION", align: "right", cell: ({ session }) => session },
  { title: "PEER", align: "right", cell: ({ peerSessionId }) => String(peerSessionId) },
  { title: "SIDE", cell: ({ side }) => side },
  { title: "STATE", cell: (session) => state(session.state, color) },
  { title: "BRIDGED", align: "right", cell: ({ bridgedWith }) => orDash(bridgedWith) },
  { title: "CHANNEL", align: "right", cell: ({ channel }) => orDash(channel) },
  { title: "ADDRESS", cell: ({ address, prefix }) => orDash(address ?? prefix) },
  { title: "USER", cell: ({ userName }) => orDash(userName) },
  { title: "CALLING", cell: ({ callingNumber }) => orDash(callingNumber) },
  { title: "CALLED", cell: ({ calledNumber }) => orDash(calledNumber) },
  { title: "RX", align: "right", cell: ({ counters }) => count(counters.rxPackets) },
  { title: "TX", align: "right", cell: ({ counters }) => count(counters.txPackets) },
  { title: "AGE", align: "right", cell: ({ since }) => age(since, now) },
];

const details = (session: Session): string => {
  const { counters } = session;
  return sheet([
    ["session", `${session.session}, peer's ${session.peerSessionId}`],
    ["side", `${session.side}, ${session.kind} call, we are the ${session.role.toUpperCase()}`],
    ["state", session.state],
    ["bridged", session.bridgedWith === null ? "no" : `with ${session.bridgedWith}`],
    ["channel", orDash(session.channel)],
    ["fate", orDash(session.fate)],
    ["user", orDash(session.userName)],
    [
      "addresses",
      [session.address, session.prefix, session.delegated].filter((each) => each !== null).join(", ") || "-",
    ],
    ["calling", orDash(session.callingNumber)],
    ["called", orDash(session.calledNumber)],
    ["since", `${session.since} (${age(session.since, Date.now())})`],
    [
      "received",
      `${exact(counters.rxPackets)} packets, ${exact(counters.rxBytes)} bytes, ${counters.rxErrors} errors, ` +
        `${counters.rxSeqDiscards} out of window, ${counters.rxOosPackets} out of sequence`,
    ],
    ["sent", `${exact(counters.txPackets)} packets, ${exact(counters.txBytes)} bytes, ${counters.txErrors} errors`],
  ]);
};

const yes = (names: Readonly<Record<string, boolean>>): string =>
  Object.keys(names)
    .filter((name) => names[name])
    .join(", ") || "none";

const options = (side: NonNullable<Ppp["local"]>): string =>
  [
    `MRU ${side.mru}`,
    side.authentication === null ? "" : `authentication ${side.authentication}`,
    `magic ${side.magicNumber.toString(16)}`,
    `compression ${yes({ protocol: side.protocolFieldCompression, "address and control": side.addressAndControlFieldCompression })}`,
    side.mrru === null ? "" : `MRRU ${side.mrru}`,
  ]
    .filter((word) => word !== "")
    .join(", ");

const rateText = (rate: { readonly bitsPerSecond: number } | null): string =>
  rate === null ? "unlimited" : bits(rate.bitsPerSecond);

function pppDetails({ phase, protocols, local, peer, subscriber }: Ppp): string {
  const states = Object.entries(protocols).map(([name, state]) => `${name} ${state}`);
  const link: [string, string][] = [
    ["ppp", `${phase} phase; ${states.join(", ")}`],
    ["we receive", local === null ? "-" : options(local)],
    ["we send", peer === null ? "-" : options(peer)],
  ];
  if (subscriber === null) return sheet(link);
  const { usage } = subscriber;
  return sheet([
    ...link,
    ["rule", subscriber.rule],
    ["links", subscriber.links.join(" ")],
    ["routes", subscriber.routes.join(" ") || "-"],
    ["rates", `up ${rateText(subscriber.up)}, down ${rateText(subscriber.down)}`],
    ["accounting", `${subscriber.accountingSession}, since ${subscriber.since}`],
    ["ends", subscriber.endsAt ?? "at no set time"],
    ["idle", `${subscriber.idle ?? "-"} of ${subscriber.idleTimeout ?? "any"} s`],
    ["used", `${exact(usage.inBytes)} bytes in, ${exact(usage.outBytes)} bytes out`],
  ]);
}

function path(name: string): string {
  const call = parseSessionName(name);
  if (call === undefined) throw usage(`${name}: expected TUNNEL/SESSION, as 7/1234`);
  return `/v1/sessions/${sessionName(call)}`;
}

export const sessionObject: ObjectSpec = {
  name: "session",
  abbreviation: "s",
  summary: "L2TP sessions (calls)",
  commands: [
    {
      name: "show",
      summary: "List sessions",
      details:
        "RX and TX are data packets. Without keywords, all sessions are listed; with several, those that fit them all.",
      keywords: keywordsOf(filters.session),
      examples: [
        { command: "session show tunnel 7", says: "the sessions in one tunnel" },
        { command: "-j session show bridged no", says: "those that nothing is joined to, as JSON" },
      ],
      async run(context, { keywords }) {
        await printAll(context, "/v1/sessions", keywords, columns(Date.now(), context.color));
        return 0;
      },
    },
    {
      name: "get",
      summary: "Show everything about one session",
      operands: [operand],
      async run(context, { operands }) {
        const client = await context.client();
        const at = path(operands["tunnel/session"]!);
        const session = await client.ask<Session>("GET", at);
        const ends = session.fate === "terminated";
        const inside = ends
          ? await client.ask<Ppp>("GET", `/v1/sessions/${encodeURIComponent(session.session)}/ppp`)
          : null;
        if (context.json) printJson(context, inside === null ? session : { ...session, ppp: inside });
        else context.print(details(session) + (inside === null ? "" : pppDetails(inside)));
        return 0;
      },
    },
    {
      name: "create",
      summary: "Place a call to an LNS, as a LAC",
      details:
        "RULE names a rule of the policy that forwards: it says which LNS, and how it is reached. The call is on its way when the command ends; the event session-up says that it has a channel, which can be bridged with another.",
      operands: [{ name: "RULE", description: "name of a rule that forwards" }],
      keywords: [
        { name: "calling", value: "NUMBER", description: "calling number" },
        { name: "called", value: "NUMBER", description: "called number" },
        { name: "user", value: "NAME", description: "proxied user name" },
      ],
      examples: [{ command: "session create out called 4930123", says: "a call by the rule named out" }],
      async run(context, { operands, keywords }) {
        const { calling: callingNumber, called: calledNumber, user: userName } = keywords;
        const body = { rule: operands.rule, callingNumber, calledNumber, userName };
        printOne(context, await (await context.client()).ask<Session>("POST", "/v1/sessions", body), details);
        return 0;
      },
    },
    {
      name: "terminate",
      summary: "End a session (CDN, result 3) and with it the one it is bridged with",
      details:
        "A session that ends here is ended by PPP first, and accounted for as Admin-Reset. Subscribers can be named by their names: those whom all the keywords fit are ended.",
      operands: [{ ...operand, optional: true }],
      keywords: [
        { name: "user", value: "NAME", description: "the subscriber's user name" },
        { name: "address", value: "ADDRESS", description: "the subscriber's IPv4 address" },
        { name: "prefix", value: "PREFIX", description: "the subscriber's IPv6 prefix, of the link or delegated" },
        { name: "calling", value: "NUMBER", description: "calling number of a subscriber" },
        { name: "accounting", value: "ID", description: "Acct-Session-Id of a subscriber" },
      ],
      examples: [
        { command: "session terminate 7/1234", says: "by tunnel and session" },
        { command: "session terminate user alice", says: "all sessions of a user that end here" },
      ],
      async run(context, { operands, keywords }) {
        const client = await context.client();
        const named = Object.keys(keywords).length > 0;
        const session = operands["tunnel/session"];
        if (named === (session !== undefined)) throw usage("name a session, or say whose sessions by keywords");
        if (session !== undefined) await client.ask("DELETE", path(session));
        else {
          const { terminated } = await client.ask<Terminated>("POST", "/v1/sessions/terminate", keywords);
          if (context.json) printJson(context, terminated);
          else context.print(`${terminated.join(" ")}\n`);
        }
        return 0;
      },
    },
  ],
};
