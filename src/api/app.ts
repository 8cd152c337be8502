/** The HTTP application: routes, events, health, and how a refusal looks. */
import { createHash, timingSafeEqual } from "node:crypto";
import { type Context, Hono } from "hono";
import { JunctorError } from "../errors.js";
import type { Gateway } from "../gateway/types.js";
import { type Refusal, refusal } from "./failure.js";
import { openapi } from "./openapi.js";
import type { Route } from "./route.js";
import { routes } from "./routes.js";
import type { Service } from "./service.js";
import { eventStream } from "./sse.js";
import { mountStreams } from "./streams.js";
import { mountWatching } from "./watching.js";

/** Most request bodies are a few words long. */
const fewWords = 4096;

export interface AppOptions {
  /** Asked of every request but health; for listeners that anybody can reach. */
  readonly token?: Uint8Array | undefined;
  /** Told of errors that are ours. */
  readonly onError?: ((error: unknown, request: string) => void) | undefined;
}

export function createApp(service: Service, options: AppOptions = {}): Hono {
  const app = new Hono();
  health(app, service);
  app.use("/v1/*", async (context, next) => {
    if (options.token !== undefined && !authorized(context, options.token)) {
      throw new JunctorError("unauthorized", "the request has no valid token", "send Authorization: Bearer TOKEN");
    }
    await next();
  });
  // First: /v1/sessions/{tunnel}/{session} and /v1/programs/{program} fit these as well.
  mountWatching(app, service);
  mountStreams(app, service);
  for (const route of routes) mount(app, service, route);
  mountEvents(app, service);
  const document = openapi(service.daemon.version);
  app.get("/v1/openapi.json", (context) => context.json(document));

  app.notFound((context) => answer(context, refusal(notFound(context))));
  app.onError((error, context) => {
    if (!(error instanceof JunctorError)) options.onError?.(error, `${context.req.method} ${context.req.path}`);
    return answer(context, refusal(error));
  });
  return app;
}

/** `/livez` and `/readyz`, for supervisors and load balancers. */
export function health(app: Hono, { gateway }: { readonly gateway: Pick<Gateway, "ready" | "draining"> }): void {
  app.get("/livez", (context) => context.json({ status: "live" }));
  app.get("/readyz", (context) => {
    if (gateway.draining) return context.json({ status: "draining" }, 503);
    return gateway.ready ? context.json({ status: "ready" }) : context.json({ status: "not ready" }, 503);
  });
}

function mount(app: Hono, service: Service, route: Route): void {
  const path = route.path.replace(/\{(\w+)\}/g, ":$1");
  app.on(route.method.toUpperCase(), path, async (context) => {
    const body = route.body === undefined ? undefined : await readJson(context, route.maxBody ?? fewWords);
    const result = await route.run(service, { params: context.req.param(), query: context.req.query(), body });
    return route.answer === undefined ? context.body(null, 204) : context.json(result as object);
  });
}

function mountEvents(app: Hono, { events }: Service): void {
  app.get("/v1/events", (context) => {
    if (events.subscribers >= maxSubscribers) {
      throw new JunctorError("EBUSY", `${maxSubscribers} readers of events are connected`, "close one of them");
    }
    const headers = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };
    return context.body(eventStream(events.subscribe()), 200, headers);
  });
}

const maxSubscribers = 64;

async function readJson(context: Context, maxBody: number): Promise<unknown> {
  const type = context.req.header("content-type") ?? "";
  if (!/^application\/json\b/i.test(type)) {
    throw new JunctorError("unsupported-media-type", `the body is ${type || "of no type"}`, "send application/json");
  }
  try {
    return JSON.parse(await readText(context, maxBody));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new JunctorError("invalid", `body: ${error.message}`, "send one JSON object");
    throw error;
  }
}

/** Stops at the limit, whatever the request says of its length. */
async function readText(context: Context, maxBody: number): Promise<string> {
  const decoder = new TextDecoder();
  let [text, length] = ["", 0];
  for await (const chunk of context.req.raw.body ?? []) {
    length += chunk.byteLength;
    if (length > maxBody) throw new JunctorError("too-large", `the request's body is longer than ${maxBody} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Digests have one length, so that the comparison says nothing of the token's. */
function authorized(context: Context, token: Uint8Array): boolean {
  const given = /^Bearer (.+)$/.exec(context.req.header("authorization") ?? "")?.[1];
  const digest = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

function notFound(context: Context): JunctorError {
  const { method, path } = context.req;
  const allowed = routes.filter((route) => pattern(route.path).test(path)).map((route) => route.method.toUpperCase());
  return allowed.length === 0
    ? new JunctorError("not-found", `${path}: no such resource`, "GET /v1/openapi.json lists them")
    : new JunctorError("method-not-allowed", `${path} does not know ${method}`, `it knows ${allowed.join(", ")}`);
}

const pattern = (path: string): RegExp => new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`);

const answer = (context: Context, { status, body }: Refusal): Response => context.json(body, status);
