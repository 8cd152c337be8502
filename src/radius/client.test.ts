import { describe, expect, test } from "vitest";
import { randomBytes } from "../../test/sim/l2tp-network.js";
import { answer, createFakeServer } from "../../test/sim/radius-server.js";
import { seededNumbers } from "../random.js";
import { parseRadius, radiusCode } from "../wire/radius.js";
import { attributesOf, firstOf } from "../wire/radius-values.js";
import { createRadiusClient } from "./client.js";
import type { RadiusOutput, RadiusServer } from "./types.js";

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

const server = (name: string, more: Partial<RadiusServer> = {}): RadiusServer => ({
  name,
  authentication: `${name}:1812`,
  accounting: `${name}:1813`,
  secret: bytes(`secret of ${name}`),
  timeout: 1000,
  tries: 2,
  deadTime: 10_000,
  ...more,
});

type Send = Extract<RadiusOutput, { type: "send" }>;

function scene(...servers: readonly RadiusServer[]) {
  const client = createRadiusClient({ random: randomBytes(seededNumbers(1)) });
  client.configure(servers, 0);
  const status = { known: true };
  const peers = servers.map((each) =>
    createFakeServer(each.secret, ({ code, attributes, password }) => {
      if (code === radiusCode.statusServer)
        return status.known ? { code: radiusCode.accessAccept, attributes: [], unsigned: true } : undefined;
      if (code === radiusCode.accountingRequest) return { code: radiusCode.accountingResponse, attributes: [] };
      const good = firstOf(attributes, "User-Name") === "bob" && Buffer.from(password ?? []).toString() === "good";
      return good
        ? { code: radiusCode.accessAccept, attributes: attributesOf({ "Framed-IP-Address": "192.0.2.9" }) }
        : { code: radiusCode.accessReject, attributes: [] };
    }),
  );
  let now = 0;
  const outputs: Exclude<RadiusOutput, Send>[] = [];
  const sends: Send[] = [];
  const collect = () => {
    for (const output of client.take())
      if (output.type === "send") sends.push(output);
      else outputs.push(output);
  };
  return {
    client,
    status,
    outputs,
    sends,
    now: () => now,
    ask(id: number, password = "good", more: { server?: string } = {}) {
      const attributes = attributesOf({ "User-Name": "bob" });
      client.request({ id, service: "authentication", attributes, password: bytes(password), ...more }, now);
      collect();
    },
    account(id: number) {
      const attributes = attributesOf({ "Acct-Status-Type": 1, "Acct-Session-Id": "a", "Acct-Delay-Time": 0 });
      client.request({ id, service: "accounting", attributes }, now);
      collect();
    },
    /** Hands what was sent to the servers that `live`, and their answers back. */
    deliver(live: (name: string) => boolean = () => true) {
      for (const { socket, remote, bytes: sent } of sends.splice(0)) {
        const index = servers.findIndex(({ name }) => remote.startsWith(`${name}:`));
        if (!live(servers[index]!.name)) continue;
        const answer = peers[index]!(sent);
        if (answer) client.handle({ socket, remote, bytes: answer }, now);
      }
      collect();
    },
    expire() {
      now = client.deadline() ?? now;
      client.expire(now);
      collect();
    },
    /** So many milliseconds without any traffic. */
    pass(time: number) {
      now += time;
    },
  };
}

describe("one server", () => {
  test("accepts, with the attributes of the answer", () => {
    const { ask, deliver, outputs, client } = scene(server("a"));
    ask(7);
    deliver();
    expect(outputs).toMatchObject([{ type: "answer", id: 7, code: "accept", server: "a" }]);
    const [answer] = outputs;
    if (answer?.type !== "answer") throw new Error("no answer");
    expect(firstOf(answer.attributes, "Framed-IP-Address")).toBe("192.0.2.9");
    expect(client.deadline()).toBeUndefined();
    expect(client.status()[0]).toMatchObject({ outstanding: 0, alive: true, counters: { requests: 1, accepts: 1 } });
  });

  test("rejects the wrong password", () => {
    const { ask, deliver, outputs } = scene(server("a"));
    ask(7, "bad");
    deliver();
    expect(outputs).toMatchObject([{ type: "answer", id: 7, code: "reject" }]);
  });

  test("is sent the same octets again, later and later, and given up", () => {
    const { ask, expire, sends, outputs, now } = scene(server("a", { tries: 3 }));
    ask(1);
    const times = [now()];
    for (let i = 0; i < 3; i++) {
      expire();
      times.push(now());
    }
    expect(sends).toHaveLength(3);
    expect(new Set(sends.map((send) => Buffer.from(send.bytes).toString("hex"))).size).toBe(1);
    times.slice(1).forEach((time, index) => {
      const wait = time - times[index]!;
      expect(Math.abs(wait / (1000 * 2 ** index) - 1)).toBeLessThanOrEqual(0.1);
    });
    expect(outputs).toEqual([
      { type: "server-state", server: "a", service: "authentication", alive: false },
      { type: "failed", id: 1, reason: "no answer from a" },
    ]);
  });

  test("grows Acct-Delay-Time with a new identifier each time (RFC 2866 §5.2)", () => {
    const { account, expire, sends, deliver, outputs } = scene(server("a", { tries: 3, timeout: 2000 }));
    account(1);
    expire();
    expire();
    const packets = sends.map((send) => parseRadius(send.bytes));
    const said = packets.map((packet) =>
      "malformed" in packet ? undefined : firstOf(packet.attributes, "Acct-Delay-Time"),
    );
    expect(said[0]).toBe(0);
    expect([1, 2]).toContain(said[1]);
    expect([5, 6]).toContain(said[2]);
    expect(new Set(sends.map((send) => send.bytes[1])).size).toBe(3);
    // The answers to all three come; the first ends the request.
    deliver();
    expect(outputs).toMatchObject([{ type: "answer", id: 1, code: "accounting-response" }]);
  });

  test("is not asked with a password that does not fit", () => {
    const { ask, outputs, sends } = scene(server("a"));
    ask(1, "x".repeat(129));
    expect(outputs).toEqual([{ type: "failed", id: 1, reason: "password too long (129)" }]);
    expect(sends).toEqual([]);
  });

  test("is not waited for by a request that was cancelled", () => {
    const { client, ask, deliver, outputs } = scene(server("a"));
    ask(1);
    client.cancel(1);
    expect(client.deadline()).toBeUndefined();
    deliver();
    expect(outputs).toEqual([]);
    expect(client.drops()).toEqual({ unexpected: 1 });
    expect(client.status()[0]?.outstanding).toBe(0);
  });
});

describe("answers that are not believed", () => {
  const { secret } = server("a");
  const accept = { code: radiusCode.accessAccept, attributes: [] };
  const forge = (change: (sent: Send) => { remote?: string; socket?: number; bytes?: Uint8Array }) => {
    const { client, ask, sends, deliver, outputs } = scene(server("a"));
    ask(1);
    const [sent] = sends as [Send];
    client.handle({ ...sent, bytes: answer(sent.bytes, accept, secret), ...change(sent) }, 0);
    expect(client.take()).toEqual([]);
    deliver();
    expect(outputs).toMatchObject([{ type: "answer", id: 1 }]);
    return client.drops();
  };

  test.each([
    ["message-authenticator-missing", (bytes: Uint8Array) => answer(bytes, { ...accept, unsigned: true }, secret)],
    ["authenticator", (bytes: Uint8Array) => answer(bytes, accept, secret.subarray(1))],
    ["code", (bytes: Uint8Array) => answer(bytes, { ...accept, code: radiusCode.accountingResponse }, secret)],
    ["code", (bytes: Uint8Array) => bytes],
    ["malformed", (bytes: Uint8Array) => answer(bytes, accept, secret).subarray(0, 19)],
    ["malformed", (bytes: Uint8Array) => answer(bytes, accept, secret).subarray(0, 30)],
  ])("%s", (reason, make) => {
    expect(forge(({ bytes: sent }) => ({ bytes: make(sent) }))).toEqual({ [reason]: 1 });
  });

  test("from elsewhere, or by another socket", () => {
    expect(forge(() => ({ remote: "a:1813" }))).toEqual({ remote: 1 });
    expect(forge(() => ({ socket: 1 }))).toEqual({ unexpected: 1 });
  });

  test("to a request that the same server was sent before", () => {
    const { client, ask, sends, deliver, outputs } = scene(server("a"));
    ask(1);
    const old = answer(sends[0]!.bytes, accept, secret);
    deliver();
    // Identifiers are taken in turn: after 256 more the first one's is in use again.
    for (let id = 2; id <= 257; id++) {
      ask(id);
      if (id < 257) deliver();
    }
    client.handle({ ...sends[0]!, bytes: old }, 0);
    expect(client.drops()).toEqual({ authenticator: 1 });
    deliver();
    expect(outputs).toHaveLength(257);
  });
});

describe("several servers", () => {
  const only =
    (...names: string[]) =>
    (name: string) =>
      names.includes(name);

  test("the next is asked when the first does not answer, and then first", () => {
    const { ask, deliver, expire, outputs, client } = scene(server("a"), server("b"));
    ask(1);
    deliver(only("b"));
    expire();
    deliver(only("b"));
    expire();
    deliver(only("b"));
    expect(outputs).toMatchObject([
      { type: "server-state", server: "a", alive: false },
      { type: "answer", server: "b" },
    ]);
    ask(2);
    deliver(only("b"));
    expect(outputs.at(-1)).toMatchObject({ type: "answer", id: 2, server: "b" });
    expect(client.status().map(({ name, service, alive }) => [name, service, alive])).toEqual([
      ["a", "authentication", false],
      ["b", "authentication", true],
      ["a", "accounting", true],
      ["b", "accounting", true],
    ]);
  });

  test("after its dead time one request tries the first again, for one try; the others do not wait for that", () => {
    const { ask, deliver, expire, outputs, pass } = scene(server("a"), server("b"));
    ask(1);
    expire();
    expire();
    deliver(only("b"));
    pass(10_000);
    ask(2);
    ask(3);
    deliver(only("b"));
    expect(outputs.at(-1)).toMatchObject({ id: 3, server: "b" });
    expire();
    deliver(only("b"));
    expect(outputs.at(-1)).toMatchObject({ id: 2, server: "b" });
    pass(5000);
    ask(4);
    deliver();
    expect(outputs.at(-1)).toMatchObject({ id: 4, server: "b" });
    pass(5000);
    ask(5);
    deliver();
    expect(outputs.slice(-2)).toMatchObject([
      { type: "server-state", server: "a", alive: true },
      { id: 5, server: "a" },
    ]);
  });

  test("what the dead one was asked moves on at its next timeout", () => {
    const { ask, deliver, expire, outputs, pass, client, now } = scene(server("a", { tries: 5 }), server("b"));
    ask(1);
    for (let i = 0; i < 4; i++) expire();
    pass(client.deadline()! - now() - 10);
    ask(2);
    expire();
    deliver(only("b"));
    expect(outputs.map((output) => output.type)).toEqual(["server-state", "answer"]);
    expire();
    deliver(only("b"));
    expect(outputs.at(-1)).toMatchObject({ id: 2, server: "b" });
  });

  test("one that answers others is not dead because it lost one", () => {
    const { ask, deliver, expire, outputs, sends, pass } = scene(server("a"), server("b"));
    ask(1);
    sends.splice(0);
    pass(100);
    ask(2);
    deliver();
    expire();
    sends.splice(0);
    expire();
    deliver();
    expect(outputs).toMatchObject([
      { id: 2, server: "a" },
      { id: 1, server: "b" },
    ]);
  });

  test("a late answer of the first counts while the second is being asked", () => {
    const { ask, deliver, expire, outputs, sends, client, now } = scene(server("a", { tries: 1 }), server("b"));
    ask(1);
    const [late] = sends.splice(0) as [Send];
    expire();
    const bytes = answer(late.bytes, { code: radiusCode.accessReject, attributes: [] }, server("a").secret);
    client.handle({ ...late, bytes }, now());
    deliver();
    expect(outputs.filter(({ type }) => type === "answer")).toMatchObject([{ id: 1, code: "reject", server: "a" }]);
    expect(client.drops()).toEqual({ unexpected: 1 });
  });

  test("a conversation stays with its server", () => {
    const { ask, deliver, expire, outputs } = scene(server("a"), server("b"));
    ask(1, "good", { server: "b" });
    deliver();
    expect(outputs).toMatchObject([{ id: 1, server: "b" }]);
    ask(2, "good", { server: "b" });
    expire();
    expire();
    expect(outputs.at(-1)).toEqual({ type: "failed", id: 2, reason: "no answer from b" });
    ask(3, "good", { server: "c" });
    expect(outputs.at(-1)).toEqual({ type: "failed", id: 3, reason: "no server c" });
  });
});

describe("the configuration changes", () => {
  test("what was asked of a server that is gone is asked of another", () => {
    const { ask, deliver, outputs, client, sends } = scene(server("a"), server("b"));
    ask(1);
    sends.splice(0);
    client.configure([server("b")], 0);
    ask(2);
    deliver();
    expect(outputs).toMatchObject([
      { id: 1, server: "b" },
      { id: 2, server: "b" },
    ]);
    expect(client.status().map(({ name, outstanding }) => [name, outstanding])).toEqual([
      ["b", 0],
      ["b", 0],
    ]);
  });

  test("a server that stays keeps its state", () => {
    const { ask, deliver, client } = scene(server("a"));
    ask(1);
    deliver();
    client.configure([server("b"), server("a", { timeout: 5 })], 0);
    expect(client.status()[1]).toMatchObject({ name: "a", counters: { accepts: 1 } });
  });

  test("without servers requests fail", () => {
    const { ask, outputs, client } = scene();
    ask(1);
    expect(outputs).toEqual([{ type: "failed", id: 1, reason: "no server for authentication" }]);
    expect(client.deadline()).toBeUndefined();
  });
});

describe("more requests than identifiers", () => {
  test("wait, bounded, and are asked in their order", () => {
    const client = createRadiusClient({ random: randomBytes(seededNumbers(1)), mostSockets: 1, longestQueue: 10 });
    const config = server("a");
    client.configure([config], 0);
    const attributes = attributesOf({ "User-Name": "bob" });
    for (let id = 0; id < 270; id++) client.request({ id, service: "authentication", attributes }, 0);
    const outputs = client.take();
    const sends = outputs.filter((output) => output.type === "send");
    expect(sends).toHaveLength(256);
    expect(outputs.filter((output) => output.type === "failed").map(({ id }) => id)).toEqual([266, 267, 268, 269]);
    for (const { socket, remote, bytes: sent } of sends.slice(0, 3))
      client.handle(
        { socket, remote, bytes: answer(sent, { code: radiusCode.accessAccept, attributes: [] }, config.secret) },
        5,
      );
    const further = client.take();
    expect(further.filter((output) => output.type === "send")).toHaveLength(3);
    client.expire(100_000);
    client.expire(200_000);
    client.expire(300_000);
    const ended = client.take().filter((output) => output.type === "failed");
    expect(ended.map(({ id }) => id).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 263 }, (_, index) => index + 3),
    );
    expect(client.deadline()).toBeUndefined();
  });

  test("those that move on to another server give up an identifier rather than wait for one", () => {
    const client = createRadiusClient({ random: randomBytes(seededNumbers(1)), mostSockets: 1 });
    client.configure([server("a", { tries: 1 }), server("b")], 0);
    const attributes = attributesOf({ "User-Name": "bob" });
    for (let id = 0; id < 256; id++) client.request({ id, service: "authentication", attributes }, 0);
    client.take();
    client.expire(2000);
    const sends = client.take().filter((output) => output.type === "send");
    expect(sends.map(({ remote }) => remote)).toEqual(Array(256).fill("b:1812"));
    expect(new Set(sends.map((send) => send.bytes[1])).size).toBe(256);
  });

  test("open further sockets, bounded", () => {
    const { ask, sends } = scene(server("a"));
    for (let id = 0; id < 1000; id++) ask(id);
    expect(new Set(sends.map(({ socket }) => socket))).toEqual(new Set([0, 1, 2, 3]));
    expect(new Set(sends.map((send) => `${send.socket} ${send.bytes[1]}`)).size).toBe(1000);
  });
});

describe("a dead server that may be asked by Status-Server", () => {
  const first = server("a", { statusServer: true, tries: 1 });
  const codes = (sends: readonly Send[]) => sends.map(({ remote, bytes: sent }) => `${remote} ${sent[0]}`);

  /** Server a has turned out dead, b has answered. */
  function dead() {
    const all = scene(first, server("b"));
    all.ask(1);
    all.sends.splice(0);
    all.expire();
    all.deliver();
    expect(all.client.status()[0]).toMatchObject({ alive: false });
    all.outputs.splice(0);
    return all;
  }

  test("is asked after its dead time, and asked for nothing else until it answers", () => {
    const { ask, expire, deliver, sends, outputs, client, pass, now } = dead();
    const since = now();
    pass(9_999);
    ask(2);
    expect(codes(sends)).toEqual(["b:1812 1"]);
    deliver();
    expire();
    expect(now() - since).toBeLessThanOrEqual(10_100);
    expect(codes(sends)).toEqual(["a:1812 12"]);
    ask(3);
    expect(codes(sends)).toEqual(["a:1812 12", "b:1812 1"]);
    outputs.splice(0);
    deliver();
    expect(outputs).toMatchObject([
      { type: "server-state", server: "a", alive: true },
      { type: "answer", server: "b" },
    ]);
    expect(client.status()[0]).toMatchObject({ alive: true, outstanding: 0, counters: { probes: 1, requests: 1 } });
    expect(client.deadline()).toBeUndefined();
    ask(4);
    expect(codes(sends)).toEqual(["a:1812 1"]);
  });

  test("is tried with a request, if it does not answer that", () => {
    const { ask, expire, deliver, sends, outputs, status, client } = dead();
    status.known = false;
    expire();
    deliver();
    expire();
    outputs.splice(0);
    ask(2);
    ask(3);
    expect(codes(sends)).toEqual(["a:1812 1", "b:1812 1"]);
    deliver();
    expect(outputs).toMatchObject([
      { type: "server-state", server: "a", alive: true },
      { type: "answer", server: "a" },
      { type: "answer", server: "b" },
    ]);
    expect(client.deadline()).toBeUndefined();
  });

  test("that has answered it once is not tried with requests, but when it has been silent for long", () => {
    const { ask, expire, deliver, sends, client, pass } = dead();
    expire();
    deliver();
    pass(1);
    ask(2);
    sends.splice(0);
    expire();
    deliver();
    expect(client.status()[0]).toMatchObject({ alive: false });
    for (let silent = 1; silent <= 3; silent++) {
      expire();
      expect(codes(sends.splice(0))).toEqual(["a:1812 12"]);
      ask(10 + silent);
      expect(codes(sends)).toEqual(["b:1812 1"]);
      deliver();
      expire();
    }
    ask(20);
    expect(codes(sends)).toEqual(["a:1812 1"]);
  });

  test("that is configured away is not asked", () => {
    const { expire, sends, client } = dead();
    client.configure([server("b")], 0);
    expire();
    expect(sends).toEqual([]);
    expect(client.deadline()).toBeUndefined();
  });
});

describe("a server that signs no answers", () => {
  const eap = { "User-Name": "bob", "EAP-Message": bytes("\u0002\u0001\u0000\u0005\u0001") };
  test.each([
    ["is not believed", {}, {}, 0],
    ["is believed where that is allowed", { requireMessageAuthenticator: false }, {}, 1],
    ["is never believed about EAP", { requireMessageAuthenticator: false }, eap, 0],
  ])("%s", (_, more, values, answers) => {
    const config = server("a", more);
    const client = createRadiusClient({ random: randomBytes(seededNumbers(1)) });
    client.configure([config], 0);
    client.request(
      { id: 1, service: "authentication", attributes: attributesOf({ "User-Name": "bob", ...values }) },
      0,
    );
    const [sent] = client.take();
    if (sent?.type !== "send") throw new Error("nothing sent");
    const reply = { code: radiusCode.accessAccept, attributes: [], unsigned: true };
    client.handle({ socket: sent.socket, remote: sent.remote, bytes: answer(sent.bytes, reply, config.secret) }, 1);
    expect(client.take().filter(({ type }) => type === "answer")).toHaveLength(answers);
    expect(client.drops()).toEqual(answers === 0 ? { "message-authenticator-missing": 1 } : {});
  });
});
