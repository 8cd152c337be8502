import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { PeerCredentials } from "../../ppp/types.js";
import { parseChapSecrets } from "./chap-secrets.js";
import { authenticateLocally } from "./local.js";
import type { Caller } from "./types.js";

const caller: Caller = {
  session: "1",
  callingNumber: undefined,
  calledNumber: undefined,
  nasPort: 1,
  nasPortId: "l2tp/1/1",
  connectInfo: undefined,
  agentCircuitId: undefined,
  agentRemoteId: undefined,
  tunnelClient: "192.0.2.1",
  tunnelServer: "192.0.2.2",
};

const { secrets } = parseChapSecrets("alice lns clientPass 10.0.0.7\nUser * clientPass\ndora * d -\n", "file");

const authenticate = (credentials: PeerCredentials, userName = credentials.name) =>
  authenticateLocally({ caller, userName, credentials }, secrets, "lns", (length) => new Uint8Array(length));

const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
const eap = (packet: Uint8Array, continuation?: unknown) =>
  authenticateLocally(
    { caller, userName: "alice", credentials: { method: "eap", name: "alice", packet }, continuation },
    secrets,
    "lns",
    (length) => new Uint8Array(length).fill(7),
  );

const pap = (name: string, password: string): PeerCredentials => ({
  method: "pap",
  name,
  password: Buffer.from(password),
});

test("PAP: the right password is accepted, with the address of the file", () => {
  expect(authenticate(pap("alice", "clientPass"))).toMatchObject({
    verdict: "accept",
    by: "local",
    judgement: { verdict: "accept" },
    profile: { address: "10.0.0.7", pool: undefined },
  });
});

test.each([
  ["a wrong password", pap("alice", "clientpass"), "wrong password"],
  ["somebody unknown", pap("eve", "clientPass"), "no such local user"],
  ["somebody unknown with an empty password", pap("eve", ""), "no such local user"],
  ["a user who may have no address", pap("dora", "d"), "no address is allowed to this local user"],
])("%s is rejected", (_, credentials, reason) => {
  expect(authenticate(credentials)).toEqual({ verdict: "reject", judgement: { verdict: "reject" }, reason });
});

test("a realm that was stripped is not looked for in the file", () => {
  expect(authenticate(pap("alice@example.net", "clientPass"), "alice")).toMatchObject({ verdict: "accept" });
});

test("CHAP with MD5", () => {
  const challenge = hex("00112233445566778899aabbccddeeff");
  const digest = (password: string) =>
    new Uint8Array(createHash("md5").update(Uint8Array.of(5)).update(password).update(challenge).digest());
  const credentials = { method: "chap-md5", name: "alice", identifier: 5, challenge } as const;
  expect(authenticate({ ...credentials, response: digest("clientPass") })).toMatchObject({ verdict: "accept" });
  expect(authenticate({ ...credentials, response: digest("other") })).toMatchObject({ verdict: "reject" });
});

test("MS-CHAPv2 answers with its own proof (RFC 2759 §9.2)", () => {
  const response = new Uint8Array(49);
  response.set(hex("21402324255E262A28295F2B3A337C7E"));
  response.set(hex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF"), 24);
  const challenge = hex("5B5D7C7D7B3F2F3E3C2C602132262628");
  const answer = authenticate({ method: "mschapv2", name: "User", identifier: 1, challenge, response });
  expect(answer).toMatchObject({
    verdict: "accept",
    judgement: { message: expect.stringMatching(/^S=407A5589115FD0D6209F510FE9C04566932CDA56/) },
  });
});

test("EAP: a peer that wants MD5 instead of MSCHAPv2 gets it, and is accepted by the password", () => {
  const first = eap(Uint8Array.of(2, 1, 0, 10, 1, ...Buffer.from("alice")));
  if (first.verdict !== "challenge") throw new Error(first.verdict);
  // Nak: MD5-Challenge (RFC 3748 §5.3.1).
  const refusal = Uint8Array.of(2, first.judgement.eap[1]!, 0, 6, 3, 4);
  const second = eap(refusal, first.continuation);
  if (second.verdict !== "challenge") throw new Error(second.verdict);
  const request = second.judgement.eap;
  expect(request[4]).toBe(4);
  const identifier = request[1]!;
  const challenge = request.subarray(6, 6 + request[5]!);
  const answer = (password: string) => {
    const value = createHash("md5").update(Uint8Array.of(identifier)).update(password).update(challenge).digest();
    return eap(Uint8Array.of(2, identifier, 0, 22, 4, 16, ...value), second.continuation);
  };
  expect(answer("clientPass")).toMatchObject({
    verdict: "accept",
    profile: { address: "10.0.0.7" },
    judgement: { eap: Uint8Array.of(3, identifier, 0, 4) },
  });
  expect(answer("wrong")).toMatchObject({ verdict: "reject", reason: "wrong password" });
});
