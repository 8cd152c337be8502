/** Sessions that end here: their PPP, their units, the addresses and the servers behind them. */
import { z } from "zod";
import type { UnitFacts, UnitView } from "../../gateway/types.js";
import { filters } from "../filters.js";
import { type Listing, listingQuery, part } from "../listing.js";
import { sessionName } from "../names.js";
import { route } from "../route.js";
import type { Ppp, Unit } from "../schemas-ppp.js";
import type { Service } from "../service.js";
import { poolJson, pppJson, radiusJson, unitJson } from "../views-ppp.js";
import { callParams, missing } from "./params.js";

const unitParams = z.object({ unit: z.coerce.number().int().min(1).max(0xffff_ffff).describe("Handle of the unit") });

const unitListing: Listing<UnitFacts, UnitView, Unit> = {
  filters: filters.unit,
  attributes: ({ userName, address }) => ({ userName: userName ?? null, address: address ?? null }),
  show: unitJson,
  name: ({ unit }) => String(unit),
  place: Number,
};

async function showPpp({ gateway }: Service, call: number): Promise<Ppp> {
  const view = await gateway.ppp(call);
  if (view === undefined) throw missing("session", `${sessionName(call)} (that ends here)`);
  return pppJson(view);
}

const name = z.string().min(1).max(253).optional();
const namesBody = z
  .object({
    user: name.describe("User name, as AAA knows it"),
    address: name.describe("IPv4 address"),
    prefix: name.describe("IPv6 prefix, of the link or delegated"),
    calling: name.describe("Calling number"),
    accounting: name.describe("Acct-Session-Id"),
  })
  .strict();

async function terminate({ gateway }: Service, names: z.infer<typeof namesBody>) {
  const { user: userName, address, prefix: ipv6Prefix, calling: callingNumber, accounting: session } = names;
  const calls = gateway.find({ userName, address, ipv6Prefix, callingNumber, session });
  if (calls.length === 0) throw missing("session", Object.entries(names).flat().join(" "));
  await Promise.all(calls.map(gateway.terminateSession));
  return { terminated: calls.map(sessionName) };
}

export const pppRoutes = [
  route({
    method: "get",
    path: "/v1/sessions/{session}/ppp",
    operation: "showPpp",
    summary: "The PPP of a session that ends here: automatons, options, user, addresses, rates",
    params: callParams,
    answer: "Ppp",
    refuses: ["not-found"],
    handle: (service, { params }) => showPpp(service, params.session),
  }),
  route({
    method: "post",
    path: "/v1/sessions/terminate",
    operation: "terminateSessions",
    summary: "Ends the sessions of those whom all of these names fit",
    body: namesBody,
    answer: "Terminated",
    refuses: ["not-found"],
    handle: (service, { body }) => terminate(service, body),
  }),
  route({
    method: "get",
    path: "/v1/units",
    operation: "showUnits",
    summary: "PPP network interfaces: one for each subscriber that ends here",
    query: listingQuery(filters.unit),
    answer: "Units",
    handle: async ({ gateway }, { query }) => {
      const { items, next } = await part(gateway.units, unitListing, query);
      return { units: items, next };
    },
  }),
  route({
    method: "get",
    path: "/v1/units/{unit}",
    operation: "showUnit",
    summary: "One unit",
    params: unitParams,
    answer: "Unit",
    refuses: ["not-found"],
    handle: async ({ gateway }, { params }) => {
      const view = await gateway.unit(params.unit);
      if (view === undefined) throw missing("unit", params.unit);
      return unitJson(view);
    },
  }),
  route({
    method: "get",
    path: "/v1/pools",
    operation: "showPools",
    summary: "Address pools and how full they are",
    answer: "Pools",
    handle: async ({ gateway }) => ({ pools: gateway.pools.map(poolJson) }),
  }),
  route({
    method: "get",
    path: "/v1/radius",
    operation: "showRadius",
    summary: "RADIUS servers, and accounting that waits for them",
    answer: "Radius",
    handle: async ({ gateway }) => radiusJson(gateway.aaa),
  }),
];
