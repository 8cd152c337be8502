import { execFileSync } from "node:child_process";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeService, fakeService, serveFake } from "../../test/fakes/api.js";
import { call } from "../../test/fakes/gateway.js";
import { createApp } from "./app.js";
import { createEventHub } from "./events.js";
import { listen } from "./listen.js";
import { createMetrics, createMetricsApp } from "./metrics.js";
import { schemas } from "./schemas.js";
import { eventStream } from "./sse.js";

let service: FakeService;
beforeEach(() => {
  service = fakeService();
});
afterEach(() => service.events.close());

const ask = async (path: string, init?: RequestInit) => {
  const response = await createApp(service).request(path, init);
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
};
const send = (method: string, path: string, body: unknown) =>
  ask(path, { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } });

describe("tunnels and sessions", () => {
  test("are listed in the order of their ids, in the form that the schemas say", async () => {
    const { status, body } = await ask("/v1/tunnels");
    expect(status).toBe(200);
    expect(
      schemas.Tunnels.strict()
        .parse(body)
        .tunnels.map(({ tunnel }) => tunnel),
    ).toEqual([7, 9]);
    const { body: sessions } = await ask("/v1/sessions");
    expect(
      schemas.Sessions.strict()
        .parse(sessions)
        .sessions.map(({ session }) => session),
    ).toEqual(["7/1", "7/3", "9/2"]);
    expect(sessions.sessions[0].bridgedWith).toBe("9/2");
  });

  test.each([
    ["/v1/tunnels?side=access", [7]],
    ["/v1/tunnels?remote=192.0.2.9", [9]],
    ["/v1/tunnels?remote=192.0.2.9:1701", [9]],
    ["/v1/tunnels?remote=192.0.2.9:1702", []],
    ["/v1/tunnels?host=lac1&state=established", [7]],
  ])("%s narrows the list", async (path, wanted) => {
    const { body } = await ask(path);
    expect(body.tunnels.map(({ tunnel }: { tunnel: number }) => tunnel)).toEqual(wanted);
  });

  test.each([
    ["/v1/sessions?bridged=no", ["7/3"]],
    ["/v1/sessions?tunnel=7", ["7/1", "7/3"]],
    ["/v1/sessions?user=alice@example.net&side=onward", ["9/2"]],
  ])("%s narrows the list", async (path, wanted) => {
    const { body } = await ask(path);
    expect(body.sessions.map(({ session }: { session: string }) => session)).toEqual(wanted);
  });

  test("come in parts that together are the whole", async () => {
    const seen: string[] = [];
    let after = "";
    for (let parts = 0; parts < 10; parts++) {
      const { body } = await ask(`/v1/sessions?limit=1${after}`);
      expect(body.sessions).toHaveLength(1);
      seen.push(...body.sessions.map(({ session }: { session: string }) => session));
      if (body.next === null) break;
      after = `&after=${encodeURIComponent(body.next)}`;
    }
    expect(seen).toEqual(["7/1", "7/3", "9/2"]);
  });

  test("one session has one answer by all of its names", async () => {
    const answers = await Promise.all(["7/1", "7%2F1", String(call(7, 1))].map((name) => ask(`/v1/sessions/${name}`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  });

  test("are ended, once", async () => {
    expect(await ask("/v1/sessions/7/1", { method: "DELETE" })).toEqual({ status: 204, body: undefined });
    expect((await ask("/v1/sessions/7/1", { method: "DELETE" })).status).toBe(404);
    expect((await ask("/v1/tunnels/7", { method: "DELETE" })).status).toBe(204);
    expect((await ask("/v1/tunnels/7")).body.error).toMatchObject({
      code: "not-found",
      message: "tunnel 7: no such object",
      hint: "list the tunnels to see which there are",
    });
  });
});

describe("channels", () => {
  test("are bridged and parted", async () => {
    expect((await send("POST", "/v1/channels/1/bridge", { with: 2 })).status).toBe(204);
    expect((await ask("/v1/channels/2")).body).toEqual({ channel: 2, session: "9/2", bridgedWith: 1, unit: null });
    expect((await ask("/v1/channels?bridged=yes")).body.channels).toHaveLength(2);
    expect(await send("POST", "/v1/channels/1/bridge", { with: 3 })).toEqual({
      status: 409,
      body: {
        error: { code: "EALREADY", message: "channel 1: is bridged (EALREADY)", hint: "unbridge it first" },
      },
    });
    expect((await ask("/v1/channels/2/unbridge", { method: "POST" })).status).toBe(204);
    expect((await ask("/v1/channels/2/unbridge", { method: "POST" })).status).toBe(400);
    expect((await ask("/v1/channels/77")).status).toBe(404);
  });
});

describe("the daemon", () => {
  test("says how it is", async () => {
    const { body } = await ask("/v1/status");
    expect(schemas.Status.strict().parse(body)).toMatchObject({
      tunnels: 2,
      sessions: 3,
      ready: true,
      draining: false,
    });
  });

  test("drains, and is then not ready for those who balance load", async () => {
    expect((await ask("/readyz")).status).toBe(200);
    expect((await send("PUT", "/v1/drain", { on: true })).body).toEqual({ draining: true, sessions: 3 });
    expect((await ask("/readyz")).status).toBe(503);
    expect((await ask("/livez")).status).toBe(200);
  });

  test("reloads, and says what is wrong with a bad file", async () => {
    expect((await ask("/v1/reload", { method: "POST" })).body).toEqual({ changes: ["access1 opened"] });
    service.badConfiguration = true;
    const { status, body } = await ask("/v1/reload", { method: "POST" });
    expect(status).toBe(422);
    expect(body.error).toMatchObject({ code: "config", message: "junctor.yaml:1:1: acess: unknown key" });
  });
});

describe("a request that is not right is refused with a reason", () => {
  test.each([
    ["GET", "/v1/tunnels?colour=red", undefined, 400, "invalid"],
    ["GET", "/v1/tunnels?side=left", undefined, 400, "invalid"],
    ["GET", "/v1/tunnels?limit=0", undefined, 400, "invalid"],
    ["GET", "/v1/tunnels/0", undefined, 400, "invalid"],
    ["GET", "/v1/tunnels/x", undefined, 400, "invalid"],
    ["GET", "/v1/sessions/7-1", undefined, 400, "invalid"],
    ["GET", "/v1/sessions/70000/1", undefined, 400, "invalid"],
    ["GET", "/v1/sessions/70000%2F1", undefined, 400, "invalid"],
    ["GET", "/v1/sessions/7%2F0", undefined, 400, "invalid"],
    ["GET", "/v1/sessions/65535", undefined, 400, "invalid"],
    ["GET", "/v1/sessions/7%2F9/trace", undefined, 404, "not-found"],
    ["GET", "/v1/sessions/7%2F9/capture", undefined, 404, "not-found"],
    ["GET", "/v1/nothing", undefined, 404, "not-found"],
    ["POST", "/v1/tunnels", "{}", 405, "method-not-allowed"],
    ["POST", "/v1/channels/1/bridge", '{"with":"2"}', 400, "invalid"],
    ["POST", "/v1/channels/1/bridge", '{"with":2,"more":1}', 400, "invalid"],
    ["POST", "/v1/channels/1/bridge", "{", 400, "invalid"],
    ["POST", "/v1/channels/1/bridge", "[]", 400, "invalid"],
    ["POST", "/v1/channels/1/bridge", `{"with":2,"x":"${"x".repeat(5000)}"}`, 413, "too-large"],
  ])("%s %s %s: %i", async (method, path, body, status, code) => {
    const answer = await ask(path, {
      method,
      ...(body !== undefined && { body, headers: { "content-type": "application/json" } }),
    });
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
    schemas.Failure.strict().parse(answer.body);
  });

  test("a body of another type", async () => {
    const answer = await ask("/v1/channels/1/bridge", { method: "POST", body: "with=2" });
    expect([answer.status, answer.body.error.code]).toEqual([415, "unsupported-media-type"]);
  });

  test("our own mistakes are not told to the client", async () => {
    const errors: unknown[] = [];
    const broken = { ...service, gateway: { ...service.gateway, tunnels: () => Promise.reject(new Error("secret")) } };
    const response = await createApp(broken, { onError: (error) => errors.push(error) }).request("/v1/tunnels");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(errors).toHaveLength(1);
  });
});

test("with a token, only health goes without it", async () => {
  const app = createApp(service, { token: new TextEncoder().encode("let me in") });
  const status = async (path: string, authorization?: string) =>
    (await app.request(path, { headers: authorization === undefined ? {} : { authorization } })).status;
  expect(await status("/livez")).toBe(200);
  expect(await status("/v1/tunnels")).toBe(401);
  expect(await status("/v1/tunnels", "Bearer let me")).toBe(401);
  expect(await status("/v1/tunnels", "Bearer let me in")).toBe(200);
});

describe("events", () => {
  test("reach every reader, with the names that the API uses", async () => {
    const response = await createApp(service).request("/v1/events");
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe(": \n\n");
    service.gateway.emit({ type: "bridged", call: call(7, 1), with: call(9, 2) });
    service.gateway.emit({ type: "session-down", call: call(7, 1), side: "access", ended: { by: "peer", result: 3 } });
    expect((await reader.read()).value).toBe(
      'id: 1\nevent: bridged\ndata: {"id":1,"time":"2026-01-02T00:00:00.000Z","type":"bridged","session":"7/1","with":"9/2"}\n\n',
    );
    const second = (await reader.read()).value!;
    const data = JSON.parse(/^data: (.*)$/m.exec(second)![1]!);
    expect(schemas.Event.strict().parse(data).ended).toEqual({
      by: "peer",
      result: 3,
      error: null,
      message: null,
      cause: null,
    });
    service.events.close();
    expect((await reader.read()).value).toBe('event: end\ndata: {"reason":"the daemon stops"}\n\n');
    expect((await reader.read()).done).toBe(true);
  });

  test("a reader that does not keep up is dropped with a reason; others go on", async () => {
    const slow = service.events.subscribe();
    const fast = service.events.subscribe();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const batch of fast) seen.push(...batch.map(({ id }) => id));
    })();
    for (let n = 0; n < 40; n++) {
      service.gateway.emit({ type: "drained" });
      await new Promise(setImmediate);
    }
    expect(service.events.dropped).toBe(1);
    const chunks: string[] = [];
    for await (const chunk of eventStream(slow)) chunks.push(new TextDecoder().decode(chunk));
    expect(chunks.at(-1)).toContain("the reader is too slow: 16 events were pending");
    expect(chunks.length).toBeLessThan(4);
    service.events.close();
    await reading;
    expect(seen).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
  });

  test("that the gateway lost leave a mark, and a gap in the ids", async () => {
    const hub = createEventHub(
      (async function* () {
        yield { type: "drained" } as const;
        yield { type: "lost", count: 7 } as const;
        yield { type: "drained" } as const;
      })(),
    );
    const seen = [];
    for await (const batch of hub.subscribe()) seen.push(...batch);
    expect(seen.map(({ id, type, count }) => [id, type, count])).toEqual([
      [1, "drained", undefined],
      [8, "lost", 7],
      [9, "drained", undefined],
    ]);
    for (const event of seen) schemas.Event.strict().parse(event);
  });

  test("a burst is no reason to drop a reader, and arrives in order", async () => {
    const hub = createEventHub(
      (async function* () {
        for (let n = 0; n < 250_000; n++) yield { type: "drained" } as const;
      })(),
    );
    const seen: number[] = [];
    for await (const batch of hub.subscribe()) seen.push(...batch.map(({ id }) => id));
    expect(seen).toEqual(Array.from({ length: 250_000 }, (_, n) => n + 1));
    expect(hub.dropped).toBe(0);
  });

  test("a reader that leaves is forgotten", async () => {
    const response = await createApp(service).request("/v1/events");
    expect(service.events.subscribers).toBe(1);
    await response.body!.cancel();
    expect(service.events.subscribers).toBe(0);
  });

  test("a source that ends ends its readers", async () => {
    const hub = createEventHub((async function* () {})());
    const read: unknown[] = [];
    for await (const event of hub.subscribe()) read.push(event);
    expect(read).toEqual([]);
  });
});

describe("the OpenAPI document", () => {
  test("names every route, and every reference in it leads somewhere", async () => {
    const { body } = await ask("/v1/openapi.json");
    expect(Object.keys(body.paths)).toContain("/v1/channels/{channel}/bridge");
    const references = [...JSON.stringify(body).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((m) => m[1]!);
    expect(references.length).toBeGreaterThan(20);
    for (const name of references) expect(body.components.schemas).toHaveProperty(name);
    expect(body.paths["/v1/tunnels"].get.parameters).toContainEqual({
      name: "limit",
      in: "query",
      required: false,
      description: "Objects in one answer",
      schema: { default: 1000, type: "integer", minimum: 1, maximum: 1000 },
    });
  });
});

describe("the socket", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "junctor-listen-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test("is for its owner and group alone, and goes with the server", async () => {
    const path = join(directory, "run", "api.sock");
    const listener = await listen(createApp(service), { path });
    expect((await stat(path)).mode & 0o777).toBe(0o660);
    await listener.close(0);
    await expect(stat(path)).rejects.toThrow("ENOENT");
  });

  test("replaces one that was left behind, but no living one and nothing that is no socket", async () => {
    const path = join(directory, "api.sock");
    const first = await listen(createApp(service), { path });
    await expect(listen(createApp(service), { path })).rejects.toMatchObject({ code: "EADDRINUSE" });
    await first.close(0);

    await leaveStaleSocket(path);
    const second = await listen(createApp(service), { path });
    await second.close(0);

    await writeFile(path, "");
    await expect(listen(createApp(service), { path })).rejects.toThrow("is not a socket: remove it");
  });

  test("an address that cannot be had is named", async () => {
    await expect(listen(createApp(service), { host: "192.0.2.1", port: 9 })).rejects.toThrow(
      /cannot listen on 192\.0\.2\.1:9: .*this machine does not have that address/,
    );
  });

  test("a reader that stops reading is cut off when the daemon stops", async () => {
    const { socket, close } = await serveFake(service);
    const client = connect(socket, () => client.write("GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n"));
    await new Promise((resolve) => client.once("data", resolve));
    client.pause();
    await close();
    client.destroy();
  });

  test("answers many requests on one connection", async () => {
    const { socket, close } = await serveFake(service);
    const status = () =>
      new Promise<number | undefined>((resolve, reject) =>
        request({ socketPath: socket, path: "/v1/tunnels" }, (response) => {
          response.resume().on("end", () => resolve(response.statusCode));
        })
          .on("error", reject)
          .end(),
      );
    expect(await Promise.all([status(), status(), status()])).toEqual([200, 200, 200]);
    await close();
  });
});

/** What a process that was killed leaves: a socket file that nobody listens on. */
async function leaveStaleSocket(path: string): Promise<void> {
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  try {
    execFileSync(process.execPath, ["-e", script], { stdio: "ignore" });
  } catch {
    // It was killed, as it should be.
  }
  expect((await stat(path)).isSocket()).toBe(true);
}

test("metrics have base units and no label that grows with the sessions", async () => {
  const metrics = createMetrics({
    gateway: service.gateway,
    plane: {
      port: { list: async () => [] } as never,
      drops: () => ({ "unknown-session": 4 }),
      program: { list: async () => [{ program: 3, name: "count", counters: { pass: 7, nanoseconds: 5e8 } }] } as never,
    },
    events: service.events,
    version: "0.1.0",
    failedReloads: () => 2,
  });
  const response = await createMetricsApp(metrics, service.gateway).request("/metrics");
  const text = await response.text();
  expect(response.headers.get("content-type")).toContain("text/plain");
  for (const line of [
    'junctor_tunnels{side="onward",state="established"} 1',
    'junctor_sessions{side="access"} 2',
    'junctor_frames_dropped_total{reason="unknown-session"} 4',
    'junctor_gateway_events_total{event="session-up"} 3',
    'junctor_control_messages_received_total{type="ICRQ"} 3',
    'junctor_control_messages_dropped_total{reason="bad-length"} 1',
    "junctor_control_retransmissions_total 5",
    "junctor_failed_reloads_total 2",
    "junctor_ready 1",
    'junctor_program_runs_total{program="count",id="3",verdict="pass"} 7',
    'junctor_program_run_seconds_total{program="count",id="3"} 0.5',
  ]) {
    expect(text).toContain(line);
  }
  expect(text).not.toContain("alice");
  expect(text).not.toContain("data-drop");
  expect(await metrics.metrics()).toContain('junctor_frames_dropped_total{reason="unknown-session"} 4');
});
