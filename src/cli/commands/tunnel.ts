import { filters } from "../../api/filters.js";
import type { Tunnel } from "../../api/schemas.js";
import { usage } from "../exit.js";
import { age, type Column, count, exact, orDash, sheet, state } from "../format.js";
import type { ObjectSpec, Operand } from "../grammar.js";
import { keywordsOf, printAll, printOne } from "../listing.js";

const operand: Operand = { name: "TUNNEL", description: "local tunnel id, 1–65535" };

const columns = (now: number, color: boolean): readonly Column<Tunnel>[] => [
  { title: "TUNNEL", align: "right", cell: ({ tunnel }) => String(tunnel) },
  { title: "PEER", align: "right", cell: ({ peerTunnelId }) => String(peerTunnelId) },
  { title: "SIDE", cell: ({ side }) => side },
  { title: "STATE", cell: (tunnel) => state(tunnel.state, color) },
  { title: "REMOTE", cell: ({ remote }) => remote },
  { title: "HOST", cell: ({ hostName }) => orDash(hostName) },
  { title: "SESSIONS", align: "right", cell: ({ sessions }) => String(sessions) },
  { title: "RX", align: "right", cell: ({ counters }) => count(counters.rxPackets) },
  { title: "TX", align: "right", cell: ({ counters }) => count(counters.txPackets) },
  { title: "AGE", align: "right", cell: ({ since }) => age(since, now) },
];

const details = (tunnel: Tunnel): string => {
  const { counters, transport } = tunnel;
  return sheet([
    ["tunnel", `${tunnel.tunnel}, peer's ${tunnel.peerTunnelId}`],
    ["side", `${tunnel.side}, opened by ${tunnel.initiator ? "us" : "the peer"}`],
    ["state", tunnel.state],
    ["remote", tunnel.remote],
    ["local", orDash(tunnel.local)],
    ["host", orDash(tunnel.hostName)],
    ["vendor", `${orDash(tunnel.vendorName)}, firmware ${orDash(tunnel.firmwareRevision)}`],
    ["sessions", String(tunnel.sessions)],
    ["since", `${tunnel.since} (${age(tunnel.since, Date.now())})`],
    ["received", `${exact(counters.rxPackets)} packets, ${exact(counters.rxBytes)} bytes, ${counters.rxErrors} errors`],
    ["sent", `${exact(counters.txPackets)} packets, ${exact(counters.txBytes)} bytes, ${counters.txErrors} errors`],
    [
      "control",
      `Ns ${transport.ns}, Nr ${transport.nr}, window ${transport.window}, congestion window ${transport.congestionWindow}, ` +
        `${transport.queued} queued, ${transport.retransmissions} retransmissions`,
    ],
  ]);
};

/** The path of a tunnel that a person named. */
function path(name: string): string {
  if (!/^\d{1,5}$/.test(name)) throw usage(`${name}: expected a tunnel id, 1–65535`);
  return `/v1/tunnels/${name}`;
}

export const tunnelObject: ObjectSpec = {
  name: "tunnel",
  abbreviation: "t",
  summary: "L2TP tunnels (control connections)",
  commands: [
    {
      name: "show",
      summary: "List tunnels",
      details:
        "RX and TX are data packets. Without keywords, all tunnels are listed; with several, those that fit them all.",
      keywords: keywordsOf(filters.tunnel),
      examples: [
        { command: "tunnel show remote 192.0.2.1", says: "the tunnels of one peer" },
        { command: "t s side onward", says: "the tunnels to LNSs, abbreviated" },
      ],
      async run(context, { keywords }) {
        await printAll(context, "/v1/tunnels", keywords, columns(Date.now(), context.color));
        return 0;
      },
    },
    {
      name: "get",
      summary: "Show everything about one tunnel",
      operands: [operand],
      async run(context, { operands }) {
        printOne(context, await (await context.client()).ask<Tunnel>("GET", path(operands.tunnel!)), details);
        return 0;
      },
    },
    {
      name: "terminate",
      summary: "End a tunnel and its sessions (StopCCN, result 6)",
      operands: [operand],
      async run(context, { operands }) {
        await (await context.client()).ask("DELETE", path(operands.tunnel!));
        return 0;
      },
    },
  ],
};
