import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeRadius, fakeRadius, fakeSecret, recordOf } from "../../../test/fakes/radius.js";
import { attributesOf, firstOf, hasAttribute } from "../../wire/radius-values.js";
import { realClock } from "../clock.js";
import { Secret } from "../config/secret.js";
import { type Log, silentLog } from "../log.js";
import { createAaa } from "./aaa.js";
import type { AaaConfig } from "./config.js";
import type { Aaa, Accounted, AuthenticationRequest, Caller, DynamicHandler } from "./types.js";

const caller: Caller = {
  session: "0001",
  callingNumber: "5551234",
  calledNumber: "100",
  nasPort: 4711,
  nasPortId: "l2tp/1/2",
  connectInfo: "1000000/100000",
  agentCircuitId: "dslam 1/2",
  agentRemoteId: undefined,
  tunnelClient: "192.0.2.1",
  tunnelServer: "192.0.2.2",
};

const config: AaaConfig = {
  radius: [
    {
      name: "one",
      authentication: "127.0.0.1:1812",
      accounting: "127.0.0.1:1813",
      secret: new Secret(fakeSecret),
      timeout: 200,
      tries: 2,
      deadTime: 100,
    },
  ],
  dynamic: undefined,
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

const local = { file: "users", text: "bob * bobs-secret *\n" };
const handler: DynamicHandler = { change: () => undefined, disconnect: () => undefined };

const pap = (name: string, password: string): AuthenticationRequest => ({
  caller,
  userName: name,
  credentials: { method: "pap", name, password: new TextEncoder().encode(password) },
});

const accounted = (session: string): Accounted => ({
  caller: { ...caller, session },
  userName: "alice",
  class: [Uint8Array.of(1, 2), Uint8Array.of(3)],
  address: "10.0.0.1",
  ipv6Prefix: "2001:db8:1::/64",
  delegatedPrefix: "2001:db8:2::/56",
  interfaceId: "0000000000000001",
  links: 1,
  started: realClock.now() - 10_000,
});

const usage = { inBytes: 2 ** 33 + 5, outBytes: 7, inPackets: 3, outPackets: 2 };

let radius: FakeRadius;
let running: Aaa[];

const start = async (changes: Partial<AaaConfig> = {}, log: Log = silentLog): Promise<Aaa> => {
  const aaa = await createAaa(
    { ...config, ...changes },
    { clock: realClock, random: (length) => randomBytes(length), log, handler, openSocket: radius.openSocket },
  );
  running.push(aaa);
  return aaa;
};

const records = () => radius.accounting.map(recordOf);
const eventually = async (condition: () => boolean, within = 20_000): Promise<void> => {
  for (const until = Date.now() + within; !condition(); ) {
    if (Date.now() > until) throw new Error(`not in time: ${records().join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const withDirectory = async (use: (directory: string) => Promise<void>): Promise<void> => {
  const directory = mkdtempSync(join(tmpdir(), "junctor-accounting-"));
  try {
    await use(directory);
  } finally {
    for (const aaa of running.splice(0)) await aaa.stop(0);
    rmSync(directory, { recursive: true });
  }
};

beforeEach(() => {
  radius = fakeRadius();
  running = [];
});
afterEach(async () => {
  for (const aaa of running) await aaa.stop(0);
});

// --- Authentication ---

test("RADIUS is told who calls, and what it answers becomes the profile", async () => {
  radius.judge = () => ({
    code: "accept",
    attributes: attributesOf({ "Framed-IP-Address": "10.1.2.3", "Session-Timeout": 60, "Reply-Message": "hello" }),
  });
  const aaa = await start();
  const answer = await aaa.authenticate(pap("alice", "secret"));
  expect(answer).toMatchObject({
    verdict: "accept",
    by: "radius one",
    judgement: { message: "hello" },
    profile: { address: "10.1.2.3", sessionTimeout: 60_000 },
  });
  const { attributes } = radius.access[0]!;
  expect(firstOf(attributes, "User-Name")).toBe("alice");
  expect(firstOf(attributes, "NAS-Identifier")).toBe("lns1");
  expect(firstOf(attributes, "NAS-IP-Address")).toBe("192.0.2.2");
  expect(firstOf(attributes, "NAS-Port")).toBe(4711);
  expect(firstOf(attributes, "Calling-Station-Id")).toBe("5551234");
  expect(firstOf(attributes, "Acct-Session-Id")).toBe("0001");
  expect(firstOf(attributes, "Tunnel-Client-Endpoint")).toEqual({ tag: 0, value: "192.0.2.1" });
  expect(Buffer.from(firstOf(attributes, "ADSL-Agent-Circuit-Id")!).toString()).toBe("dslam 1/2");
  expect(hasAttribute(attributes, "User-Password")).toBe(true);
  expect(hasAttribute(attributes, "Message-Authenticator")).toBe(true);
});

test("a reject is a reject, also for those whom the local file knows", async () => {
  radius.judge = () => ({ code: "reject", attributes: attributesOf({ "Reply-Message": "no such user" }) });
  const aaa = await start({ local, fallback: "local" });
  expect(await aaa.authenticate(pap("bob", "bobs-secret"))).toMatchObject({
    verdict: "reject",
    judgement: { message: "no such user" },
  });
});

test("local users are looked up when no server answers, if that is wanted", async () => {
  radius.up = false;
  const none = await start({ local, fallback: "none" });
  expect(await none.authenticate(pap("bob", "bobs-secret"))).toMatchObject({ verdict: "reject" });
  const fallback = await start({ local, fallback: "local" });
  expect(await fallback.authenticate(pap("bob", "bobs-secret"))).toMatchObject({ verdict: "accept", by: "local" });
  expect(await fallback.authenticate(pap("bob", "wrong"))).toMatchObject({ verdict: "reject" });
  expect(fallback.statistics()).toMatchObject({ "fallback-to-local": 2 });
});

test("MS-CHAPv2 asks by the name as it was given, and is not accepted without the server's proof", async () => {
  const aaa = await start();
  const credentials = {
    method: "mschapv2",
    name: "alice@example.net",
    identifier: 9,
    challenge: new Uint8Array(16).fill(1),
    response: new Uint8Array(49).fill(2),
  } as const;
  expect(await aaa.authenticate({ caller, userName: "alice", credentials })).toMatchObject({ verdict: "reject" });
  const { attributes } = radius.access[0]!;
  expect(firstOf(attributes, "User-Name")).toBe("alice@example.net");
  expect(firstOf(attributes, "MS-CHAP2-Response")).toEqual(Uint8Array.of(9, ...new Array<number>(49).fill(2)));

  radius.judge = () => ({
    code: "accept",
    attributes: attributesOf({ "MS-CHAP2-Success": Uint8Array.of(9, ...Buffer.from("S=0123")) }),
  });
  expect(await aaa.authenticate({ caller, userName: "alice", credentials })).toMatchObject({
    verdict: "accept",
    judgement: { message: "S=0123" },
  });
});

test("EAP goes to and fro with State", async () => {
  const request = new Uint8Array(300).fill(7);
  radius.judge = ({ attributes }) =>
    hasAttribute(attributes, "State")
      ? { code: "accept", attributes: attributesOf({ "EAP-Message": Uint8Array.of(3, 1, 0, 4) }) }
      : { code: "challenge", attributes: attributesOf({ "EAP-Message": request, State: Uint8Array.of(42) }) };
  const aaa = await start();
  const eap = (packet: Uint8Array, continuation?: unknown): AuthenticationRequest => ({
    caller,
    userName: "alice",
    credentials: { method: "eap", name: "alice", packet },
    continuation,
  });
  const first = await aaa.authenticate(eap(Uint8Array.of(2, 1, 0, 10, 1, 97)));
  if (first.verdict !== "challenge") throw new Error(first.verdict);
  expect(first.judgement.eap).toEqual(request);
  expect(await aaa.authenticate(eap(request, first.continuation))).toMatchObject({ verdict: "accept" });
  const { attributes } = radius.access[1]!;
  expect(firstOf(attributes, "State")).toEqual(Uint8Array.of(42));
  expect(firstOf(attributes, "EAP-Message")).toEqual(request);
});

test("a new file of users counts from the reload on", async () => {
  const aaa = await start({ radius: [], local });
  expect(await aaa.authenticate(pap("carol", "c"))).toMatchObject({ verdict: "reject" });
  await aaa.configure({ ...config, radius: [], local: { file: "users", text: "carol * c\n" } });
  expect(await aaa.authenticate(pap("carol", "c"))).toMatchObject({ verdict: "accept" });
  expect(aaa.status().localUsers).toBe(1);
});

// --- Accounting ---

test("a session is accounted for from On to Off", async () => {
  const aaa = await start();
  const session = accounted("0001");
  aaa.accounting.start(session);
  aaa.accounting.interim(session, { ...usage, inBytes: 1 });
  aaa.accounting.stop(session, usage, "idle-timeout");
  await eventually(() => aaa.status().pending === 0 && radius.accounting.length >= 3);
  await aaa.stop(1000);
  const [on, first, last, off] = records();
  expect([on?.split(" ")[0], first, last, off?.split(" ")[0]]).toEqual(["on", "start 0001", "stop 0001", "off"]);
  const { attributes } = radius.accounting[2]!;
  expect(firstOf(attributes, "Acct-Input-Octets")).toBe(5);
  expect(firstOf(attributes, "Acct-Input-Gigawords")).toBe(2);
  expect(firstOf(attributes, "Acct-Output-Octets")).toBe(7);
  expect(hasAttribute(attributes, "Acct-Output-Gigawords")).toBe(false);
  expect(firstOf(attributes, "Acct-Session-Time")).toBeGreaterThanOrEqual(10);
  expect(firstOf(attributes, "Acct-Terminate-Cause")).toBe(4);
  expect(firstOf(attributes, "Class")).toEqual(Uint8Array.of(1, 2));
  expect(firstOf(attributes, "Framed-IP-Address")).toBe("10.0.0.1");
  expect(firstOf(attributes, "Delegated-IPv6-Prefix")).toBe("2001:db8:2::/56");
});

test("what no server takes waits, and says by how much it is late", async () => {
  const aaa = await start();
  radius.up = false;
  aaa.accounting.stop(accounted("0001"), usage, "user-request");
  await new Promise((resolve) => setTimeout(resolve, 1200));
  expect(aaa.status().pending).toBe(1);
  radius.up = true;
  await eventually(() => aaa.status().pending === 0);
  const last = radius.accounting.at(-1)!;
  expect(recordOf(last)).toBe("stop 0001");
  expect(firstOf(last.attributes, "Acct-Delay-Time")).toBeGreaterThanOrEqual(1);
});

test("one record that no server takes does not hold up the others", async () => {
  radius.takes = (request) => recordOf(request) !== "stop 0001";
  const aaa = await start();
  aaa.accounting.stop(accounted("0001"), usage, "user-request");
  for (let i = 2; i < 50; i++) aaa.accounting.stop(accounted(String(i).padStart(4, "0")), usage, "user-request");
  await eventually(() => aaa.status().pending === 1);
  expect(new Set(records().filter((each) => each.startsWith("stop"))).size).toBe(49);
});

test("sessions that began while accounting was on leave nothing in the store when it is off", () =>
  withDirectory(async (store) => {
    const aaa = await start({ store });
    aaa.accounting.start(accounted("0001"));
    await eventually(() => records().includes("start 0001"));
    await aaa.configure({ ...config, store, accounting: false });
    aaa.accounting.stop(accounted("0001"), usage, "user-request");
    await aaa.stop(0);
    running.length = 0;
    const next = await start({ store });
    expect(next.status().pending).toBe(0);
  }));

// --- The store ---

test("what one run could not deliver the next one does", () =>
  withDirectory(async (store) => {
    radius.up = false;
    const first = await start({ store });
    first.accounting.start(accounted("0001"));
    first.accounting.stop(accounted("0001"), usage, "user-request");
    await first.stop(10);
    radius.up = true;
    const second = await start({ store });
    await eventually(() => second.status().pending === 0);
    expect(records().slice(1)).toEqual(["stop 0001"]);
    await second.stop(1000);
    const third = await start({ store });
    expect(third.status().pending).toBe(0);
  }));

test("a session that a run left open is closed by the next one with its last known usage", () =>
  withDirectory(async (store) => {
    const first = await start({ store });
    first.accounting.start(accounted("0001"));
    first.accounting.interim(accounted("0001"), usage);
    await eventually(() => records().includes("interim 0001"));
    await first.stop(0);
    running.length = 0;
    radius.accounting.length = 0;
    const second = await start({ store });
    await eventually(() => records().includes("stop 0001"));
    const { attributes } = radius.accounting.find((each) => recordOf(each) === "stop 0001")!;
    expect(firstOf(attributes, "Acct-Terminate-Cause")).toBe(11);
    expect(firstOf(attributes, "Acct-Input-Gigawords")).toBe(2);
    await eventually(() => second.status().pending === 0);
  }));

test("more Stops than memory may hold are all delivered, in the end", { timeout: 120_000 }, () =>
  withDirectory(async (store) => {
    const aaa = await start({ store });
    radius.takes = () => radius.up;
    const count = 34_000;
    radius.up = false;
    for (let i = 0; i < count; i++) aaa.accounting.stop(accounted(`s${i}`), usage, "user-request");
    expect(aaa.status().pending).toBe(count);
    radius.up = true;
    await eventually(() => aaa.status().pending === 0, 100_000);
    expect(new Set(records().filter((each) => each.startsWith("stop "))).size).toBe(count);
  }),
);

test("without a store that is said once, and no more is kept than memory may hold", async () => {
  const said: string[] = [];
  const note = (_: object, message: string) => void said.push(message);
  const aaa = await start({}, { ...silentLog, warn: note, error: note });
  radius.up = false;
  for (let i = 0; i < 34_000; i++) aaa.accounting.stop(accounted(`s${i}`), usage, "user-request");
  expect(aaa.status().pending).toBe(32_768);
  expect(aaa.statistics()).toMatchObject({ "accounting-stop-dropped": 34_000 - 32_768 });
  expect(said.filter((each) => each.includes("aaa.store is not set"))).toHaveLength(1);
  expect(said.filter((each) => each.includes("accounting is lost"))).toHaveLength(1);
});
