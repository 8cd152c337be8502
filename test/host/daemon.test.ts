/** The daemon as an operator runs it, on loopback, with load from `junctor blast`. Runs from dist/. */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const program = join(import.meta.dirname, "../../bin/junctor.js");

interface Program {
  readonly child: ChildProcess;
  readonly exited: Promise<number | string>;
  out(): string;
  err(): string;
}

let directory: string;
let socket: string;
let file: string;
const started: Program[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "junctor-daemon-"));
  socket = join(directory, "api.sock");
  file = join(directory, "junctor.yaml");
});
afterEach(async () => {
  for (const { child, exited } of started.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await exited;
  }
  rmSync(directory, { recursive: true, force: true });
});

function start(...args: readonly string[]): Program {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, JUNCTOR_SOCKET: socket },
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    err += chunk;
  });
  const exited = new Promise<number | string>((resolve) => {
    child.on("close", (code, signal) => resolve(signal ?? code ?? -1));
  });
  const program_ = { child, exited, out: () => out, err: () => err };
  started.push(program_);
  return program_;
}

/** Runs a command to its end. */
async function junctor(line: string): Promise<{ code: number | string; out: string; err: string }> {
  const { exited, out, err } = start(...line.split(" "));
  return { code: await exited, out: out(), err: err() };
}

const json = async <T>(line: string): Promise<T> => JSON.parse((await junctor(`-j ${line}`)).out);

async function until<T>(what: string, probe: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    const found = await probe();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain: ${what}\n${started.map(({ err }) => err()).join("\n")}`);
}

/** A UDP port of 127.0.0.1 that nobody has. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createSocket("udp4").bind(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

interface Ports {
  readonly access: number;
  readonly lns: number;
}

const configure = ({ access, lns }: Ports, more = ""): void =>
  writeFileSync(
    file,
    `listen: { api: "unix:${socket}" }
workers: 1
access: [{ l2tp: { listen: "127.0.0.1:${access}" } }]
policy: [{ forward: { lns: ["127.0.0.1:${lns}"] } }]
${more}`,
  );

async function daemon(): Promise<Program> {
  const running = start("run", "-c", file);
  await until("the daemon is ready", () => {
    if (running.child.exitCode !== null) throw new Error(`the daemon ended: ${running.err()}`);
    return running.err().includes('"msg":"ready"') || undefined;
  });
  return running;
}

const ports = async (): Promise<Ports> => ({ access: await freePort(), lns: await freePort() });

const load = ({ access, lns }: Ports, ...more: readonly string[]): Program =>
  start(
    "blast",
    "--json",
    ...["--switch", `127.0.0.1:${access}`, "--lns-listen", `127.0.0.1:${lns}`],
    ...["--tunnels", "1", "--sessions", "2", "--rate", "200", ...more],
  );

const bridged = () =>
  until("two sessions are bridged", async () => {
    const sessions = await json<{ session: string; bridgedWith: string | null }[]>("session show bridged yes");
    return sessions.length === 4 ? sessions : undefined;
  });

const get = (path: string): Promise<{ status: number | undefined; text: string }> =>
  new Promise((resolve, reject) => {
    request({ socketPath: socket, path }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode, text }));
    })
      .on("error", reject)
      .end();
  });

describe("a daemon that carries traffic", () => {
  test("shows it, is reloaded with good and bad files, and drains, and loses nothing by it", async () => {
    const at = await ports();
    configure(at);
    const running = await daemon();
    const events = start("-j", "monitor", "type", "bridged", "count", "2");
    await until("the monitor listens", async () => ((await get("/readyz")).status === 200 ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const blast = load(at, "--seconds", "6");
    await bridged();

    const tunnels = await json<{ side: string; state: string; sessions: number }[]>("tunnel show");
    expect(tunnels.map(({ side, state, sessions }) => [side, state, sessions]).sort()).toEqual([
      ["access", "established", 2],
      ["onward", "established", 2],
    ]);
    expect((await json<object[]>("channel show bridged yes")).length).toBe(4);
    expect(await events.exited).toBe(0);
    expect(
      events
        .out()
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).type),
    ).toEqual(["bridged", "bridged"]);

    configure(at, "drain: { grace: 3s }");
    expect(await junctor("reload")).toMatchObject({ code: 0, out: "drain.grace is 3 s\n" });

    configure(at, "polcy: []");
    const refused = await junctor("reload");
    expect([refused.code, refused.out]).toEqual([2, ""]);
    expect(refused.err).toContain(`${file}:5:1: `);
    running.child.kill("SIGHUP");
    await until("the log says so again", () => running.err().split("configuration refused").length > 2 || undefined);
    const { configuration, ready } = await json<{ configuration: { error: string }; ready: boolean }>("status");
    expect([configuration.error.startsWith(`${file}:5:1: `), ready]).toEqual([true, true]);

    configure(at, "drain: { grace: 2s }");
    running.child.kill("SIGHUP");
    await until("the mistake is forgotten", async () =>
      (await json<{ configuration: { error: null | string } }>("status")).configuration.error === null
        ? true
        : undefined,
    );

    expect(await junctor("drain on")).toMatchObject({ code: 0, out: "draining, 4 sessions\n" });
    expect((await get("/readyz")).status).toBe(503);
    expect((await get("/livez")).status).toBe(200);
    await junctor("drain off");
    expect((await get("/readyz")).status).toBe(200);

    expect(await blast.exited).toBe(0);
    expect(JSON.parse(blast.out())).toMatchObject({ passed: true, traffic: { up: { lost: 0 }, down: { lost: 0 } } });
    await until("nothing is left", async () =>
      (await json<object[]>("session show")).length === 0 ? true : undefined,
    );
  });

  test("parts and joins channels by hand, and hangs up when told to", async () => {
    const at = await ports();
    configure(at);
    await daemon();
    const blast = load(at, "--seconds", "5", "--max-loss", "1");
    const sessions = await bridged();
    const [channel] = await json<{ channel: number; bridgedWith: number }[]>("channel show");
    const pair = `${channel!.channel} ${channel!.bridgedWith}`;
    expect((await junctor(`channel bridge ${pair}`)).err).toContain("EALREADY");
    expect((await junctor(`channel unbridge ${channel!.channel}`)).code).toBe(0);
    expect((await junctor(`channel unbridge ${channel!.channel}`)).err).toContain("EINVAL");
    expect((await junctor(`channel bridge ${pair}`)).code).toBe(0);

    const name = sessions[0]!.session;
    expect((await junctor(`session terminate ${name}`)).code).toBe(0);
    expect((await junctor(`session terminate ${name}`)).code).toBe(2);
    await until("its partner goes, too", async () =>
      (await json<object[]>("session show")).length === 2 ? true : undefined,
    );
    await blast.exited;
  });

  test("stops in order: its peers are told", async () => {
    const at = await ports();
    configure(at, "drain: { grace: 3s }");
    const running = await daemon();
    const blast = load(at, "--seconds", "8");
    await bridged();
    running.child.kill("SIGTERM");
    expect(await running.exited).toBe(0);
    expect(existsSync(socket)).toBe(false);
    expect(running.err()).toContain('"msg":"stopped"');
    expect(await blast.exited).not.toBe(0);
    const { teardown } = JSON.parse(blast.out());
    for (const reasons of [teardown.lac, teardown.lns]) {
      expect(Object.entries(reasons)).toEqual([[expect.stringMatching(/^peer: .*shutting down/), 2]]);
    }
  });
});

describe("a daemon whose peer does not answer any more", () => {
  async function deaf(grace: string): Promise<Program> {
    const at = await ports();
    configure(at, `drain: { grace: ${grace} }`);
    const running = await daemon();
    const blast = load(at, "--seconds", "60");
    await bridged();
    blast.child.kill("SIGSTOP");
    return running;
  }

  test("stops after the time that it is given", async () => {
    const running = await deaf("1s");
    const begun = performance.now();
    running.child.kill("SIGTERM");
    expect(await running.exited).toBe(0);
    expect(performance.now() - begun).toBeGreaterThan(900);
    expect(performance.now() - begun).toBeLessThan(15_000);
  });

  test("stops at once at a second signal", async () => {
    const running = await deaf("30s");
    running.child.kill("SIGTERM");
    await until("it is stopping", () => running.err().includes('"msg":"stopping"') || undefined);
    running.child.kill("SIGINT");
    expect(await running.exited).toBe(128 + 2);
    expect(running.err()).toContain("stopping at once");
  });
});

describe("a daemon on its own", () => {
  test("says where it listens, for whom, and what its metrics are", async () => {
    configure(await ports());
    writeFileSync(
      file,
      `listen: { api: "unix:${socket}", metrics: "127.0.0.1:0" }\nworkers: 1\naccess: []\npolicy: []\n`,
    );
    const running = await daemon();
    const lines = running
      .err()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const [api, metrics] = lines.find(({ msg }) => msg === "ready").listeners;
    expect(api).toBe(`unix:${socket}`);
    expect(statSync(socket).mode & 0o777).toBe(0o660);
    const text = await (await fetch(`http://${metrics}/metrics`)).text();
    expect(text).toContain("junctor_ready 1");
    expect((await fetch(`http://${metrics}/readyz`)).status).toBe(200);
    expect((await fetch(`http://${metrics}/v1/tunnels`)).status).toBe(404);
    expect((await junctor("status")).out).toContain("ready");
    running.child.kill("SIGINT");
    expect(await running.exited).toBe(0);
  });

  test("refuses to be a second one, and takes over what a killed one left", async () => {
    configure(await ports());
    const first = await daemon();
    const second = start("run", "-c", file);
    expect(await second.exited).toBe(2);
    expect(second.err()).toContain("a daemon is listening on");
    first.child.kill("SIGKILL");
    await first.exited;
    expect(existsSync(socket)).toBe(true);
    expect((await junctor("status")).code).toBe(3);
    await daemon();
    expect((await junctor("status")).code).toBe(0);
  });

  test("does not start with a mistake in its configuration", async () => {
    writeFileSync(file, "access:\n  - l2tp: { listn: 127.0.0.1 }\n");
    for (const line of [`check ${file}`, `run -c ${file}`]) {
      const { code, err } = await junctor(line);
      expect([code, err]).toEqual([1, expect.stringContaining(`${file}:2:13: `)]);
    }
  });

  test("is spoken to over TCP by whoever has the token", async () => {
    const token = join(directory, "api.token");
    writeFileSync(token, "open sesame\n");
    const config = (more: string): void =>
      writeFileSync(file, `listen: { api: "127.0.0.1:0"${more} }\nworkers: 1\naccess: []\npolicy: []\n`);
    config("");
    expect((await junctor(`check ${file}`)).err).toContain("token-file");

    config(", token-file: api.token");
    const running = await daemon();
    const ready = running
      .err()
      .split("\n")
      .find((line) => line.includes('"msg":"ready"'));
    const [address] = JSON.parse(ready!).listeners;
    expect((await junctor(`-s ${address} status`)).code).toBe(77);
    expect(await junctor(`-s ${address} --token-file ${token} drain`)).toMatchObject({
      code: 0,
      out: "serving, 0 sessions\n",
    });
    writeFileSync(token, "open says me\n");
    expect((await junctor(`-s ${address} --token-file ${token} drain`)).code).toBe(77);
  });

  test("names the entry whose address it cannot have", async () => {
    writeFileSync(
      file,
      `listen: { api: "unix:${socket}" }\nworkers: 1\naccess: [{ name: west, l2tp: { listen: "192.0.2.1:1701" } }]\npolicy: []\n`,
    );
    const { code, err } = await junctor(`run -c ${file}`);
    expect(code).toBe(2);
    expect(err).toContain("192.0.2.1:1701");
    expect(existsSync(socket)).toBe(false);
  });

  test("shows no secret, in its log or in its answers", async () => {
    const at = await ports();
    writeFileSync(join(directory, "tunnel.secret"), "hunter2hunter2\n");
    writeFileSync(
      file,
      `listen: { api: "unix:${socket}" }
log: { level: trace }
workers: 1
access: [{ l2tp: { listen: "127.0.0.1:${at.access}", secret-file: tunnel.secret, hidden: true } }]
policy: [{ forward: { lns: ["127.0.0.1:${at.lns}"], secret-file: tunnel.secret, hidden: true } }]
`,
    );
    const running = await daemon();
    const blast = load(at, "--seconds", "1", "--secret-file", join(directory, "tunnel.secret"), "--hidden");
    await bridged();
    const answers = [
      await get("/v1/tunnels"),
      await get("/v1/sessions"),
      await get("/v1/status"),
      await get("/metrics"),
    ];
    expect(await blast.exited).toBe(0);
    running.child.kill("SIGTERM");
    await running.exited;
    for (const text of [running.err(), running.out(), ...answers.map(({ text: said }) => said)]) {
      expect(text).not.toContain("hunter2");
      expect(text).not.toContain(Buffer.from("hunter2hunter2").toString("hex"));
    }
  });
});
