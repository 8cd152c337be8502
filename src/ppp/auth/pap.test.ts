import { expect, test } from "vitest";
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
import { encodePap, papCode, parsePap } from "../../wire/pap.js";
import type { Judgement, PeerCredentials } from "../types.js";
import { verifyPap } from "./verify.js";

const request = (identifier: number, name = "user", password = "secret"): Uint8Array =>
  encodePap({ code: papCode.request, identifier, name, password: octets(password) });

const judge = (credentials: PeerCredentials): Judgement =>
  credentials.method === "pap" && verifyPap(credentials, octets("secret"))
    ? { verdict: "accept", message: "welcome" }
    : { verdict: "reject", message: "no" };

test("a request is judged once and answered", () => {
  const server = authenticator("pap");
  expect(server.handle(request(7))).toEqual([
    {
      type: "authenticate",
      credentials: { method: "pap", name: "user", password: octets("secret"), identifier: 7 },
    },
  ]);
  expect(server.judge({ verdict: "accept", message: "hi" })).toEqual([
    { type: "send", packet: hex("02 07 0007 02 6869") },
    { type: "succeeded", name: "user" },
  ]);
  expect(server.judge({ verdict: "reject" })).toEqual([]);
});

test("while it is judged, a repeated request only says which one is to be answered", () => {
  const server = authenticator("pap");
  server.handle(request(7));
  expect(server.handle(request(8))).toEqual([]);
  expect(dropped(server.handle(request(9, "user", "another")))).toEqual(["pap-while-judging"]);
  expect(sent(server.judge({ verdict: "accept" }))).toEqual([hex("02 08 0005 00")]);
});

test("after the answer every request gets the same answer, whatever it says (RFC 1334 §2.2.1)", () => {
  const accepted = authenticator("pap");
  accepted.handle(request(7));
  accepted.judge({ verdict: "accept", message: "hi" });
  expect(accepted.handle(request(8, "other", "x"))).toEqual([{ type: "send", packet: hex("02 08 0007 02 6869") }]);

  const rejected = authenticator("pap");
  rejected.handle(request(7));
  expect(rejected.judge({ verdict: "reject", message: "no" })).toEqual([
    { type: "send", packet: hex("03 07 0007 02 6e6f") },
    { type: "failed", reason: "rejected", message: "no" },
  ]);
  expect(rejected.handle(request(8))).toEqual([{ type: "send", packet: hex("03 08 0007 02 6e6f") }]);
});

test("what a LAC heard is judged at once, and answered under its identifier", () => {
  const proxied = { method: "pap", name: "user", password: octets("secret"), identifier: 3 } as const;
  const server = authenticator("pap", settings(), { proxied });
  expect(server.take()).toEqual([{ type: "authenticate", credentials: proxied }]);
  expect(sent(server.judge({ verdict: "accept" }))).toEqual([hex("02 03 0005 00")]);
});

test("what a LAC heard without an identifier is answered when the peer asks again", () => {
  const server = authenticator("pap", settings(), {
    proxied: { method: "pap", name: "user", password: octets("secret") },
  });
  server.take();
  expect(server.judge({ verdict: "accept" })).toEqual([{ type: "succeeded", name: "user" }]);
  expect(server.handle(request(4))).toEqual([{ type: "send", packet: hex("02 04 0005 00") }]);
});

test("credentials of another method that a LAC heard are not PAP's", () => {
  const proxied = {
    method: "chap-md5",
    name: "u",
    identifier: 1,
    challenge: hex("00"),
    response: hex("00"),
  } as const;
  expect(authenticator("pap", settings(), { proxied }).take()).toEqual([]);
});

test("a request is repeated under new identifiers, and given up", () => {
  const peer = authenticatee("pap", { ...client("user", "secret"), maxConfigure: 3 });
  const packets = [...sent(peer.take()), ...sent(peer.pass(6000))].map((packet) => parsePap(packet));
  const first = "identifier" in packets[0]! ? packets[0].identifier : -1;
  expect(packets).toEqual(
    [0, 1, 2].map((index) => ({
      code: papCode.request,
      identifier: (first + index) & 0xff,
      name: "user",
      password: octets("secret"),
    })),
  );
  expect(peer.pass(3000)).toEqual([{ type: "failed", reason: "no-answer", message: undefined }]);
  expect(peer.state.deadline).toBeUndefined();
});

test("an answer counts once, and only to a request that was sent", () => {
  const peer = authenticatee("pap");
  const [packet] = sent(peer.take());
  const identifier = packet![1]!;
  const answer = (to: number): Uint8Array => encodePap({ code: papCode.ack, identifier: to & 0xff, message: "" });
  expect(dropped(peer.handle(answer(identifier + 1)))).toEqual(["pap-identifier"]);
  expect(peer.handle(answer(identifier))).toEqual([{ type: "succeeded", name: undefined }]);
  expect(peer.handle(answer(identifier))).toEqual([]);
  expect(peer.state.deadline).toBeUndefined();
});

test("malformed packets are dropped by both", () => {
  const cut = request(7).subarray(0, 9);
  expect(dropped(authenticator("pap").handle(cut))).toEqual(["pap-malformed"]);
  const peer = authenticatee("pap");
  peer.take();
  expect(dropped(peer.handle(cut))).toEqual(["pap-malformed"]);
});

test.each(seeds(20))("both agree over a line that loses packets (seed %i)", (seed) => {
  for (const [password, type] of [
    ["secret", "succeeded"],
    ["wrong", "failed"],
  ] as const) {
    const server = authenticator("pap", settings(), { seed });
    const peer = authenticatee("pap", client("user", password), { seed: seed + 1 });
    const { here, there, packets } = converse(server, peer, judge, { loss: 0.3, seed });
    expect(events(here).map((output) => output.type)).toEqual(["authenticate", type]);
    expect(events(there).map((output) => output.type)).toEqual([type]);
    expect(packets).toBeLessThanOrEqual(40);
  }
});
