import { setTimeout as sleep } from "node:timers/promises";
import type { Tunnel } from "../../api/schemas.js";
import { type Context, printJson } from "../context.js";
import { usage } from "../exit.js";
import { type Column, count, orDash, table } from "../format.js";
import type { ObjectSpec } from "../grammar.js";
import { fetchAll } from "../listing.js";

/** What a tunnel carried between two looks, per second. */
export interface Rate {
  readonly tunnel: number;
  readonly side: Tunnel["side"];
  readonly remote: string;
  readonly hostName: string | null;
  readonly sessions: number;
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBits: number;
  readonly txBits: number;
}

/** The busiest first. A tunnel that was not there before has carried what its counters say. */
export function rates(before: readonly Tunnel[], now: readonly Tunnel[], seconds: number): readonly Rate[] {
  const earlier = new Map(before.map((tunnel) => [tunnel.tunnel, tunnel.counters]));
  return now
    .map(({ tunnel, side, remote, hostName, sessions, counters }) => {
      const rate = (name: keyof Tunnel["counters"]): number =>
        Math.max(0, (counters[name] - (earlier.get(tunnel)?.[name] ?? 0)) / seconds);
      return {
        tunnel,
        side,
        remote,
        hostName,
        sessions,
        rxPackets: rate("rxPackets"),
        txPackets: rate("txPackets"),
        rxBits: rate("rxBytes") * 8,
        txBits: rate("txBytes") * 8,
      };
    })
    .sort((a, b) => b.rxPackets + b.txPackets - (a.rxPackets + a.txPackets) || a.tunnel - b.tunnel);
}

const shown = (value: number): string => count(Math.round(value));

const columns: readonly Column<Rate>[] = [
  { title: "TUNNEL", align: "right", cell: ({ tunnel }) => String(tunnel) },
  { title: "SIDE", cell: ({ side }) => side },
  { title: "REMOTE", cell: ({ remote }) => remote },
  { title: "HOST", cell: ({ hostName }) => orDash(hostName) },
  { title: "SESSIONS", align: "right", cell: ({ sessions }) => String(sessions) },
  { title: "RX/s", align: "right", cell: ({ rxPackets }) => shown(rxPackets) },
  { title: "TX/s", align: "right", cell: ({ txPackets }) => shown(txPackets) },
  { title: "RX bit/s", align: "right", cell: ({ rxBits }) => shown(rxBits) },
  { title: "TX bit/s", align: "right", cell: ({ txBits }) => shown(txBits) },
];

const sum = (all: readonly Rate[], name: "sessions" | "rxPackets" | "txPackets"): number =>
  all.reduce((total, rate) => total + rate[name], 0);

const clearScreen = "\u001b[H\u001b[J";
/** Lines of a screen that are not tunnels, and the tunnels shown where there is no screen. */
const headLines = 3;
const fallbackRows = 20;

function screen(all: readonly Rate[]): string {
  const { isTTY, rows } = process.stdout;
  const most = isTTY ? Math.max(1, (rows ?? fallbackRows) - headLines) : fallbackRows;
  const head =
    `${all.length} tunnels, ${sum(all, "sessions")} sessions; packets/s: ` +
    `${shown(sum(all, "rxPackets"))} received, ${shown(sum(all, "txPackets"))} sent\n`;
  return `${isTTY ? clearScreen : ""}${head}${table(columns, all.slice(0, most))}`;
}

function positive(name: string, text: string | undefined, fallback: number): number {
  const value = Number(text ?? fallback);
  if (!(value > 0)) throw usage(`${name} ${text}: expected a number above 0`);
  return value;
}

async function watch(context: Context, seconds: number, times: number): Promise<void> {
  let before = await fetchAll<Tunnel>(context, "/v1/tunnels", {});
  let since = performance.now();
  for (let time = 0; time < times; time++) {
    await sleep(seconds * 1000);
    const now = await fetchAll<Tunnel>(context, "/v1/tunnels", {});
    const at = performance.now();
    const all = rates(before, now, (at - since) / 1000);
    [before, since] = [now, at];
    if (context.json) printJson(context, all);
    else context.print(screen(all));
  }
}

export const topObject: ObjectSpec = {
  name: "top",
  summary: "Show the busiest tunnels, again and again",
  commands: [
    {
      name: "",
      summary: "Show the busiest tunnels, again and again",
      details: "Packets and bits per second between two looks. With --json, a list of tunnels for each look.",
      keywords: [
        { name: "interval", value: "SECONDS", description: "time between two looks; 1 when it is left out" },
        { name: "count", value: "N", description: "end after so many looks" },
      ],
      async run(context, { keywords }) {
        const seconds = positive("interval", keywords.interval, 1);
        await watch(context, seconds, positive("count", keywords.count, Number.POSITIVE_INFINITY));
        return 0;
      },
    },
  ],
};
