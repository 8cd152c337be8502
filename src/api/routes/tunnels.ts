import { z } from "zod";
import type { TunnelFacts, TunnelView } from "../../gateway/types.js";
import { filters } from "../filters.js";
import { type Listing, listingQuery, part } from "../listing.js";
import { route } from "../route.js";
import type { Tunnel } from "../schemas.js";
import { tunnelFactsJson, tunnelJson } from "../views.js";
import { id16, missing } from "./params.js";

const tunnelParams = z.object({ tunnel: id16.describe("Local tunnel id") });

const tunnelListing: Listing<TunnelFacts, TunnelView, Tunnel> = {
  filters: filters.tunnel,
  attributes: tunnelFactsJson,
  show: tunnelJson,
  name: ({ tunnel }) => String(tunnel),
  place: Number,
};

export const tunnelRoutes = [
  route({
    method: "get",
    path: "/v1/tunnels",
    operation: "showTunnels",
    summary: "Tunnels, by local tunnel id",
    query: listingQuery(filters.tunnel),
    answer: "Tunnels",
    handle: async ({ gateway }, { query }) => {
      const { items, next } = await part(gateway.tunnels, tunnelListing, query);
      return { tunnels: items, next };
    },
  }),
  route({
    method: "get",
    path: "/v1/tunnels/{tunnel}",
    operation: "showTunnel",
    summary: "One tunnel",
    params: tunnelParams,
    answer: "Tunnel",
    refuses: ["not-found"],
    handle: async ({ gateway }, { params }) => {
      const view = await gateway.tunnel(params.tunnel);
      if (view === undefined) throw missing("tunnel", params.tunnel);
      return tunnelJson(view);
    },
  }),
  route({
    method: "delete",
    path: "/v1/tunnels/{tunnel}",
    operation: "terminateTunnel",
    summary: "Ends a tunnel and its sessions (StopCCN, result 6)",
    params: tunnelParams,
    refuses: ["not-found"],
    handle: async ({ gateway }, { params }) => {
      if (!(await gateway.terminateTunnel(params.tunnel))) throw missing("tunnel", params.tunnel);
    },
  }),
];
