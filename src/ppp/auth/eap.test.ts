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
  seededBytes,
  sent,
  settings,
} from "../../../test/sim/ppp-auth.js";
import { eapCode, eapType, encodeEap } from "../../wire/eap.js";
import type { Judgement, PeerCredentials } from "../types.js";
import {
  beginEap,
  continueEap,
  type EapConversation,
  type EapMethod,
  type EapServerSettings,
  type EapStep,
} from "./eap-server.js";

/** A server with one user, `user` with `secret`; what it keeps between steps is put through structuredClone. */
function server(methods: readonly EapMethod[] = ["mschapv2", "md5"]): (credentials: PeerCredentials) => Judgement {
  const serverSettings: EapServerSettings = { methods, name: "server", random: seededBytes(7) };
  let conversation: EapConversation | undefined;
  return (credentials) => {
    if (credentials.method !== "eap") return { verdict: "reject" };
    const password = credentials.name === "user" ? octets("secret") : undefined;
    const step: EapStep = conversation
      ? continueEap(conversation, credentials, password, serverSettings)
      : beginEap(credentials, serverSettings);
    conversation = structuredClone(step.conversation);
    return step.judgement;
  };
}

const request = (identifier: number, type: number, data = hex("")): Uint8Array =>
  encodeEap({ code: eapCode.request, identifier, type, data });
const response = (identifier: number, type: number, data = hex("")): Uint8Array =>
  encodeEap({ code: eapCode.response, identifier, type, data });
const result = (code: 3 | 4, identifier: number): Uint8Array => encodeEap({ code, identifier });

describe("the authenticator", () => {
  /** One that has sent its Request/Identity, and that request's identifier. */
  function asking(changes = {}) {
    const bench = authenticator("eap", settings(changes));
    const [packet] = sent(bench.take());
    return { bench, identifier: packet![1]! };
  }

  test("asks for the identity, repeats it, and gives up", () => {
    const bench = authenticator("eap", settings({ maxConfigure: 3 }));
    const packets = [...sent(bench.take()), ...sent(bench.pass(6000))];
    expect(packets).toEqual([packets[0], packets[0], packets[0]]);
    expect(packets[0]).toEqual(request(packets[0]![1]!, eapType.identity));
    expect(bench.pass(3000)).toEqual([{ type: "failed", reason: "no-answer", message: undefined }]);
  });

  test("passes on each response whole, and each request of the judge, with its identifier", () => {
    const { bench, identifier } = asking();
    const shown = response(identifier, eapType.identity, octets("user"));
    expect(bench.handle(Uint8Array.of(...shown, 0, 0))).toEqual([
      { type: "authenticate", credentials: { method: "eap", name: "user", packet: shown } },
    ]);
    const next = request(200, 13, hex("20"));
    expect(bench.judge({ verdict: "challenge", eap: next })).toEqual([{ type: "send", packet: next }]);
    expect(sent(bench.pass(3000))).toEqual([next]);
    const answer = response(200, 13, hex("00"));
    expect(bench.handle(answer)).toEqual([
      { type: "authenticate", credentials: { method: "eap", name: "user", packet: answer } },
    ]);
    expect(bench.judge({ verdict: "accept", eap: result(3, 200) })).toEqual([
      { type: "send", packet: result(3, 200) },
      { type: "succeeded", name: "user" },
    ]);
    expect(bench.handle(answer)).toEqual([{ type: "send", packet: result(3, 200) }]);
    expect(bench.state.deadline).toBeUndefined();
  });

  test("makes the result itself if there is none, or one that contradicts the verdict", () => {
    for (const eap of [undefined, result(3, 9), hex("ff")]) {
      const { bench, identifier } = asking();
      bench.handle(response(identifier, eapType.identity, octets("user")));
      expect(bench.judge({ verdict: "reject", message: "no", eap })).toEqual([
        { type: "send", packet: result(4, identifier) },
        { type: "failed", reason: "rejected", message: "no" },
      ]);
    }
  });

  test("drops what does not answer the request that is outstanding", () => {
    const { bench, identifier } = asking();
    expect(dropped(bench.handle(response(identifier + 1, eapType.identity)))).toEqual(["eap-identifier"]);
    expect(dropped(bench.handle(response(identifier, eapType.nak, hex("04"))))).toEqual(["eap-type"]);
    expect(dropped(bench.handle(request(identifier, eapType.identity)))).toEqual(["eap-malformed"]);
    bench.handle(response(identifier, eapType.identity, octets("user")));
    expect(dropped(bench.handle(response(identifier, eapType.identity, octets("root"))))).toEqual([
      "eap-while-judging",
    ]);
    bench.judge({ verdict: "challenge", eap: request(9, eapType.md5, hex("01aa")) });
    expect(dropped(bench.handle(response(9, eapType.mschapv2)))).toEqual(["eap-type"]);
    expect(events(bench.handle(response(9, eapType.nak, hex("1a"))))).toMatchObject([{ type: "authenticate" }]);
  });

  test("a judge that asks for ever, or asks nonsense, is a refusal", () => {
    const { bench, identifier } = asking();
    bench.handle(response(identifier, eapType.identity, octets("user")));
    let rounds = 0;
    for (; rounds < 1000; rounds++) {
      const next = rounds & 0xff;
      if (events(bench.judge({ verdict: "challenge", eap: request(next, 13) })).length > 0) break;
      bench.handle(response(next, 13));
    }
    expect(rounds).toBe(99);

    const other = asking();
    other.bench.handle(response(other.identifier, eapType.identity));
    expect(events(other.bench.judge({ verdict: "challenge", eap: hex("0102") }))).toMatchObject([{ type: "failed" }]);
  });

  test("the identity is not ours, if we authenticate too", () => {
    const bench = authenticator("eap", client("here", "secret"));
    const identifier = sent(bench.take())[0]![1]!;
    expect(events(bench.handle(response(identifier, eapType.identity, octets("here"))))).toMatchObject([
      { type: "failed", reason: "rejected" },
    ]);
  });
});

describe("the authenticatee", () => {
  test("tells its identity; takes notifications; asks for methods that it has", () => {
    const peer = authenticatee("eap");
    expect(peer.take()).toEqual([]);
    expect(sent(peer.handle(request(1, eapType.identity)))).toEqual([response(1, eapType.identity, octets("user"))]);
    expect(sent(peer.handle(request(2, eapType.notification, octets("hello"))))).toEqual([
      response(2, eapType.notification),
    ]);
    for (const type of [13, eapType.expanded]) {
      expect(sent(peer.handle(request(3, type, hex("20"))))).toEqual([response(3, eapType.nak, hex("1a04"))]);
    }
  });

  test("answers an MD5-Challenge as CHAP does", () => {
    const peer = authenticatee("eap");
    const value = "00112233445566778899aabbccddeeff";
    expect(sent(peer.handle(request(1, eapType.md5, hex(`10${value}6c6e73`))))).toEqual([
      response(1, eapType.md5, hex("10204bb003332f6932b63b47c2c4e1a54775736572")),
    ]);
    expect(peer.handle(result(3, 1))).toEqual([{ type: "succeeded", name: "lns" }]);
  });

  test("a request that comes again gets the same response again", () => {
    const peer = authenticatee("eap");
    const challenge = request(1, eapType.mschapv2, hex(`01010019 10 ${"ab".repeat(16)} 6c6e7373`));
    const [first] = sent(peer.handle(challenge));
    expect(first).toHaveLength(5 + 5 + 49 + 4);
    expect(sent(peer.handle(challenge))).toEqual([first]);
  });

  test("a Success that comes too early, or to another response, is not believed", () => {
    const peer = authenticatee("eap");
    expect(dropped(peer.handle(result(3, 1)))).toEqual(["eap-identifier"]);
    peer.handle(request(1, eapType.identity));
    expect(dropped(peer.handle(result(3, 1)))).toEqual(["eap-early"]);
    peer.handle(request(2, eapType.mschapv2, hex(`01020019 10 ${"ab".repeat(16)} 6c6e7373`)));
    expect(dropped(peer.handle(result(3, 2)))).toEqual(["eap-early"]);
    expect(dropped(peer.handle(result(4, 7)))).toEqual(["eap-identifier"]);
    expect(peer.handle(result(4, 2))).toEqual([{ type: "failed", reason: "rejected", message: undefined }]);
  });

  test("a server that does not know the password is refused", () => {
    const peer = authenticatee("eap");
    peer.handle(request(2, eapType.mschapv2, hex(`01020019 10 ${"ab".repeat(16)} 6c6e7373`)));
    const claim = octets(`S=${"0".repeat(40)}`);
    const outputs = peer.handle(request(3, eapType.mschapv2, Uint8Array.of(3, 2, 0, 4 + claim.length, ...claim)));
    expect(sent(outputs)).toEqual([response(3, eapType.mschapv2, hex("04"))]);
    expect(events(outputs)).toMatchObject([{ type: "failed", reason: "rejected" }]);
  });

  test("a Success that was lost is taken for given after a while (RFC 3748 §4.2); a Failure still counts", () => {
    const peer = authenticatee("eap");
    peer.handle(request(1, eapType.md5, hex("01aa")));
    expect(peer.pass(5999)).toEqual([]);
    expect(peer.pass(1)).toEqual([{ type: "succeeded", name: "" }]);
    expect(peer.handle(result(3, 1))).toEqual([]);
    expect(peer.handle(result(4, 1))).toMatchObject([{ type: "failed" }]);
  });
});

describe("the server", () => {
  const identity = { method: "eap", name: "user", packet: response(1, eapType.identity, octets("user")) } as const;
  const serverSettings: EapServerSettings = { methods: ["mschapv2", "md5"], name: "server", random: seededBytes(1) };
  const credentials = (packet: Uint8Array) => ({ method: "eap", name: "user", packet }) as const;

  test("offers the next method that the peer wants, each once", () => {
    const first = beginEap(identity, serverSettings);
    expect(first.conversation).toMatchObject({ identifier: 2, step: { method: "mschapv2" } });
    const nak = (identifier: number) => credentials(response(identifier, eapType.nak, hex("0d041a")));
    const second = continueEap(first.conversation!, nak(2), octets("secret"), serverSettings);
    expect(second.conversation).toMatchObject({ identifier: 3, step: { method: "md5" } });
    const third = continueEap(second.conversation!, nak(3), octets("secret"), serverSettings);
    expect(third).toEqual({ judgement: { verdict: "reject", eap: result(4, 3) }, conversation: undefined });
  });

  test.each([
    ["a response to another request", response(3, eapType.mschapv2)],
    ["another method", response(2, eapType.md5, hex("01aa"))],
    ["nonsense in the method", response(2, eapType.mschapv2, hex("0201"))],
    ["a confirmation of nothing", response(2, eapType.mschapv2, hex("03"))],
    ["a response that is too short", response(2, eapType.mschapv2, hex("02020007 01 aa 61"))],
    ["no EAP at all", hex("")],
  ])("%s is no proof", (_, packet) => {
    const { conversation } = beginEap(identity, serverSettings);
    const step = continueEap(conversation!, credentials(packet), octets("secret"), serverSettings);
    if (step.conversation === undefined) expect(step.judgement.verdict).toBe("reject");
    else expect(step.conversation.step).toEqual({ awaits: "confirmation", accepted: false });
  });

  test("a confirmation of another request is none", () => {
    const accepted: EapConversation = { identifier: 5, refused: [], step: { awaits: "confirmation", accepted: true } };
    const verdict = (identifier: number) =>
      continueEap(accepted, credentials(response(identifier, eapType.mschapv2, hex("03"))), undefined, serverSettings)
        .judgement.verdict;
    expect([verdict(5), verdict(6)]).toEqual(["accept", "reject"]);
  });

  test("a confirmation does not turn a refusal", () => {
    const refused: EapConversation = { identifier: 5, refused: [], step: { awaits: "confirmation", accepted: false } };
    const confirmation = credentials(response(5, eapType.mschapv2, hex("03")));
    expect(continueEap(refused, confirmation, octets("secret"), serverSettings).judgement.verdict).toBe("reject");
  });
});

describe.each<[string, readonly EapMethod[]]>([
  ["MS-CHAPv2", ["mschapv2"]],
  ["MD5", ["md5"]],
])("%s from end to end", (_, methods) => {
  test.each([
    ["user", "secret", "succeeded"],
    ["user", "wrong", "failed"],
    ["nobody", "secret", "failed"],
  ])("%s with %s: %s", (name, password, type) => {
    const { here, there } = converse(
      authenticator("eap"),
      authenticatee("eap", client(name, password)),
      server(methods),
    );
    expect(events(here).at(-1)).toMatchObject(
      type === "succeeded" ? { type, name: "user" } : { type, reason: "rejected" },
    );
    expect(events(there).at(0)).toMatchObject(type === "succeeded" ? { type, name: "server" } : { type });
  });

  test.each(seeds(12))("both agree over a line that loses packets (seed %i)", (seed) => {
    for (const [password, type] of [
      ["secret", "succeeded"],
      ["wrong", "failed"],
    ] as const) {
      const here = authenticator("eap", settings(), { seed });
      const peer = authenticatee("eap", client("user", password), { seed: seed + 1 });
      const outcome = converse(here, peer, server(methods), { loss: 0.15, seed });
      const types = events(outcome.here).map((output) => output.type);
      expect(types.filter((each) => each !== "authenticate")).toEqual([type]);
      // A Failure that is lost is not sent again: the end of the link says it (RFC 3748 §4.2).
      if (type === "succeeded") expect(events(outcome.there).map((output) => output.type)).toEqual([type]);
      expect(outcome.packets).toBeLessThanOrEqual(60);
    }
  });
});
