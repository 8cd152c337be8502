/** The command as it is installed, against an API over a fake gateway. Runs from dist/. */
import { spawn, spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeService, fakeService, serveFake } from "../../test/fakes/api.js";
import { apiDefault } from "../../test/fakes/config.js";
import { call } from "../../test/fakes/gateway.js";
import { version } from "../version.js";
import { defaultSocket } from "./globals.js";

const program = join(import.meta.dirname, "../../bin/junctor.js");

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

let service: FakeService;
let server: { socket: string; close(): Promise<void> };
let directory: string;
beforeEach(async () => {
  service = fakeService();
  server = await serveFake(service);
  directory = await mkdtemp(join(tmpdir(), "junctor-cli-"));
});
afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

function junctor(args: readonly string[], input = "", env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, JUNCTOR_SOCKET: server.socket, ...env },
    stdio: "pipe",
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, out, err }));
  });
}

const line = (text: string): Promise<Ended> => junctor(text.split(" "));

describe("what it prints", () => {
  test("tunnels in columns", async () => {
    const { code, out } = await line("t s");
    expect(code).toBe(0);
    const [head, first, second, end] = out.split("\n");
    expect(head).toMatch(/^TUNNEL {2}PEER {2}SIDE {4}STATE {8}REMOTE {10}HOST {2}SESSIONS {2}RX {2}TX {2,}AGE$/);
    expect(first).toMatch(
      /^ {5}7 {3}107 {2}access {2}established {2}192\.0\.2\.7:1701 {2}lac1 {9}2 {2}10 {2}20 {2,}\d+d\d\dh$/,
    );
    expect(second).toContain("onward");
    expect(end).toBe("");
  });

  test("JSON as the API has it, on one line or indented", async () => {
    const { out } = await line("-j session show bridged yes");
    expect(out.split("\n")).toHaveLength(2);
    expect(JSON.parse(out).map(({ session }: { session: string }) => session)).toEqual(["7/1", "9/2"]);
    expect((await line("-p session get 7/1")).out).toContain('\n  "session": "7/1",\n');
  });

  test("the session of a call that it placed", async () => {
    const { code, out } = await line("-j session create out called 7 user bob");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ session: "9/5", channel: null, calledNumber: "7", userName: "bob" });
    expect((await line("session create in")).err).toContain("junctor: rule in: there is none");
    await line("drain on");
    expect((await line("session create out")).err).toContain("the daemon drains");
  });

  test("one session under each other", async () => {
    const { out } = await line("session get 7/1");
    expect(out).toContain("bridged    with 9/2\n");
    expect(out).toContain("received   1 packets, 100 bytes, 0 errors, 0 out of window, 0 out of sequence\n");
  });

  test("the busiest tunnels, as often as wanted", async () => {
    const { code, out } = await line("top interval 0.05 count 2");
    expect(code).toBe(0);
    expect(out.split("\n").filter((text) => text.startsWith("2 tunnels, 3 sessions; packets/s: 0"))).toHaveLength(2);
    expect(JSON.parse((await line("-j top interval 0.01 count 1")).out)).toHaveLength(2);
    expect((await line("top count 0")).err).toContain("count 0: expected a number above 0");
  });

  test("how the daemon is", async () => {
    expect((await line("status")).out).toContain("sessions       3 of at most 1 000 000\n");
    expect((await line("status counters")).out).toContain("session-up");
    expect(JSON.parse((await line("-j drain on")).out)).toEqual({ draining: true, sessions: 3 });
    expect((await line("drain off")).out).toBe("serving, 3 sessions\n");
    expect((await line("reload")).out).toBe("access1 opened\n");
  });

  test("programs, maps and devices where there are none", async () => {
    expect((await line("program")).out).toMatch(/^PROGRAM {2}NAME {2}SECTION .* NS\/RUN\n$/);
    expect((await line("-j map list")).out).toBe("[]\n");
    expect((await line("device")).out).toBe("INDEX  DEVICE  MTU  INGRESS  EGRESS\n");
    expect((await line("program show name x")).err).toContain("junctor: program name x: there is none");
    expect((await line("program load /nowhere.o")).err).toContain("junctor: cannot read /nowhere.o");
    expect((await line("program attach 1 hook up")).err).toContain("hook up: expected ingress or egress");
    expect((await line("program attach 1 hook ingress")).err).toContain("program attach lacks device DEV");
    expect((await line("map update 1 --what")).err).toContain("--what: no such option");
    expect((await line("program load help")).out).toContain("usage: junctor program load FILE [program NAME]");
  });

  test("help, version and completion without a daemon", async () => {
    const nowhere = { JUNCTOR_SOCKET: "/nowhere" };
    expect((await junctor(["help"], "", nowhere)).out).toContain("usage: junctor");
    expect((await junctor(["channel", "bridge", "help"], "", nowhere)).out).toContain(
      "usage: junctor channel bridge A B\n",
    );
    expect((await junctor(["help", "ses", "sh"], "", nowhere)).out).toContain("bridged yes|no");
    expect((await junctor(["-V"], "", nowhere)).out).toBe(`junctor ${version}\n`);
  });

  test("a completion that bash accepts and that completes", async () => {
    const { out } = await line("completion bash");
    const complete = (...words: string[]): string =>
      spawnSync(
        "bash",
        ["-c", `${out}\nCOMP_WORDS=(junctor "$@"); COMP_CWORD=$#; _junctor; echo "\${COMPREPLY[@]}"`, "bash", ...words],
        { encoding: "utf8" },
      ).stdout.trim();
    expect(complete("tun")).toBe("tunnel");
    expect(complete("channel", "u")).toBe("unbridge");
    expect(complete("tunnel", "show", "r")).toBe("remote");
    expect(complete("tunnel", "show", "side", "o")).toBe("onward");
  });
});

describe("exit codes", () => {
  test.each([
    [0, "channel bridge 1 2", ""],
    [0, "session terminate 7/3", ""],
    [2, "channel unbridge 2", "junctor: channel 2: is not bridged (EINVAL)\n"],
    [2, "tunnel get 8", "junctor: tunnel 8: no such object\n"],
    [2, "session terminate 8/8", "junctor: session 8/8: no such object\n"],
    [1, "tunnel get x", "junctor: x: expected a tunnel id, 1–65535\n"],
    [1, "nonsense", "junctor: nonsense: no such object\n"],
    [3, "-s /nowhere/api.sock tunnel", "junctor: cannot reach the daemon at /nowhere/api.sock: connect ENOENT"],
    [1, "check /nowhere.yaml", "/nowhere.yaml:1:1: "],
  ])("%i: %s", async (code, words, says) => {
    const ended = await line(words);
    expect(ended.err).toContain(says.trimEnd());
    expect([ended.code, ended.out]).toEqual([code, ""]);
  });

  test("2 for what was right once and is not any more", async () => {
    expect((await line("channel bridge 1 2")).code).toBe(0);
    expect(await line("channel bridge 1 3")).toMatchObject({
      code: 2,
      err: "junctor: channel 1: is bridged (EALREADY)\n  unbridge it first\n",
    });
    expect((await line("channel unbridge 2")).code).toBe(0);
    expect((await line("tunnel terminate 7")).code).toBe(0);
    expect(await line("tunnel terminate 7")).toMatchObject({
      code: 2,
      err: "junctor: tunnel 7: no such object\n  list the tunnels to see which there are\n",
    });
  });

  test("1 and the usage without words", async () => {
    const { code, out, err } = await junctor([]);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("usage: junctor");
  });

  test("3 from something else that listens there", async () => {
    const path = join(directory, "other.sock");
    const other = createServer((socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")).listen(path);
    const { code, err } = await line(`-s ${path} tunnel show`);
    other.close();
    expect([code, err]).toEqual([3, `junctor: ${path} does not answer as a Junctor daemon does\n`]);
  });

  test.skipIf(process.getuid?.() !== 0)("77 from a socket that is not for us", async () => {
    await chmod(server.socket, 0o600);
    await chmod(join(server.socket, ".."), 0o755);
    const child = spawnSync(
      process.execPath,
      [
        "-e",
        "process.setgid(65534);process.setuid(65534);process.argv.splice(1,0,'');import(process.env.PROGRAM)",
        "tunnel",
      ],
      { env: { ...process.env, JUNCTOR_SOCKET: server.socket, PROGRAM: program }, encoding: "utf8" },
    );
    expect([child.status, child.stderr]).toEqual([77, expect.stringContaining("junctor: no permission to use")]);
    await chmod(server.socket, 0o660);
  });
});

describe("a batch", () => {
  test("runs each line, from a file or standard input", async () => {
    const file = join(directory, "batch");
    await writeFile(file, "# join and part\nchannel bridge 1 2\n\nchannel get 1\nchannel unbridge 1\n");
    expect(await junctor(["-j", "-b", file])).toMatchObject({
      code: 0,
      out: '{"channel":1,"session":"7/1","bridgedWith":2,"unit":null}\n',
    });
    expect(await junctor(["-b", "-"], "drain show\n")).toMatchObject({ code: 0, out: "serving, 3 sessions\n" });
  });

  test("stops at the first mistake and says where, or goes on by force", async () => {
    const lines = "channel unbridge 1\ndrain show\nnonsense\n";
    expect(await junctor(["-b", "-"], lines)).toMatchObject({
      code: 2,
      out: "",
      err: "junctor: -:1: channel 1: is not bridged (EINVAL)\n",
    });
    const forced = await junctor(["--force", "-b", "-"], lines);
    expect([forced.code, forced.out]).toEqual([2, "serving, 3 sessions\n"]);
    expect(forced.err).toContain("-:3: nonsense");
  });
});

describe("monitor", () => {
  const event = { type: "bridged", call: call(7, 1), with: call(9, 2) } as const;

  async function watched(args: readonly string[]): Promise<Ended> {
    const before = service.events.subscribers;
    const ended = junctor(args);
    while (service.events.subscribers === before) await new Promise((resolve) => setTimeout(resolve, 5));
    service.gateway.emit({ type: "drained" });
    service.gateway.emit(event);
    return ended;
  }

  test("prints a line for each event", async () => {
    expect(await watched(["monitor", "count", "2"])).toMatchObject({
      code: 0,
      out: "2026-01-02T00:00:00.000Z drained\n2026-01-02T00:00:00.000Z bridged session 7/1 with 9/2\n",
    });
  });

  test("says that events were lost, whatever the type that is asked for", async () => {
    const before = service.events.subscribers;
    const ended = junctor(["monitor", "type", "drained", "count", "1"]);
    while (service.events.subscribers === before) await new Promise((resolve) => setTimeout(resolve, 5));
    service.gateway.emit({ type: "lost", count: 7 });
    service.gateway.emit({ type: "drained" });
    expect(await ended).toMatchObject({ code: 0, err: "junctor: 7 events were lost\n" });
  });

  test("prints JSON lines, of one type", async () => {
    const { code, out } = await watched(["-j", "monitor", "type", "bridged", "count", "1"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ type: "bridged", session: "7/1", with: "9/2" });
  });
});

test("a reader that stops reading ends it without a word", async () => {
  const child = spawn("bash", [
    "-c",
    `"$0" "$1" help | head -n 1; echo "\${PIPESTATUS[0]}"`,
    process.execPath,
    program,
  ]);
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  await new Promise((resolve) => child.on("close", resolve));
  expect(err).toBe("");
  expect(out).toMatch(/^usage: junctor .*\n(?:0|141)\n$/);
});

test("the socket that it looks for is where the daemon is by default", () => {
  expect(defaultSocket).toBe(apiDefault());
});
