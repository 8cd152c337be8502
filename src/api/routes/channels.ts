import { z } from "zod";
import type { ChannelView } from "../../gateway/types.js";
import { filters } from "../filters.js";
import { type Listing, listingQuery, part } from "../listing.js";
import { route } from "../route.js";
import type { Channel } from "../schemas.js";
import { channelJson } from "../views.js";

const channelParams = z.object({
  channel: z.coerce.number().int().min(1).max(0xffff_ffff).describe("Channel index"),
});

const showChannel = (view: ChannelView): Channel => channelJson(view, view.call);

const channelListing: Listing<ChannelView, ChannelView, Channel> = {
  filters: filters.channel,
  attributes: showChannel,
  show: showChannel,
  name: ({ channel }) => String(channel),
  place: Number,
};

export const channelRoutes = [
  route({
    method: "get",
    path: "/v1/channels",
    operation: "showChannels",
    summary: "PPP channels of the data plane, by index",
    query: listingQuery(filters.channel),
    answer: "Channels",
    handle: async ({ gateway }, { query }) => {
      const { items, next } = await part(gateway.channels, channelListing, query);
      return { channels: items, next };
    },
  }),
  route({
    method: "get",
    path: "/v1/channels/{channel}",
    operation: "showChannel",
    summary: "One channel",
    params: channelParams,
    answer: "Channel",
    refuses: ["ENXIO"],
    handle: async ({ channels, gateway }, { params }) =>
      channelJson(await channels.get(params), gateway.callOf(params.channel)),
  }),
  route({
    method: "post",
    path: "/v1/channels/{channel}/bridge",
    operation: "bridgeChannel",
    summary: "Joins two channels: what one receives the other transmits",
    params: channelParams,
    body: z.object({ with: z.int().min(1).max(0xffff_ffff).describe("The other channel") }),
    refuses: ["ENXIO", "EALREADY"],
    handle: ({ channels }, { params, body }) => channels.bridge({ channel: params.channel, with: body.with }),
  }),
  route({
    method: "post",
    path: "/v1/channels/{channel}/unbridge",
    operation: "unbridgeChannel",
    summary: "Parts a channel and its partner",
    params: channelParams,
    refuses: ["ENXIO", "EINVAL"],
    handle: ({ channels }, { params }) => channels.unbridge(params),
  }),
];
