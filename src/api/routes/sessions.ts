import { z } from "zod";
import { JunctorError } from "../../errors.js";
import type { SessionFacts, SessionView } from "../../gateway/types.js";
import { filters } from "../filters.js";
import { type Listing, listingQuery, part } from "../listing.js";
import { parseSessionName, sessionName } from "../names.js";
import { route } from "../route.js";
import type { Session } from "../schemas.js";
import type { Service } from "../service.js";
import { sessionFactsJson, sessionJson } from "../views.js";
import { callParams, id16, missing } from "./params.js";

const sessionParams = z.object({
  tunnel: id16.describe("Local tunnel id"),
  session: id16.describe("Local session id"),
});

const sessionListing: Listing<SessionFacts, SessionView, Session> = {
  filters: filters.session,
  attributes: sessionFactsJson,
  show: sessionJson,
  name: ({ session }) => session,
  place: parseSessionName,
};

const sessionMissing = (call: number) => missing("session", sessionName(call));

const showSession = async ({ gateway }: Pick<Service, "gateway">, call: number): Promise<Session> => {
  const view = await gateway.session(call);
  if (view === undefined) throw sessionMissing(call);
  return sessionJson(view);
};

const terminateSession = async ({ gateway }: Service, call: number): Promise<void> => {
  if (!(await gateway.terminateSession(call))) throw sessionMissing(call);
};

const word = z.string().min(1).max(64).optional();

const callBody = z.object({
  rule: z
    .string()
    .min(1)
    .max(256)
    .describe("Name of a rule of the policy that forwards: says which LNS, and how it is reached"),
  callingNumber: word.describe("Calling number"),
  calledNumber: word.describe("Called number"),
  userName: word.describe("Proxied user name"),
});

async function createSession(
  { gateway }: Service,
  { rule, userName, ...icrq }: z.infer<typeof callBody>,
): Promise<Session> {
  if (gateway.draining) throw new JunctorError("EBUSY", "the daemon drains: no calls are placed", "drain off");
  const iccn = { proxyAuthenName: userName };
  const call = gateway.placeCall({ rule, icrq, iccn });
  if (call === undefined) {
    throw new JunctorError(
      "not-found",
      `rule ${rule}: there is none of this name that forwards, or no room for another call`,
      "name the rule in the configuration, and say `forward` in it",
    );
  }
  return showSession({ gateway }, call);
}

export const sessionRoutes = [
  route({
    method: "get",
    path: "/v1/sessions",
    operation: "showSessions",
    summary: "Sessions, by tunnel and local session id",
    query: listingQuery(filters.session),
    answer: "Sessions",
    handle: async ({ gateway }, { query }) => {
      const { items, next } = await part(gateway.sessions, sessionListing, query);
      return { sessions: items, next };
    },
  }),
  route({
    method: "post",
    path: "/v1/sessions",
    operation: "createSession",
    summary:
      "Places a call to an LNS, as a LAC; `session-up` or `session-down` follows, and its channel can then be bridged",
    body: callBody,
    answer: "Session",
    refuses: ["not-found", "EBUSY"],
    handle: (service, { body }) => createSession(service, body),
  }),
  route({
    method: "get",
    path: "/v1/sessions/{tunnel}/{session}",
    operation: "showSession",
    summary: "One session",
    params: sessionParams,
    answer: "Session",
    refuses: ["not-found"],
    handle: (service, { params }) => showSession(service, params.tunnel * 0x1_0000 + params.session),
  }),
  route({
    method: "get",
    path: "/v1/sessions/{session}",
    operation: "showSessionByName",
    summary: "One session, named in one path segment",
    params: callParams,
    answer: "Session",
    refuses: ["not-found"],
    handle: (service, { params }) => showSession(service, params.session),
  }),
  route({
    method: "delete",
    path: "/v1/sessions/{tunnel}/{session}",
    operation: "terminateSession",
    summary: "Ends a session (CDN, result 3) and with it the one it is bridged with",
    params: sessionParams,
    refuses: ["not-found"],
    handle: (service, { params }) => terminateSession(service, params.tunnel * 0x1_0000 + params.session),
  }),
  route({
    method: "delete",
    path: "/v1/sessions/{session}",
    operation: "terminateSessionByName",
    summary: "Ends a session, named in one path segment",
    params: callParams,
    refuses: ["not-found"],
    handle: (service, { params }) => terminateSession(service, params.session),
  }),
];
