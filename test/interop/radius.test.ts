import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { realClock } from "../../src/gateway/clock.js";
import { silentLog } from "../../src/gateway/log.js";
import {
  createDynamicDriver,
  createRadiusDriver,
  type DynamicDriver,
  type RadiusDriver,
  type RadiusResult,
} from "../../src/gateway/radius/index.js";
import { errorCause } from "../../src/radius/error-cause.js";
import type { DynamicRequest, RadiusRequest, RadiusServer } from "../../src/radius/types.js";
import { revealSalted } from "../../src/wire/radius-hidden.js";
import { allOf, attributesOf, firstOf, type NamedValues } from "../../src/wire/radius-values.js";
import { here } from "../peers/here.js";
import { eventually } from "../peers/process.js";
import { type Freeradius, startRadius } from "../peers/radius.js";
import { missing } from "../peers/requires.js";
import { undoStack } from "../peers/undo.js";

const title = "freeradius and radclient";
// On loopback: no privilege is needed.
const reason = missing(["setpriv", "freeradius", "radclient"]);
if (reason !== undefined) console.warn(`skipped: ${title}: ${reason}`);

const addresses = { first: "127.18.12.1", second: "127.18.12.2" } as const;
const secret = "a secret of freeradius";
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

const users = [
  {
    name: "bob",
    password: "correct horse",
    reply: [
      "Framed-IP-Address = 192.0.2.77",
      'Framed-Route = "198.51.100.0/24 0.0.0.0 1"',
      'Framed-Route += "203.0.113.0/24"',
      "Framed-IPv6-Prefix = 2001:db8:1:2::/64",
      "Delegated-IPv6-Prefix = 2001:db8:ff00::/40",
      "Framed-Interface-Id = 0011:2233:4455:6677",
      "MS-Primary-DNS-Server = 192.0.2.53",
      "WISPr-Bandwidth-Max-Down = 8000000",
      'Mikrotik-Rate-Limit = "1M/8M"',
      "Session-Timeout = 3600",
      "Class = 0x0102ff",
      "Tunnel-Type:3 = L2TP",
      'Tunnel-Server-Endpoint:3 = "192.0.2.200"',
      'Tunnel-Password:3 = "tunnel secret"',
      "Tunnel-Preference:3 = 7",
    ],
  },
  { name: "User", password: "clientPass" },
];

const timeout = 300;
const server = (name: keyof typeof addresses, more: Partial<RadiusServer> = {}): RadiusServer => ({
  name,
  authentication: `${addresses[name]}:1812`,
  accounting: `${addresses[name]}:1813`,
  secret: bytes(secret),
  timeout,
  tries: 2,
  deadTime: 1500,
  ...more,
});

describe.skipIf(reason !== undefined)(title, () => {
  const undo = undoStack();
  let first: Freeradius;
  let driver: RadiusDriver;

  const start = (name: keyof typeof addresses) =>
    startRadius(undo, here, { address: addresses[name], client: "127.0.0.1", secret, users });

  const ask = (request: Omit<RadiusRequest, "id">): Promise<RadiusResult> =>
    new Promise((resolve) => void driver.ask(request, resolve));

  const authenticate = (values: NamedValues, more: { password?: Uint8Array; server?: string } = {}) =>
    ask({ service: "authentication", attributes: attributesOf(values), ...more });

  const expectAnswer = (result: RadiusResult) => {
    if (result.type !== "answer") throw new Error(result.reason);
    return result;
  };

  beforeAll(async () => {
    first = await start("first");
    driver = createRadiusDriver({ clock: realClock, random: randomBytes, log: silentLog });
    undo.defer(() => driver.stop());
    driver.configure([server("first")]);
  });
  afterAll(() => undo.run());

  it("accepts a password, with every kind of attribute", async () => {
    const answer = expectAnswer(await authenticate({ "User-Name": "bob" }, { password: bytes("correct horse") }));
    expect(answer).toMatchObject({ code: "accept", server: "first" });
    const { attributes } = answer;
    expect(firstOf(attributes, "Framed-IP-Address")).toBe("192.0.2.77");
    expect(allOf(attributes, "Framed-Route")).toEqual(["198.51.100.0/24 0.0.0.0 1", "203.0.113.0/24"]);
    expect(firstOf(attributes, "Framed-IPv6-Prefix")).toBe("2001:db8:1:2::/64");
    expect(firstOf(attributes, "Delegated-IPv6-Prefix")).toBe("2001:db8:ff00::/40");
    expect(firstOf(attributes, "Framed-Interface-Id")).toBe("0011223344556677");
    expect(firstOf(attributes, "MS-Primary-DNS-Server")).toBe("192.0.2.53");
    expect(firstOf(attributes, "WISPr-Bandwidth-Max-Down")).toBe(8_000_000);
    expect(firstOf(attributes, "Mikrotik-Rate-Limit")).toBe("1M/8M");
    expect(firstOf(attributes, "Session-Timeout")).toBe(3600);
    expect(firstOf(attributes, "Class")).toEqual(hex("0102ff"));
    expect(firstOf(attributes, "Tunnel-Type")).toEqual({ tag: 3, value: 3 });
    expect(firstOf(attributes, "Tunnel-Server-Endpoint")).toEqual({ tag: 3, value: "192.0.2.200" });
    expect(firstOf(attributes, "Tunnel-Preference")).toEqual({ tag: 3, value: 7 });
    const hidden = firstOf(attributes, "Tunnel-Password")!;
    expect(hidden.tag).toBe(3);
    expect(revealSalted(hidden.value, answer.secret, answer.authenticator)).toEqual(bytes("tunnel secret"));
  });

  it("rejects the wrong password", async () => {
    expect(await authenticate({ "User-Name": "bob" }, { password: bytes("wrong") })).toMatchObject({ code: "reject" });
  });

  it("accepts CHAP", async () => {
    const challenge = randomBytes(16);
    const digest = createHash("md5").update(Uint8Array.of(9)).update("correct horse").update(challenge).digest();
    const proof = new Uint8Array([9, ...digest]);
    const values = { "User-Name": "bob", "CHAP-Challenge": new Uint8Array(challenge), "CHAP-Password": proof };
    expect(await authenticate(values)).toMatchObject({ code: "accept" });
    proof[5] = proof[5]! ^ 1;
    expect(await authenticate(values)).toMatchObject({ code: "reject" });
  });

  it("accepts MS-CHAPv2 (RFC 2759 §9.2), and proves itself", async () => {
    const response = new Uint8Array(50);
    response[0] = 4;
    response.set(hex("21402324255e262a28295f2b3a337c7e"), 2);
    response.set(hex("82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df"), 26);
    const answer = expectAnswer(
      await authenticate({
        "User-Name": "User",
        "MS-CHAP-Challenge": hex("5b5d7c7d7b3f2f3e3c2c602132262628"),
        "MS-CHAP2-Response": response,
      }),
    );
    expect(answer.code).toBe("accept");
    const success = firstOf(answer.attributes, "MS-CHAP2-Success")!;
    expect(success[0]).toBe(4);
    expect(Buffer.from(success.subarray(1)).toString()).toBe("S=407A5589115FD0D6209F510FE9C04566932CDA56");
  });

  it("is led through a conversation of EAP-MD5", async () => {
    const eap = (code: number, identifier: number, type: number, data: Uint8Array) =>
      new Uint8Array([code, identifier, 0, 5 + data.length, type, ...data]);
    const identity = eap(2, 1, 1, bytes("bob"));
    const challenge = expectAnswer(await authenticate({ "User-Name": "bob", "EAP-Message": identity }));
    expect(challenge.code).toBe("challenge");
    const question = firstOf(challenge.attributes, "EAP-Message")!;
    expect(question[4]).toBe(4);
    const digest = createHash("md5")
      .update(question.subarray(1, 2))
      .update("correct horse")
      .update(question.subarray(6, 6 + question[5]!))
      .digest();
    const answer = expectAnswer(
      await authenticate(
        {
          "User-Name": "bob",
          "EAP-Message": eap(2, question[1]!, 4, new Uint8Array([16, ...digest])),
          State: firstOf(challenge.attributes, "State"),
        },
        { server: challenge.server },
      ),
    );
    expect(answer.code).toBe("accept");
    expect(firstOf(answer.attributes, "EAP-Message")).toEqual(new Uint8Array([3, question[1]!, 0, 4]));
  });

  it("answers more requests at once than one socket has identifiers", async () => {
    // Its socket has not room for all of them: some it hears when they are sent again.
    driver.configure([server("first", { timeout: 1000, tries: 5 })]);
    const results = await Promise.all(
      Array.from({ length: 600 }, (_, index) =>
        authenticate({ "User-Name": "bob" }, { password: bytes(index % 2 === 0 ? "correct horse" : "wrong") }),
      ),
    );
    const codes = results.map((result) => (result.type === "answer" ? result.code : result.reason));
    expect(codes).toEqual(codes.map((_, index) => (index % 2 === 0 ? "accept" : "reject")));
    expect(driver.outstanding).toBe(0);
  });

  it("records what is accounted for, as it was sent", async () => {
    const result = await ask({
      service: "accounting",
      attributes: attributesOf({
        "Acct-Status-Type": 2,
        "Acct-Session-Id": "5f3c-1",
        "User-Name": "bob",
        "Acct-Delay-Time": 0,
        "Acct-Session-Time": 4711,
        "Acct-Input-Octets": 0xffff_fffe,
        "Acct-Input-Gigawords": 3,
        "Acct-Output-Octets": 17,
        "Acct-Output-Gigawords": 1,
        "Acct-Input-Packets": 4_000_000_000,
        "Acct-Output-Packets": 12,
        "Acct-Terminate-Cause": 1,
        "Framed-IP-Address": "192.0.2.77",
        "Framed-IPv6-Prefix": "2001:db8:1:2::/64",
        "Event-Timestamp": 1_800_000_000,
        Class: hex("0102ff"),
      }),
    });
    expect(result).toMatchObject({ code: "accounting-response" });
    const [record] = first.records();
    expect(record).toMatchObject({
      "Acct-Status-Type": "Stop",
      "Acct-Session-Id": "5f3c-1",
      "User-Name": "bob",
      "Acct-Session-Time": "4711",
      "Acct-Input-Octets": "4294967294",
      "Acct-Input-Gigawords": "3",
      "Acct-Output-Octets": "17",
      "Acct-Output-Gigawords": "1",
      "Acct-Input-Packets": "4000000000",
      "Acct-Output-Packets": "12",
      "Acct-Terminate-Cause": "User-Request",
      "Framed-IP-Address": "192.0.2.77",
      "Framed-IPv6-Prefix": "2001:db8:1:2::/64",
      Class: "0x0102ff",
    });
  });

  it("ignores those that do not know its secret, and is then taken for dead", async () => {
    driver.configure([server("first", { secret: bytes("another") })]);
    const result = await authenticate({ "User-Name": "bob" }, { password: bytes("correct horse") });
    expect(result).toMatchObject({
      type: "failed",
      reason: "no answer from first",
    });
    driver.configure([server("first")]);
    expect(await authenticate({ "User-Name": "bob" }, { password: bytes("correct horse") })).toMatchObject({
      code: "accept",
    });
  });

  it("is replaced by the second when it is killed, and asked again when it is back", async () => {
    await start("second");
    driver.configure([server("first"), server("second")]);
    const who = async () => {
      const result = await authenticate({ "User-Name": "bob" }, { password: bytes("correct horse") });
      return result.type === "answer" ? result.server : result.reason;
    };
    const alive = () =>
      driver.status().find(({ name, service }) => name === "first" && service === "authentication")?.alive;
    expect(await who()).toBe("first");
    await first.running.stop("SIGKILL");
    expect(await who()).toBe("second");
    expect(alive()).toBe(false);
    // Nobody waits for the dead one any more, unless the machine is busy.
    let shortest = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 5 && shortest >= timeout; attempt++) {
      const began = performance.now();
      expect(await who()).toBe("second");
      shortest = Math.min(shortest, performance.now() - began);
    }
    expect(shortest).toBeLessThan(timeout);
    first = await start("first");
    await eventually("the first server answers again", async () => ((await who()) === "first" ? true : undefined));
    expect(alive()).toBe(true);
  });

  it.each([
    ["says itself that it is back, if it knows Status-Server", true],
    ["is tried with a request, if it does not", false],
  ])("%s", async (_, status) => {
    const asked = { statusServer: true, deadTime: 500 };
    driver.configure([server("first", asked)]);
    const who = () => authenticate({ "User-Name": "bob" }, { password: bytes("correct horse") });
    const about = () => driver.status().find(({ service }) => service === "authentication")!;
    await first.running.stop("SIGKILL");
    expect(await who()).toMatchObject({ type: "failed" });
    expect(about().alive).toBe(false);
    first = await startRadius(undo, here, {
      ...{ address: addresses.first, client: "127.0.0.1", secret, users },
      status,
      signs: false,
    });
    const { requests } = about().counters;
    const probed = about().counters.probes!;
    if (status) await eventually("it says so", () => about().alive || undefined);
    else await eventually("it was asked in vain", () => about().counters.probes! > probed + 1 || undefined);
    expect(about()).toMatchObject({ alive: status, counters: { requests } });
    // It signs nothing but answers to EAP.
    expect(await who()).toMatchObject({ type: "failed", reason: expect.stringContaining("no Message-Authenticator") });
    driver.configure([server("first", { ...asked, requireMessageAuthenticator: false })]);
    expect(await who()).toMatchObject({ code: "accept" });
    expect(about().alive).toBe(true);
  });
});

describe.skipIf(reason !== undefined)("radclient asks for changes", () => {
  const undo = undoStack();
  const asked: DynamicRequest[] = [];
  let dynamic: DynamicDriver;

  /** Sends a request and gives what radclient prints of the answer. */
  const radclient = async (kind: "coa" | "disconnect", attributes: string, key = secret): Promise<string> => {
    const client = here.start(["radclient", "-x", "-r", "1", "-t", "1", dynamic.local()!, kind, key]);
    client.child.stdin?.end(`${attributes}\n`);
    await client.exited;
    return client.output();
  };

  beforeAll(async () => {
    dynamic = createDynamicDriver({
      clock: realClock,
      log: silentLog,
      listen: "127.18.12.9:0",
      clients: [{ address: "127.0.0.0/8", secret: bytes(secret) }],
      handler: async (request) => {
        asked.push(request);
        const found = firstOf(request.attributes, "Acct-Session-Id") === "known";
        return found ? { ok: true } : { ok: false, errorCause: errorCause.sessionContextNotFound };
      },
    });
    undo.defer(() => dynamic.stop());
    await eventually("the socket is bound", () => dynamic.local());
  });
  afterAll(() => undo.run());

  it("and gets an acknowledgement", async () => {
    const output = await radclient(
      "coa",
      'Acct-Session-Id = "known", Mikrotik-Rate-Limit = "2M/4M", Proxy-State = 0x0807',
    );
    expect(output).toMatch(/Received CoA-ACK/);
    expect(output).toMatch(/Received CoA-ACK[\s\S]*Proxy-State = 0x0807/);
    expect(asked.at(-1)).toMatchObject({ kind: "coa" });
    expect(firstOf(asked.at(-1)!.attributes, "Mikrotik-Rate-Limit")).toBe("2M/4M");
    expect(await radclient("disconnect", 'Acct-Session-Id = "known"')).toMatch(/Received Disconnect-ACK/);
  });

  it("and is told why not", async () => {
    const output = await radclient("disconnect", 'Acct-Session-Id = "unknown"');
    expect(output).toMatch(/Received Disconnect-NAK[\s\S]*Error-Cause = Session-Context-Not-Found/);
  });

  it("with Message-Authenticator and Event-Timestamp", async () => {
    const now = Math.floor(Date.now() / 1000);
    const names = `Acct-Session-Id = "known", Message-Authenticator = 0x00, Event-Timestamp =`;
    expect(await radclient("coa", `${names} ${now}`)).toMatch(/Received CoA-ACK/);
    const before = asked.length;
    expect(await radclient("coa", `${names} ${now - 1000}`)).not.toMatch(/Received/);
    expect(asked).toHaveLength(before);
    expect(dynamic.drops()).toMatchObject({ "event-timestamp": 1 });
  });

  it("and is not answered when its secret is wrong", async () => {
    expect(await radclient("coa", 'Acct-Session-Id = "known"', "another")).not.toMatch(/Received/);
    expect(dynamic.drops()).toMatchObject({ authenticator: 1 });
  });
});
