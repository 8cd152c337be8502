import { describe, expect, test } from "vitest";
import { seeds } from "../../../test/seed.js";
import {
  authenticatee,
  authenticator,
  client,
  converse,
  dropped,
  events,
  hex,
  octets,
  sent,
  settings,
} from "../../../test/sim/ppp-auth.js";
import { type ChapPacket, chapCode, encodeChap, parseChap } from "../../wire/chap.js";
import type { Judgement, PeerCredentials } from "../types.js";
import { type ChapMethod, chapVariants } from "./chap-variants.js";
import { verifyChapMd5, verifyMschap, verifyMschapv2 } from "./verify.js";

const methods: readonly ChapMethod[] = ["chap-md5", "mschap", "mschapv2"];

/** As a server with one user would: `user`, `secret`. */
function judge(credentials: PeerCredentials): Judgement {
  const password = octets("secret");
  switch (credentials.method) {
    case "chap-md5":
      return verifyChapMd5(credentials, password) ? { verdict: "accept" } : { verdict: "reject", message: "no" };
    case "mschap":
      return verifyMschap(credentials, password) ? { verdict: "accept" } : { verdict: "reject", message: "no" };
    case "mschapv2": {
      const message = verifyMschapv2(credentials, password);
      return message === undefined ? { verdict: "reject", message: "no" } : { verdict: "accept", message };
    }
    default:
      return { verdict: "reject" };
  }
}

const parsed = (packets: readonly Uint8Array[]): readonly ChapPacket[] =>
  packets.map((packet) => parseChap(packet) as ChapPacket);

/** The challenge that a fresh authenticator has sent. */
const challengeOf = (packets: readonly Uint8Array[]) =>
  parsed(packets)[0] as ChapPacket & { value: Uint8Array; name: string };

function responseTo(method: ChapMethod, challenge: Uint8Array, name = "user", password = "secret"): Uint8Array {
  const peer = authenticatee(method, client(name, password));
  return sent(peer.handle(challenge))[0]!;
}

describe.each(methods)("%s", (method) => {
  const { challengeLength } = chapVariants[method];

  test("a challenge, the response, the judgement", () => {
    const server = authenticator(method);
    const [packet] = sent(server.take());
    const challenge = challengeOf([packet!]);
    expect(challenge).toMatchObject({ code: chapCode.challenge, name: "here" });
    expect(challenge.value).toHaveLength(challengeLength);

    const peer = authenticatee(method);
    expect(peer.take()).toEqual([]);
    const [response] = sent(peer.handle(packet!));
    const [asked] = events(server.handle(response!));
    expect(asked).toMatchObject({
      type: "authenticate",
      credentials: { method, name: "user", identifier: challenge.identifier, challenge: challenge.value },
    });
    const credentials = asked?.type === "authenticate" ? asked.credentials : undefined;
    const answered = server.judge(judge(credentials!));
    expect(events(answered)).toEqual([{ type: "succeeded", name: "user" }]);
    expect(peer.handle(sent(answered)[0]!)).toEqual([{ type: "succeeded", name: "here" }]);
    expect([server.state.deadline, peer.state.deadline]).toEqual([undefined, undefined]);
  });

  test("the same challenge is sent again until it is answered, and given up", () => {
    const server = authenticator(method, settings({ maxConfigure: 3 }));
    const packets = [...sent(server.take()), ...sent(server.pass(6000))];
    expect(packets).toHaveLength(3);
    expect(packets[1]).toEqual(packets[0]);
    expect(packets[2]).toEqual(packets[0]);
    expect(server.pass(3000)).toEqual([{ type: "failed", reason: "no-answer", message: undefined }]);
    expect(server.pass(100_000)).toEqual([]);
  });

  test("one response to a challenge is judged; others get the same answer (RFC 1994 §4.1)", () => {
    const server = authenticator(method);
    const [packet] = sent(server.take());
    server.handle(responseTo(method, packet!, "user", "guess 1"));
    expect(server.handle(responseTo(method, packet!))).toEqual([{ type: "dropped", reason: "chap-while-judging" }]);
    const [failure] = sent(server.judge({ verdict: "reject", message: "no" }));
    expect(server.handle(responseTo(method, packet!))).toEqual([{ type: "send", packet: failure }]);
  });

  test("a response to another challenge, or of another size, is dropped", () => {
    const server = authenticator(method);
    const [packet] = sent(server.take());
    const response = responseTo(method, packet!);
    const other = Uint8Array.from(response);
    other[1] = response[1]! + 1;
    expect(dropped(server.handle(other))).toEqual(["chap-identifier"]);
    const { identifier } = challengeOf([packet!]);
    const short = encodeChap({ code: chapCode.response, identifier, value: hex("01"), name: "user" });
    expect(dropped(server.handle(short))).toEqual(["chap-malformed"]);
    expect(events(server.handle(response))).toHaveLength(1);
  });

  test("a response is repeated until it is judged, the same to the same challenge", () => {
    const [packet] = sent(authenticator(method).take());
    const peer = authenticatee(method, { ...client("user", "secret"), maxConfigure: 3 });
    const first = sent(peer.handle(packet!));
    expect([...sent(peer.handle(packet!)), ...sent(peer.pass(3000))]).toEqual([first[0], first[0]]);
    expect(peer.pass(3000)).toEqual([{ type: "failed", reason: "no-answer", message: undefined }]);
  });

  test("a challenge that comes again after its verdict is answered and not waited for; a new identifier is a new one", () => {
    const [packet] = sent(authenticator(method).take());
    const peer = authenticatee(method);
    const [response] = sent(peer.handle(packet!));
    peer.handle(encodeChap({ code: chapCode.failure, identifier: packet![1]!, message: "" }));
    expect(sent(peer.handle(packet!))).toEqual([response]);
    expect(peer.state.deadline).toBeUndefined();
    const next = Uint8Array.from(packet!);
    next[1] = (packet![1]! + 1) & 0xff;
    expect(sent(peer.handle(next))[0]![1]).toBe(next[1]);
    expect(peer.state.deadline).toBeDefined();
  });

  test("a verdict on another challenge is dropped, and one that comes twice counts once", () => {
    const server = authenticator(method);
    const [packet] = sent(server.take());
    const { identifier } = challengeOf([packet!]);
    const peer = authenticatee(method);
    const failure = (to: number): Uint8Array =>
      encodeChap({ code: chapCode.failure, identifier: to & 0xff, message: "no" });
    expect(dropped(peer.handle(failure(identifier)))).toEqual(["chap-identifier"]);
    peer.handle(packet!);
    expect(dropped(peer.handle(failure(identifier + 1)))).toEqual(["chap-identifier"]);
    expect(peer.handle(failure(identifier))).toEqual([{ type: "failed", reason: "rejected", message: "no" }]);
    expect(peer.handle(failure(identifier))).toEqual([]);
  });

  test("the peer is challenged again at intervals, under new identifiers and values, by the name it began with", () => {
    const server = authenticator(method, settings({ rechallengeInterval: 60_000 }));
    const [first] = sent(server.take());
    server.handle(responseTo(method, first!));
    server.judge({ verdict: "accept" });
    expect(server.pass(59_999)).toEqual([]);
    const [second] = sent(server.pass(1));
    expect(second![1]).toBe((first![1]! + 1) & 0xff);
    expect(challengeOf([second!]).value).not.toEqual(challengeOf([first!]).value);
    expect(events(server.handle(responseTo(method, second!)))).toMatchObject([{ type: "authenticate" }]);
    expect(events(server.judge({ verdict: "accept" }))).toEqual([{ type: "succeeded", name: "user" }]);
    const [third] = sent(server.pass(60_000));
    expect(events(server.handle(responseTo(method, third!, "somebody")))).toMatchObject([
      { type: "failed", reason: "rejected" },
    ]);
  });

  test("a repeated challenge that nobody answers ends the link", () => {
    const server = authenticator(method, settings({ rechallengeInterval: 60_000 }));
    server.handle(responseTo(method, sent(server.take())[0]!));
    server.judge({ verdict: "accept" });
    const outputs = server.pass(90_000);
    expect(sent(outputs)).toHaveLength(10);
    expect(events(outputs)).toEqual([{ type: "failed", reason: "no-answer", message: undefined }]);
  });

  test("our own response, reflected, proves nothing", () => {
    const both = client("here", "secret");
    const server = authenticator(method, both);
    const [packet] = sent(server.take());
    const reflected = responseTo(method, packet!, "here");
    expect(events(server.handle(reflected))).toMatchObject([{ type: "failed", reason: "rejected" }]);
  });

  test("what a LAC heard is judged at once and answered", () => {
    const { challengeLength: length } = chapVariants[method];
    const challenge = new Uint8Array(length).fill(5);
    const packet = encodeChap({ code: chapCode.challenge, identifier: 9, value: challenge, name: "lac" });
    const response = parsed([responseTo(method, packet)])[0] as ChapPacket & { value: Uint8Array };
    const proxied = { method, name: "user", identifier: 9, challenge, response: response.value };
    const server = authenticator(method, settings(), { proxied });
    expect(server.take()).toEqual([{ type: "authenticate", credentials: proxied }]);
    const answered = server.judge(judge(proxied));
    expect(parsed(sent(answered))[0]).toMatchObject({ code: chapCode.success, identifier: 9 });
    expect(events(answered)).toEqual([{ type: "succeeded", name: "user" }]);
  });

  test.each(seeds(12))("both agree over a line that loses packets (seed %i)", (seed) => {
    for (const [password, type] of [
      ["secret", "succeeded"],
      ["wrong", "failed"],
    ] as const) {
      const server = authenticator(method, settings(), { seed });
      const peer = authenticatee(method, client("BIG\\user", password), { seed: seed + 1 });
      const { here, there, packets } = converse(server, peer, judge, { loss: 0.25, seed });
      expect(events(here).map((output) => output.type)).toEqual(["authenticate", type]);
      expect(events(there).map((output) => output.type)).toEqual([type]);
      expect(packets).toBeLessThanOrEqual(80);
    }
  });

  test("both agree again and again when challenges are repeated over such a line", () => {
    const server = authenticator(method, settings({ rechallengeInterval: 100_000 }));
    const { here, there } = converse(server, authenticatee(method), judge, { loss: 0.2, milliseconds: 600_000 });
    const types = events(here).map(({ type }) => type);
    expect(types.filter((type) => type === "succeeded").length).toBeGreaterThan(4);
    expect(types).not.toContain("failed");
    expect(events(there).every(({ type }) => type === "succeeded")).toBe(true);
  });
});

describe("MS-CHAP's messages", () => {
  const failureOf = (method: ChapMethod, message: string | undefined): string => {
    const server = authenticator(method);
    server.handle(responseTo(method, sent(server.take())[0]!));
    const [packet] = parsed(sent(server.judge({ verdict: "reject", message })));
    return packet !== undefined && "message" in packet ? packet.message : "";
  };

  test("a failure says the error, that there is no retry, a challenge, and the version", () => {
    expect(failureOf("mschap", "no")).toMatch(/^E=691 R=0 C=[0-9A-F]{16} V=2$/);
    expect(failureOf("mschapv2", "no")).toMatch(/^E=691 R=0 C=[0-9A-F]{32} V=3 M=no$/);
    expect(failureOf("mschapv2", undefined)).toMatch(/ V=3 M=$/);
  });

  test("a server's own failure is passed on, but for the retry", () => {
    const said = `E=649 R=1 C=${"00".repeat(16)} V=3 M=not today`;
    expect(failureOf("mschapv2", said)).toBe(said.replace("R=1", "R=0"));
  });

  test("people are told the message only", () => {
    const peer = authenticatee("mschapv2");
    const challenge = { code: chapCode.challenge, identifier: 1, value: new Uint8Array(16), name: "x" } as const;
    peer.handle(encodeChap(challenge));
    const message = `E=691 R=0 C=${"00".repeat(16)} V=3 M=go away`;
    expect(peer.handle(encodeChap({ code: chapCode.failure, identifier: 1, message }))).toEqual([
      { type: "failed", reason: "rejected", message: "go away" },
    ]);
  });
});

describe("an authenticator that does not know the password", () => {
  test.each([
    ["nothing", ""],
    ["digits of its own", `S=${"0".repeat(40)}`],
    ["too few of them", "S=0"],
  ])("is refused when it says %s", (_, message) => {
    const peer = authenticatee("mschapv2");
    const [packet] = sent(authenticator("mschapv2").take());
    peer.handle(packet!);
    const success = encodeChap({ code: chapCode.success, identifier: packet![1]!, message });
    expect(peer.handle(success)).toMatchObject([{ type: "failed", reason: "rejected" }]);
  });
});

test("a challenge of a length that MS-CHAP does not have is not answered", () => {
  for (const method of ["mschap", "mschapv2"] as const) {
    const packet = encodeChap({ code: chapCode.challenge, identifier: 1, value: hex("0102"), name: "" });
    expect(dropped(authenticatee(method).handle(packet))).toEqual(["chap-malformed"]);
  }
});

test("CHAP with MD5 answers as others do", () => {
  const packet = hex("01 01 0018 10 00112233445566778899aabbccddeeff 6c6e73");
  const [response] = parsed(sent(authenticatee("chap-md5").handle(packet)));
  expect(response).toMatchObject({ identifier: 1, name: "user" });
  const value = response !== undefined && "value" in response ? Buffer.from(response.value).toString("hex") : "";
  expect(value).toBe("204bb003332f6932b63b47c2c4e1a547");
});
