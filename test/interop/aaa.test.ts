import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AaaConfig } from "../../src/gateway/aaa/config.js";
import { createAaa } from "../../src/gateway/aaa/index.js";
import type { Aaa, AuthenticationRequest, Caller, ProfileChange, SessionNames } from "../../src/gateway/aaa/types.js";
import { realClock } from "../../src/gateway/clock.js";
import { Secret } from "../../src/gateway/config/secret.js";
import { silentLog } from "../../src/gateway/log.js";
import { here } from "../peers/here.js";
import { eventually, type Running, run, start } from "../peers/process.js";
import { type Freeradius, startRadius } from "../peers/radius.js";
import { missing } from "../peers/requires.js";
import { temporaryDirectory, undoStack } from "../peers/undo.js";

const title = "AAA against freeradius";
const reason = missing(["setpriv", "freeradius", "radclient"]);
if (reason !== undefined) console.warn(`skipped: ${title}: ${reason}`);

const address = "127.18.13.1";
const secret = "a secret of freeradius";
const dynamicAt = "127.18.13.2:13799";

const caller: Caller = {
  session: "5e551011",
  callingNumber: "5551234",
  calledNumber: "100",
  nasPort: 4711,
  nasPortId: "l2tp/1/2",
  connectInfo: "1000000",
  agentCircuitId: "dslam 1/2",
  agentRemoteId: undefined,
  tunnelClient: "192.0.2.1",
  tunnelServer: "192.0.2.2",
};

const config: AaaConfig = {
  radius: [
    {
      name: "one",
      authentication: `${address}:1812`,
      accounting: `${address}:1813`,
      secret: new Secret(Buffer.from(secret)),
      timeout: 1000,
      tries: 3,
      deadTime: 1000,
    },
  ],
  dynamic: { listen: dynamicAt, clients: [{ address: "127.0.0.0/8", secret: new Secret(Buffer.from("dynamic")) }] },
  local: undefined,
  fallback: "none",
  serverName: "lns",
  nasIdentifier: "lns1",
  nasAddress: "192.0.2.2",
  interimInterval: 0,
  accounting: true,
  store: undefined,
  filters: {},
};

const users = [
  {
    name: "alice",
    password: "wonderland",
    reply: [
      "Framed-IP-Address = 192.0.2.77",
      'Framed-Route = "198.51.100.0/24 0.0.0.0 1"',
      "Delegated-IPv6-Prefix = 2001:db8:ff00::/40",
      'Mikrotik-Rate-Limit = "1M/8M"',
      "Session-Timeout = 3600",
      "Class = 0x0102ff",
    ],
  },
  {
    name: "bob",
    password: "builder",
    reply: [
      "Tunnel-Type:1 = L2TP",
      'Tunnel-Server-Endpoint:1 = "192.0.2.200"',
      'Tunnel-Password:1 = "tunnel secret"',
      "Tunnel-Preference:1 = 7",
      "Tunnel-Type:2 = L2TP",
      'Tunnel-Server-Endpoint:2 = "192.0.2.201"',
      "Tunnel-Preference:2 = 3",
    ],
  },
];

const pap = (name: string, password: string): AuthenticationRequest => ({
  caller,
  userName: name,
  credentials: { method: "pap", name, password: Buffer.from(password) },
});

describe.skipIf(reason !== undefined)(title, () => {
  const undo = undoStack();
  const asked: { names: SessionNames; change?: ProfileChange }[] = [];
  let radius: Freeradius;
  let aaa: Aaa;

  beforeAll(async () => {
    radius = await startRadius(undo, here, { address, client: "127.0.0.1", secret, users });
    aaa = await createAaa(config, {
      clock: realClock,
      random: (length) => randomBytes(length),
      log: silentLog,
      handler: {
        change: (names, change) => {
          asked.push({ names, change });
          return undefined;
        },
        disconnect: (names) => {
          asked.push({ names });
          return names.userName === "alice" ? undefined : 503;
        },
      },
    });
    undo.defer(() => aaa.stop(0));
  });
  afterAll(() => undo.run());

  it("lets in who knows his password, with what he is entitled to", async () => {
    expect(await aaa.authenticate(pap("alice", "wonderland"))).toMatchObject({
      verdict: "accept",
      profile: {
        address: "192.0.2.77",
        routes: ["198.51.100.0/24"],
        delegatedPrefix: "2001:db8:ff00::/40",
        rates: { up: { bitsPerSecond: 1e6 }, down: { bitsPerSecond: 8e6 } },
        sessionTimeout: 3_600_000,
        class: [Uint8Array.of(1, 2, 0xff)],
      },
    });
    expect(await aaa.authenticate(pap("alice", "wonder"))).toMatchObject({ verdict: "reject" });
  });

  it("takes CHAP", async () => {
    const challenge = randomBytes(16);
    const response = createHash("md5").update(Uint8Array.of(3)).update("wonderland").update(challenge).digest();
    const credentials = { method: "chap-md5", name: "alice", identifier: 3, challenge, response } as const;
    expect(await aaa.authenticate({ caller, userName: "alice", credentials })).toMatchObject({ verdict: "accept" });
  });

  it("forwards whom RADIUS wants forwarded, to the preferred LNS first", async () => {
    const answer = await aaa.authenticate(pap("bob", "builder"));
    if (answer.verdict !== "accept") throw new Error(answer.verdict);
    expect(answer.profile.tunnels.map(({ server }) => server)).toEqual(["192.0.2.201", "192.0.2.200"]);
    expect(Buffer.from(answer.profile.tunnels[1]?.secret ?? []).toString()).toBe("tunnel secret");
  });

  it("accounts for a session to the byte", async () => {
    const session = {
      caller,
      userName: "alice",
      class: [Uint8Array.of(1, 2, 0xff)],
      address: "192.0.2.77",
      ipv6Prefix: "2001:db8:1:2::/64",
      delegatedPrefix: "2001:db8:ff00::/40",
      interfaceId: "0200000000000001",
      links: 1,
      started: realClock.now() - 61_000,
    };
    aaa.accounting.start(session);
    await eventually("a Start", () => statuses(radius).find((each) => each === "Start"));
    aaa.accounting.stop(
      session,
      { inBytes: 2 ** 34 + 17, outBytes: 23, inPackets: 5, outPackets: 6 },
      "session-timeout",
    );
    await eventually("a Stop", () => statuses(radius).find((each) => each === "Stop"));
    expect(statuses(radius)).toEqual(["Accounting-On", "Start", "Stop"]);
    expect(radius.records().at(-1)).toMatchObject({
      "User-Name": "alice",
      "Acct-Session-Id": "5e551011",
      "Acct-Input-Octets": "17",
      "Acct-Input-Gigawords": "4",
      "Acct-Output-Octets": "23",
      "Acct-Input-Packets": "5",
      "Acct-Session-Time": "61",
      "Acct-Terminate-Cause": "Session-Timeout",
      "Framed-IP-Address": "192.0.2.77",
      "Delegated-IPv6-Prefix": "2001:db8:ff00::/40",
      Class: "0x0102ff",
      "NAS-Identifier": "lns1",
      "Acct-Delay-Time": "0",
      "ADSL-Agent-Circuit-Id": expect.stringMatching(/^(dslam 1\/2|0x)/),
    });
  });

  it("obeys radclient", async () => {
    const tell = (command: "coa" | "disconnect", text: string) =>
      run(["sh", "-c", `echo '${text}' | radclient -r 1 -t 2 -x ${dynamicAt} ${command} dynamic 2>&1 || true`]);
    expect(await tell("coa", 'User-Name = "alice", Mikrotik-Rate-Limit = "2M/4M"')).toMatch(/CoA-ACK/);
    expect(await tell("coa", 'User-Name = "alice", Framed-Pool = "x"')).toMatch(/Error-Cause = Unsupported-Attribute/);
    expect(await tell("disconnect", 'User-Name = "alice", NAS-Identifier = "lns1"')).toMatch(/Disconnect-ACK/);
    expect(await tell("disconnect", 'User-Name = "eve"')).toMatch(/Error-Cause = Session-Context-Not-Found/);
    expect(asked).toMatchObject([
      {
        names: { userName: "alice" },
        change: { rates: { up: { bitsPerSecond: 2e6 }, down: { bitsPerSecond: 4e6 } } },
      },
      { names: { userName: "alice" } },
      { names: { userName: "eve" } },
    ]);
  });
});

const statuses = (radius: Freeradius): readonly (string | undefined)[] =>
  radius.records().map((record) => record["Acct-Status-Type"]);

describe.skipIf(reason !== undefined)("accounting that is pending when the process is killed", () => {
  const undo = undoStack();
  afterAll(() => undo.run());

  it("is delivered by those who come after it, however often they are killed", { timeout: 60_000 }, async () => {
    const script = fileURLToPath(new URL("aaa-run.mjs", import.meta.url));
    if (!existsSync(new URL("../../dist/gateway/aaa/index.js", import.meta.url))) throw new Error("dist/ is not built");
    const store = temporaryDirectory(undo, "accounting");
    const count = 400;
    const begin = (sessions: number): Running => {
      const running = start([process.execPath, script, JSON.stringify({ store, address, secret, sessions })]);
      undo.defer(async () => void (await running.stop("SIGKILL")));
      return running;
    };

    // No server is there yet.
    const first = begin(count);
    await first.waitFor(/stored/, { timeout: 20_000 });
    await first.stop("SIGKILL");

    const radius = await startRadius(undo, here, { address, client: "127.0.0.1", secret, users });
    const second = begin(0);
    await radius.running.waitFor(/(?:Acct-Status-Type = Stop[\s\S]*?){20}/);
    await second.stop("SIGKILL");
    expect(second.output()).not.toContain("all delivered");

    const third = begin(0);
    await third.waitFor(/all delivered/, { timeout: 30_000 });

    const stops = stopsOf(radius);
    const bySession = new Map(stops.map((stop) => [stop["Acct-Session-Id"], stop]));
    expect(bySession.size).toBe(count);
    // What comes twice is the same (RFC 2866 §2 has the server recognise it by its session).
    for (const stop of stops) {
      const i = Number(stop["Acct-Session-Id"]?.slice(1));
      const bytes = i % 2 === 0 ? 1000 + i : i;
      expect(stop).toMatchObject({
        "User-Name": `user${i}`,
        "Acct-Input-Octets": String(bytes),
        "Acct-Output-Octets": String(bytes),
        "Acct-Output-Gigawords": "1",
        "Acct-Terminate-Cause": i % 2 === 0 ? "User-Request" : "NAS-Reboot",
      });
    }
  });
});

const stopsOf = (radius: Freeradius) => radius.records().filter((record) => record["Acct-Status-Type"] === "Stop");
