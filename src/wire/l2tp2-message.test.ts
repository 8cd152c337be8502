import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AvpName, type AvpValues, avpNames, avpTable } from "./l2tp2-avp.js";
import { encodeMessage, encodeZlb, type Hiding } from "./l2tp2-encode.js";
import { type MessageName, messageNames, messageTable } from "./l2tp2-message.js";
import { type Message, parseMessage } from "./l2tp2-parse.js";
import { describeResult } from "./l2tp2-result.js";
import { isMalformed } from "./malformed.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function parsed(message: Uint8Array, secret?: Uint8Array): Message {
  const result = parseMessage(message, message.length, secret);
  if (isMalformed(result)) throw new Error(result.reason);
  return result;
}

describe("fixtures written by hand from the RFC", () => {
  const sccrq = hex(`
    c802 0049 0000 0000 0000 0000
    8008 0000 0000 0001
    8008 0000 0002 0100
    8009 0000 0007 6c6163
    800a 0000 0003 00000003
    8008 0000 0009 1234
    8008 0000 000a 0010
    000a 0000 0008 6a756e63
  `);
  const values = {
    protocolVersion: { version: 1, revision: 0 },
    hostName: "lac",
    framingCapabilities: 3,
    assignedTunnelId: 0x1234,
    receiveWindowSize: 16,
    vendorName: "junc",
  };

  test("SCCRQ", () => {
    expect(encodeMessage("SCCRQ", 0, 0, values)).toEqual(sccrq);
    expect(parsed(sccrq)).toEqual({
      type: 1,
      name: "SCCRQ",
      mandatory: true,
      avps: { messageType: 1, ...values },
      sealed: "no",
      fault: undefined,
    });
  });

  test("CDN with error, text and cause", () => {
    const cdn = hex(`
      c802 0039 0007 0009 0000 0000
      8008 0000 0000 000e
      800c 0000 0001 0002 0006 6e6f
      8008 0000 000e 000b
      8011 0000 000c 0010 45 6e6f726d616c 2121
    `);
    const avps = {
      resultCode: { result: 2, error: 6, message: "no" },
      assignedSessionId: 11,
      q931CauseCode: { code: 16, message: 0x45, advisory: "normal!!" },
    };
    expect(encodeMessage("CDN", 7, 9, avps)).toEqual(cdn);
    expect(parsed(cdn).avps).toEqual({ messageType: 14, ...avps });
  });

  test("WEN and SLI have two reserved octets before their numbers", () => {
    const wen = hex(`c802 0034 0001 0002 0000 0000 8008 0000 0000 000f
      8020 0000 0022 0000 00000001 00000002 00000003 00000004 00000005 00000006`);
    const callErrors = {
      crcErrors: 1,
      framingErrors: 2,
      hardwareOverruns: 3,
      bufferOverruns: 4,
      timeoutErrors: 5,
      alignmentErrors: 6,
    };
    expect(encodeMessage("WEN", 1, 2, { callErrors })).toEqual(wen);
    expect(parsed(wen).avps.callErrors).toEqual(callErrors);
    const sli = hex("c802 0024 0001 0002 0000 0000 8008 0000 0000 0010 8010 0000 0023 0000 ffffffff 000a0000");
    expect(encodeMessage("SLI", 1, 2, { accm: { send: 0xffffffff, receive: 0xa0000 } })).toEqual(sli);
    expect(parsed(sli).fault).toBeUndefined();
  });

  test("a zero-length body is the header alone", () => {
    expect(encodeZlb(5, 6, 7)).toEqual(hex("c802 000c 0005 0000 0006 0007"));
  });

  test("a hidden AVP", () => {
    // MD5(00 09 "secret" "vector") begins with the pad; computed with md5sum.
    const message = encodeMessage(
      "StopCCN",
      1,
      0,
      { assignedTunnelId: 0x1234, resultCode: { result: 1 } },
      {
        secret: bytes("secret"),
        vectors: [bytes("vector")],
      },
    );
    const pad = hex("68ba39bc");
    const hidden = [0x00, 0x02, 0x12, 0x34].map((octet, i) => octet ^ pad[i]!);
    expect(message).toEqual(
      Uint8Array.from([
        ...hex("c802 0032 0001 0000 0000 0000 8008 0000 0000 0004 800c 0000 0024"),
        ...bytes("vector"),
        ...hex("c00a 0000 0009"),
        ...hidden,
        ...hex("8008 0000 0001 0001"),
      ]),
    );
  });
});

test("padding of hidden values is random where random octets are given (§4.3)", () => {
  const hide = (padding?: Uint8Array): Uint8Array =>
    encodeMessage(
      "ICRP",
      1,
      2,
      { assignedSessionId: 3 },
      { secret: bytes("s"), vectors: [bytes("v")], padTo: 16, padding },
    ).slice();
  const padding = Uint8Array.from({ length: 15 }, (_, i) => i + 1);
  const [zeros, random] = [hide(), hide(padding)];
  expect(zeros.length).toBe(random.length);
  expect(random.slice(-12).map((octet, i) => octet ^ zeros.at(i - 12)!)).toEqual(padding.slice(0, 12));
  expect(parsed(random, bytes("s")).avps.assignedSessionId).toBe(3);
});

const anyText = fc.string({ maxLength: 30, unit: "grapheme" });
const u16 = fc.nat(0xffff);
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const octets = fc.uint8Array({ maxLength: 60 });

const samples: Partial<Record<AvpName, fc.Arbitrary<unknown>>> = {
  resultCode: fc.oneof(
    fc.record({ result: u16 }),
    fc.record({ result: u16, error: u16 }),
    fc.record({ result: u16, error: u16, message: anyText.filter((text) => text !== "") }),
  ),
  protocolVersion: fc.record({ version: fc.nat(255), revision: fc.nat(255) }),
  tieBreaker: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  challengeResponse: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  q931CauseCode: fc.oneof(
    fc.record({ code: u16, message: fc.nat(255) }),
    fc.record({ code: u16, message: fc.nat(255), advisory: anyText.filter((text) => text !== "") }),
  ),
  proxyAuthenId: fc.nat(255),
  callErrors: fc.record({
    crcErrors: u32,
    framingErrors: u32,
    hardwareOverruns: u32,
    bufferOverruns: u32,
    timeoutErrors: u32,
    alignmentErrors: u32,
  }),
  accm: fc.record({ send: u32, receive: u32 }),
  sequencingRequired: fc.constant(true),
};
const ofCodec = new Map<unknown, fc.Arbitrary<unknown>>([
  [avpTable.assignedTunnelId.codec, u16],
  [avpTable.txConnectSpeed.codec, u32],
  [avpTable.challenge.codec, octets],
  [avpTable.hostName.codec, anyText],
]);
const sampleOf = (name: AvpName): fc.Arbitrary<unknown> => samples[name] ?? ofCodec.get(avpTable[name].codec)!;

const raw = fc.array(
  fc.record({ vendor: fc.integer({ min: 5000, max: 0xffff }), type: u16, mandatory: fc.boolean(), value: octets }),
  { minLength: 1, maxLength: 3 },
);

const anyMessage = fc.constantFrom(...messageNames).chain((name) => {
  const { required, optional } = messageTable[name];
  return fc.record({
    name: fc.constant(name),
    avps: fc.record(Object.fromEntries([...required, ...optional].map((avp) => [avp, sampleOf(avp)])), {
      requiredKeys: [...required],
    }),
    raw: fc.option(raw, { nil: undefined }),
  });
});

const avpsOf = (m: { avps: object; raw: AvpValues["raw"] }): AvpValues => ({ ...m.avps, ...(m.raw && { raw: m.raw }) });

const anyHiding: fc.Arbitrary<Hiding> = fc.record({
  secret: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  vectors: fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 3 }),
  padTo: fc.constantFrom(1, 8, 64),
});

describe("properties", () => {
  test("every AVP has a sample and is in at most one row", () => {
    for (const name of avpNames) expect(sampleOf(name), name).toBeDefined();
    const keys = avpNames.map((name) => `${avpTable[name].vendor}/${avpTable[name].type}`);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("encode and parse are inverse", () => {
    fc.assert(
      fc.property(anyMessage, u16, u16, (message, tunnelId, sessionId) => {
        const avps = avpsOf(message);
        const again = parsed(encodeMessage(message.name, tunnelId, sessionId, avps)).avps;
        expect(again).toEqual({ messageType: messageTable[message.name].type, ...avps });
      }),
    );
  });

  test("hiding and unhiding are inverse, with any number of vectors and any padding", () => {
    fc.assert(
      fc.property(anyMessage, anyHiding, (message, hiding) => {
        const avps = avpsOf(message);
        const encoded = encodeMessage(message.name, 1, 2, avps, hiding);
        const { randomVector, ...again } = parsed(encoded, hiding.secret).avps;
        expect(again).toEqual({ messageType: messageTable[message.name].type, ...avps });
      }),
    );
  });

  test("random and mutated messages give a value, and read nothing beyond their end", () => {
    const mutation = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(anyMessage, fc.option(anyHiding, { nil: undefined }), mutation, (message, hiding, mutations) => {
        const encoded = encodeMessage(message.name, 1, 2, avpsOf(message), hiding).slice();
        for (const [at, octet] of mutations) encoded[at % encoded.length] = octet;
        const alone = parseMessage(encoded, encoded.length, hiding?.secret);
        const within = new Uint8Array(encoded.length + 2000).fill(0x41);
        within.set(encoded);
        expect(parseMessage(within, encoded.length, hiding?.secret)).toEqual(alone);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (noise) => {
        parseMessage(noise, noise.length);
      }),
    );
  });
});

describe("what a receiver may and may not overlook", () => {
  const icrq: MessageName = "ICRQ";
  const given = { assignedSessionId: 4, callSerialNumber: 5 };

  test("an unknown AVP without the M bit is kept; with it, it is a fault", () => {
    const odd = { vendor: 9, type: 1, value: bytes("x") };
    const optional = parsed(encodeMessage(icrq, 1, 0, { ...given, raw: [{ ...odd, mandatory: false }] }));
    expect(optional.fault).toBeUndefined();
    expect(optional.avps.raw).toEqual([{ ...odd, mandatory: false }]);
    const mandatory = parsed(encodeMessage(icrq, 1, 0, { ...given, raw: [{ ...odd, mandatory: true }] }));
    expect(mandatory.fault).toEqual({ error: 8, message: "AVP 9/1 unknown" });
  });

  test("a peer may leave the M bit of an AVP that we know unset", () => {
    const message = encodeMessage(icrq, 1, 0, given).slice();
    message[20] = message[20]! & 0x7f;
    expect(parsed(message).fault).toBeUndefined();
  });

  test("an AVP with a reserved bit is one that we do not know, whatever its type (§4.1)", () => {
    const message = encodeMessage("ICCN", 1, 2, { txConnectSpeed: 1, framingType: 1, rxConnectSpeed: 2 }).slice();
    const rxConnectSpeedAt = message.length - 10;
    message[rxConnectSpeedAt] = 0x04;
    expect(parsed(message).fault).toBeUndefined();
    expect(parsed(message).avps).toEqual({ messageType: 12, txConnectSpeed: 1, framingType: 1 });
    message[rxConnectSpeedAt] = 0x84;
    expect(parsed(message).fault).toEqual({ error: 8, message: "AVP 0/38 has reserved bits" });
    message[12] = message[12]! | 0x20;
    expect(isMalformed(parseMessage(message, message.length))).toBe(true);
  });

  test("a missing AVP", () => {
    expect(parsed(encodeMessage(icrq, 1, 0, { assignedSessionId: 4 })).fault?.message).toBe(
      "ICRQ without callSerialNumber",
    );
  });

  test("an AVP beyond the message", () => {
    const message = encodeMessage(icrq, 1, 0, given).slice();
    message[29] = 0xff;
    expect(parsed(message).fault).toEqual({ error: 2, message: "AVP length beyond message" });
  });

  test("hidden AVPs without a secret are sealed, with the wrong one a fault", () => {
    const hiding = { secret: bytes("right"), vectors: [bytes("0123456789abcdef")] };
    const message = encodeMessage(icrq, 1, 0, given, hiding);
    expect(parsed(message)).toMatchObject({ sealed: "mandatory", fault: undefined });
    expect(parsed(message, bytes("wrong")).fault).toBeDefined();
  });

  test("values do not alias the message, even if that is a Buffer that the driver uses again", () => {
    const raw = [{ vendor: 9, type: 1, mandatory: false, value: bytes("x") }];
    const message = Buffer.from(encodeMessage("SCCRQ", 0, 0, { challenge: bytes("abc"), raw }));
    const { avps } = parsed(message);
    message.fill(0);
    expect(avps.challenge).toStrictEqual(bytes("abc"));
    expect(avps.raw).toStrictEqual(raw);
  });

  test("text that is not UTF-8 crosses a switch unaltered", () => {
    const message = encodeMessage(icrq, 1, 0, { ...given, calledNumber: "\u00e9x" }).slice();
    const odd = message.slice();
    odd[odd.length - 2] = 0xff;
    for (const each of [message, odd]) expect(encodeMessage(icrq, 1, 0, parsed(each).avps)).toEqual(each);
    expect(parsed(message).avps.calledNumber).toBe("\u00e9x");
  });
});

test("results in words", () => {
  expect(describeResult("CDN", { result: 2, error: 4, message: "full" })).toBe(
    "2/4 general error, insufficient resources to handle this operation now: full",
  );
  expect(describeResult("StopCCN", { result: 6 })).toBe("6 requester is being shut down");
});
