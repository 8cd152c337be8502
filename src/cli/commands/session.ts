import { filters } from "../../api/filters.js";
import { parseSessionName, sessionName } from "../../api/names.js";
import type { Session } from "../../api/schemas.js";
import { usage } from "../exit.js";
import { age, type Column, count, exact, orDash, sheet, state } from "../format.js";
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
    ["user", orDash(session.userName)],
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
        printOne(context, await client.ask<Session>("GET", path(operands["tunnel/session"]!)), details);
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
      operands: [operand],
      async run(context, { operands }) {
        await (await context.client()).ask("DELETE", path(operands["tunnel/session"]!));
        return 0;
      },
    },
  ],
};
