/** Objects of sessions that end here: units, pools, RADIUS servers. */
import { filters } from "../../api/filters.js";
import type { Pool, Radius, RadiusServerJson, Unit } from "../../api/schemas-ppp.js";
import { printJson } from "../context.js";
import { usage } from "../exit.js";
import { bits, type Column, count, exact, orDash, sheet, tableWriter } from "../format.js";
import type { ObjectSpec } from "../grammar.js";
import { keywordsOf, printAll, printOne } from "../listing.js";

const rateCell = (rate: Unit["up"]): string => (rate === null ? "-" : bits(rate.bitsPerSecond));

const unitColumns: readonly Column<Unit>[] = [
  { title: "UNIT", align: "right", cell: ({ unit }) => String(unit) },
  { title: "NAME", cell: ({ name }) => name },
  { title: "SESSION", align: "right", cell: ({ session }) => orDash(session) },
  { title: "USER", cell: ({ userName }) => orDash(userName) },
  { title: "ADDRESS", cell: ({ address }) => orDash(address) },
  { title: "UP", align: "right", cell: ({ up }) => rateCell(up) },
  { title: "DOWN", align: "right", cell: ({ down }) => rateCell(down) },
  { title: "RX", align: "right", cell: ({ counters }) => count(counters.rxPackets) },
  { title: "TX", align: "right", cell: ({ counters }) => count(counters.txPackets) },
  { title: "IDLE", align: "right", cell: ({ idle }) => (idle === null ? "-" : `${Math.round(idle)}s`) },
];

const unitDetails = (unit: Unit): string =>
  sheet([
    ["unit", `${unit.unit}, ${unit.name}`],
    ["session", orDash(unit.session)],
    ["user", orDash(unit.userName)],
    ["address", orDash(unit.address)],
    ["mtu", String(unit.mtu)],
    ["passes", [unit.ipv4 ? "IPv4" : "", unit.ipv6 ? "IPv6" : ""].filter(Boolean).join(", ") || "nothing"],
    ["limits", `up ${rateCell(unit.up)}, down ${rateCell(unit.down)}`],
    ["channels", unit.channels.join(", ") || "-"],
    ["received", traffic(unit.counters.rxPackets, unit.counters.rxBytes, unit.counters.rxDropped)],
    ["sent", traffic(unit.counters.txPackets, unit.counters.txBytes, unit.counters.txDropped)],
    ["idle", unit.idle === null ? "-" : `${unit.idle} s`],
  ]);

const traffic = (packets: number, bytes: number, dropped: number): string =>
  `${exact(packets)} packets, ${exact(bytes)} bytes, ${exact(dropped)} dropped`;

function handle(word: string | undefined): number {
  if (word === undefined || !/^[1-9]\d{0,9}$/.test(word)) throw usage(`${word}: expected the number of a unit`);
  return Number(word);
}

export const unitObject: ObjectSpec = {
  name: "unit",
  abbreviation: "u",
  summary: "PPP network interfaces of subscribers",
  details:
    "A unit is the network interface of a subscriber that ends here; one or, in a bundle, several channels carry it.",
  commands: [
    {
      name: "show",
      summary: "List units",
      keywords: keywordsOf(filters.unit),
      async run(context, { keywords }) {
        await printAll(context, "/v1/units", keywords, unitColumns);
        return 0;
      },
    },
    {
      name: "get",
      summary: "Show one unit",
      operands: [{ name: "UNIT", description: "its number" }],
      async run(context, { operands }) {
        const client = await context.client();
        printOne(context, await client.ask<Unit>("GET", `/v1/units/${handle(operands.unit)}`), unitDetails);
        return 0;
      },
    },
  ],
};

const poolColumns: readonly Column<Pool>[] = [
  { title: "POOL", cell: ({ pool }) => pool },
  { title: "KIND", cell: ({ kind }) => kind },
  { title: "SIZE", align: "right", cell: ({ size }) => exact(size) },
  { title: "USED", align: "right", cell: ({ used }) => exact(used) },
  { title: "QUARANTINED", align: "right", cell: ({ quarantined }) => exact(quarantined) },
  { title: "FREE", align: "right", cell: ({ size, used, quarantined }) => exact(size - used - quarantined) },
];

export const poolObject: ObjectSpec = {
  name: "pool",
  abbreviation: "p",
  summary: "Address pools",
  details: "link: IPv6 prefixes on subscribers' links; delegated: those that DHCPv6 delegates to them.",
  commands: [
    {
      name: "show",
      summary: "List pools and how full they are",
      async run(context) {
        const { pools } = await (await context.client()).ask<{ pools: Pool[] }>("GET", "/v1/pools");
        if (context.json) printJson(context, pools);
        else {
          const write = tableWriter(poolColumns);
          context.print(write.rows(pools) + write.end());
        }
        return 0;
      },
    },
  ],
};

const serverColumns: readonly Column<RadiusServerJson>[] = [
  { title: "SERVER", cell: ({ server }) => server },
  { title: "SERVICE", cell: ({ service }) => service },
  { title: "ADDRESS", cell: ({ address }) => address },
  { title: "STATE", cell: ({ alive }) => (alive ? "alive" : "dead") },
  { title: "OUTSTANDING", align: "right", cell: ({ outstanding }) => String(outstanding) },
  { title: "RTT", align: "right", cell: ({ roundTrip }) => (roundTrip === null ? "-" : `${roundTrip.toFixed(1)} ms`) },
];

export const radiusObject: ObjectSpec = {
  name: "radius",
  summary: "RADIUS servers, and accounting that waits for them",
  commands: [
    {
      name: "show",
      summary: "List servers",
      async run(context) {
        const radius = await (await context.client()).ask<Radius>("GET", "/v1/radius");
        if (context.json) printJson(context, radius);
        else {
          const write = tableWriter(serverColumns);
          context.print(write.rows(radius.servers) + write.end());
          context.print(`${radius.localUsers} local users, ${radius.pending} accounting records wait for a server\n`);
        }
        return 0;
      },
    },
  ],
};
