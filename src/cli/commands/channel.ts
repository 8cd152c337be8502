import { filters } from "../../api/filters.js";
import type { Channel } from "../../api/schemas.js";
import { usage } from "../exit.js";
import { type Column, orDash, sheet } from "../format.js";
import type { ObjectSpec } from "../grammar.js";
import { keywordsOf, printAll, printOne } from "../listing.js";

const columns: readonly Column<Channel>[] = [
  { title: "CHANNEL", align: "right", cell: ({ channel }) => String(channel) },
  { title: "SESSION", align: "right", cell: ({ session }) => orDash(session) },
  { title: "BRIDGED", align: "right", cell: ({ bridgedWith }) => orDash(bridgedWith) },
  { title: "UNIT", align: "right", cell: ({ unit }) => orDash(unit) },
];

const details = (channel: Channel): string =>
  sheet([
    ["channel", String(channel.channel)],
    ["session", orDash(channel.session)],
    ["bridged", channel.bridgedWith === null ? "no" : `with ${channel.bridgedWith}`],
    ["unit", orDash(channel.unit)],
  ]);

function index(word: string | undefined): number {
  if (word === undefined || !/^[1-9]\d{0,9}$/.test(word)) throw usage(`${word}: expected a channel index`);
  return Number(word);
}

export const channelObject: ObjectSpec = {
  name: "channel",
  abbreviation: "c",
  summary: "PPP channels of the data plane",
  details: "A channel is a session seen as something that PPP frames are received from and transmitted on.",
  commands: [
    {
      name: "show",
      summary: "List channels",
      keywords: keywordsOf(filters.channel),
      async run(context, { keywords }) {
        await printAll(context, "/v1/channels", keywords, columns);
        return 0;
      },
    },
    {
      name: "get",
      summary: "Show one channel",
      operands: [{ name: "CHANNEL", description: "channel index" }],
      async run(context, { operands }) {
        const client = await context.client();
        printOne(context, await client.ask<Channel>("GET", `/v1/channels/${index(operands.channel)}`), details);
        return 0;
      },
    },
    {
      name: "bridge",
      summary: "Join two channels: what one receives the other transmits",
      operands: [
        { name: "A", description: "channel index" },
        { name: "B", description: "index of the other channel" },
      ],
      examples: [{ command: "channel bridge 4 5", says: "join channels 4 and 5" }],
      async run(context, { operands }) {
        const [a, b] = [index(operands.a), index(operands.b)];
        await (await context.client()).ask("POST", `/v1/channels/${a}/bridge`, { with: b });
        return 0;
      },
    },
    {
      name: "unbridge",
      summary: "Part a channel and its partner",
      operands: [{ name: "A", description: "index of either channel" }],
      async run(context, { operands }) {
        await (await context.client()).ask("POST", `/v1/channels/${index(operands.a)}/unbridge`);
        return 0;
      },
    },
  ],
};
