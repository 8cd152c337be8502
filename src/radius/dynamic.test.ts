import { describe, expect, test } from "vitest";
import { type Attribute, encodeRadius, parseRadius, radiusCode } from "../wire/radius.js";
import { doubtAnswer, messageAuthenticatorPlace, signRequest } from "../wire/radius-authenticator.js";
import { allOf, attributesOf, firstOf, type NamedValues } from "../wire/radius-values.js";
import { createDynamicServer, type DynamicOptions } from "./dynamic.js";
import { errorCause } from "./error-cause.js";
import type { DynamicOutput } from "./types.js";

const secret = Uint8Array.from(Buffer.from("shared"));
const remote = "192.0.2.5:40000";
const epoch = 1_800_000_000_000;

interface Asked {
  readonly code?: number;
  readonly identifier?: number;
  readonly values?: NamedValues;
  readonly extra?: readonly Attribute[];
  readonly key?: Uint8Array;
}

const encode = ({
  code = radiusCode.coaRequest,
  identifier = 1,
  values = {},
  extra = [],
  key = secret,
}: Asked = {}) => {
  const attributes = [...extra, ...attributesOf({ "Acct-Session-Id": "s", ...values })];
  const bytes = encodeRadius({ code, identifier, authenticator: new Uint8Array(16), attributes });
  if ("malformed" in bytes) throw new Error(bytes.reason);
  signRequest(bytes, key);
  return bytes;
};

function scene(options: DynamicOptions = {}) {
  const server = createDynamicServer(options);
  server.configure([
    { address: "192.0.2.0/24", secret },
    { address: "2001:db8::/32", secret },
    { address: "192.0.2.66", secret: secret.subarray(1) },
  ]);
  return {
    server,
    ask(bytes: Uint8Array, { from = remote, now = epoch } = {}): readonly DynamicOutput[] {
      server.handle({ remote: from, bytes }, now);
      return server.take();
    },
    answer(id: number, errorCauseOf?: number): Uint8Array {
      server.answer(id, errorCauseOf === undefined ? { ok: true } : { ok: false, errorCause: errorCauseOf }, epoch);
      const [output] = server.take();
      if (output?.type !== "send") throw new Error("no answer");
      return output.bytes;
    },
  };
}

const idOf = ([output]: readonly DynamicOutput[]): number => {
  if (output?.type !== "request") throw new Error("no request");
  return output.id;
};

describe("an authentic request", () => {
  test.each([
    ["coa", radiusCode.coaRequest, radiusCode.coaAck, radiusCode.coaNak],
    ["disconnect", radiusCode.disconnectRequest, radiusCode.disconnectAck, radiusCode.disconnectNak],
  ] as const)("%s is asked about, and answered", (kind, code, ack, nak) => {
    const { ask, answer } = scene();
    const request = encode({ code, values: { "Proxy-State": [Uint8Array.of(1), Uint8Array.of(2)] } });
    const outputs = ask(request);
    expect(outputs).toMatchObject([{ type: "request", request: { kind, client: remote } }]);
    const bytes = answer(idOf(outputs));
    expect(doubtAnswer(bytes, request.subarray(4, 20), secret, true)).toBeUndefined();
    const packet = parseRadius(bytes);
    if ("malformed" in packet) throw new Error(packet.reason);
    expect(packet).toMatchObject({ code: ack, identifier: 1 });
    expect(packet.attributes[0]?.type).toBe(80);
    expect(allOf(packet.attributes, "Proxy-State")).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);

    const second = ask(encode({ code, identifier: 2 }));
    const refusal = parseRadius(answer(idOf(second), errorCause.sessionContextNotFound));
    if ("malformed" in refusal) throw new Error(refusal.reason);
    expect(refusal.code).toBe(nak);
    expect(firstOf(refusal.attributes, "Error-Cause")).toBe(503);
  });

  test("has its answer even if its Proxy-State leaves no room in it", () => {
    const { ask, answer } = scene();
    const bytes = encode({ values: { "Proxy-State": Array(16).fill(new Uint8Array(252)) } });
    expect(bytes.length).toBeGreaterThan(4070);
    expect(answer(idOf(ask(bytes)), 503).length).toBe(20 + 18 + 6);
  });

  test("of a client with a narrower prefix needs that one's secret", () => {
    const { ask, server } = scene();
    expect(ask(encode(), { from: "192.0.2.66:1" })).toEqual([]);
    expect(server.drops()).toEqual({ authenticator: 1 });
    expect(ask(encode({ key: secret.subarray(1) }), { from: "192.0.2.66:1" })).toHaveLength(1);
    expect(ask(encode(), { from: "[2001:db8::9]:77" })).toHaveLength(1);
  });

  test("Authorize Only is not supported (RFC 5176 §3.2)", () => {
    const { ask } = scene();
    const [output] = ask(encode({ values: { "Service-Type": 17 } }));
    if (output?.type !== "send") throw new Error("no answer");
    const packet = parseRadius(output.bytes);
    expect("attributes" in packet && firstOf(packet.attributes, "Error-Cause")).toBe(405);
  });
});

describe("duplicates (RFC 5080 §2.2.2)", () => {
  test("are not asked about again, and get the same answer", () => {
    const { ask, answer, server } = scene();
    const outputs = ask(encode());
    expect(ask(encode())).toEqual([]);
    const bytes = answer(idOf(outputs));
    expect(ask(encode())).toEqual([{ type: "send", remote, bytes }]);
    expect(server.drops()).toEqual({ duplicate: 2 });
  });

  test("are another's, or another request, when sender, identifier or content differ", () => {
    const { ask } = scene();
    idOf(ask(encode()));
    idOf(ask(encode(), { from: "192.0.2.5:40001" }));
    idOf(ask(encode({ identifier: 2 })));
    idOf(ask(encode({ values: { "Session-Timeout": 5 } })));
  });

  test("are forgotten after a while; what has no answer by then gets none", () => {
    const { ask, server } = scene();
    const id = idOf(ask(encode()));
    expect(server.deadline()).toBe(epoch + 30_000);
    server.expire(epoch + 30_000);
    expect(server.deadline()).toBeUndefined();
    server.answer(id, { ok: true }, epoch + 30_001);
    expect(server.take()).toEqual([]);
    expect(server.drops()).toEqual({ "answered too late": 1 });
    idOf(ask(encode(), { now: epoch + 30_002 }));
  });

  test("are kept in a bounded number", () => {
    const { ask, answer } = scene({ mostKept: 3 });
    for (let identifier = 1; identifier <= 4; identifier++) answer(idOf(ask(encode({ identifier }))));
    expect(ask(encode({ identifier: 2 }))).toMatchObject([{ type: "send" }]);
    expect(ask(encode({ identifier: 1 }))).toMatchObject([{ type: "request" }]);
  });
});

describe("what is not answered", () => {
  test.each<[string, Uint8Array, { from?: string }]>([
    ["malformed", encode().subarray(0, 19), {}],
    ["client", encode(), { from: "198.51.100.1:5" }],
    ["client", encode(), { from: "[2001:db9::1]:5" }],
    ["code", encode({ code: radiusCode.accountingRequest }), {}],
    ["authenticator", encode({ key: secret.subarray(2) }), {}],
    ["message-authenticator", encode({ extra: [{ vendor: 0, type: 80, value: new Uint8Array(15) }] }), {}],
    ["event-timestamp", encode({ values: { "Event-Timestamp": epoch / 1000 - 301 } }), {}],
    ["event-timestamp", encode({ values: { "Event-Timestamp": epoch / 1000 + 301 } }), {}],
  ])("%s", (reason, bytes, from) => {
    const { ask, server } = scene();
    expect(ask(bytes, from)).toEqual([]);
    expect(server.drops()).toEqual({ [reason]: 1 });
  });

  test("no Message-Authenticator, where it is required", () => {
    const { ask, server } = scene({ requireMessageAuthenticator: true });
    expect(ask(encode())).toEqual([]);
    expect(server.drops()).toEqual({ "message-authenticator-missing": 1 });
    idOf(ask(encode({ extra: [messageAuthenticatorPlace] })));
  });
});

test("more than can be pending are refused", () => {
  const { ask, answer } = scene({ mostPending: 2 });
  const ids = [1, 2].map((identifier) => idOf(ask(encode({ identifier }))));
  const [output] = ask(encode({ identifier: 3 }));
  const packet = output?.type === "send" ? parseRadius(output.bytes) : undefined;
  expect(packet && "attributes" in packet && firstOf(packet.attributes, "Error-Cause")).toBe(506);
  answer(ids[0]!);
  idOf(ask(encode({ identifier: 4 })));
});
