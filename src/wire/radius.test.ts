import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isMalformed } from "./malformed.js";
import { type Attribute, encodeRadius, longestAttribute, parseRadius, radiusCode, valueAt } from "./radius.js";
import { attributesOf } from "./radius-values.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const text = (value: string): Uint8Array => Uint8Array.from(Buffer.from(value));

const header = (length: number) => `01 00 ${length.toString(16).padStart(4, "0")} ${"00".repeat(16)}`;

describe("the examples of RFC 2865 §7", () => {
  test("§7.1, a request that is hidden and one that accepts it", () => {
    const request = {
      code: radiusCode.accessRequest,
      identifier: 0,
      authenticator: hex("0f403f9473978057bd83d5cb98f4227a"),
      attributes: [
        { vendor: 0, type: 1, value: text("nemo") },
        { vendor: 0, type: 2, value: hex("0dbe708d93d413ce3196e43f782a0aee") },
        { vendor: 0, type: 4, value: hex("c0a80110") },
        { vendor: 0, type: 5, value: hex("00000003") },
      ],
    };
    const bytes = hex(`
      01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a 01 06 6e 65 6d 6f 02 12 0d be 70 8d 93 d4 13 ce
      31 96 e4 3f 78 2a 0a ee 04 06 c0 a8 01 10 05 06 00 00 00 03`);
    expect(encodeRadius(request)).toEqual(bytes);
    expect(parseRadius(bytes)).toEqual(request);
  });

  test("§7.2, CHAP", () => {
    const bytes = hex(`
      01 01 00 47 2a ee 86 f0 8d 0d 55 96 9c a5 97 8e 0d 33 67 a2 01 08 66 6c 6f 70 73 79 03 13 16 e9 75 57 c3 16
      18 58 95 f2 93 ff 63 44 07 72 75 04 06 c0 a8 01 10 05 06 00 00 00 14 06 06 00 00 00 02 07 06 00 00 00 01`);
    const attributes = attributesOf({
      "User-Name": "flopsy",
      "CHAP-Password": hex("16e97557c316185895f293ff634407 7275"),
      "NAS-IP-Address": "192.168.1.16",
      "NAS-Port": 20,
      "Service-Type": 2,
      "Framed-Protocol": 1,
    });
    const authenticator = hex("2aee86f08d0d55969ca5978e0d3367a2");
    expect(encodeRadius({ code: 1, identifier: 1, authenticator, attributes })).toEqual(bytes);
    expect(parseRadius(bytes)).toMatchObject({ attributes });
  });
});

describe("vendors", () => {
  test("several sub-attributes in one Vendor-Specific come out one by one", () => {
    const packet = parseRadius(hex(`${header(36)} 1a 10 00 00 01 37 1c 06 c0 00 02 01 1d 04 aa bb`));
    expect(packet).toMatchObject({
      attributes: [
        { vendor: 311, type: 28, value: hex("c0000201") },
        { vendor: 311, type: 29, value: hex("aabb") },
      ],
    });
  });

  test.each([
    ["no sub-attribute", "1a 06 00 00 01 37"],
    ["a sub-attribute beyond it", "1a 08 00 00 01 37 01 03"],
    ["a sub-attribute without a type", "1a 08 00 00 01 37 01 01"],
    ["a rest of one octet", "1a 0b 00 00 01 37 01 04 aa bb cc"],
    ["vendor 0", "1a 08 00 00 00 00 01 02"],
    ["no vendor", "1a 03 00"],
  ])("a Vendor-Specific with %s stays whole, and the packet good", (_, attribute) => {
    const bytes = hex(attribute);
    const packet = parseRadius(hex(`${header(20 + bytes.length)} ${attribute}`));
    expect(packet).toMatchObject({ attributes: [{ vendor: 0, type: 26, value: bytes.subarray(2) }] });
  });
});

describe("lengths (RFC 2865 §3)", () => {
  test.each([
    ["truncated header", "01 00 00 14 00"],
    ["length", header(19)],
    ["length", `01 00 10 01 ${"00".repeat(4093)}`],
    ["length beyond datagram", header(21)],
    ["truncated attribute", `${header(21)} 01`],
    ["attribute length", `${header(22)} 01 01`],
    ["attribute length", `${header(22)} 01 00`],
    ["attribute beyond packet", `${header(22)} 01 03`],
  ])("%s is refused", (reason, bytes) => {
    expect(parseRadius(hex(bytes))).toMatchObject({ malformed: "radius", reason });
  });

  test("octets after Length are padding", () => {
    expect(parseRadius(hex(`${header(23)} 01 03 61 ff ff`))).toMatchObject({
      attributes: [{ vendor: 0, type: 1, value: text("a") }],
    });
  });

  test("what does not fit is not encoded", () => {
    const packet = (attributes: readonly Attribute[]) => ({
      code: 1,
      identifier: 0,
      authenticator: new Uint8Array(16),
      attributes,
    });
    const long = { vendor: 0, type: 25, value: new Uint8Array(253) };
    expect(encodeRadius(packet([{ ...long, value: new Uint8Array(254) }]))).toMatchObject({ reason: "value too long" });
    expect(encodeRadius(packet([{ ...long, vendor: 9 }]))).toMatchObject({ reason: "value too long" });
    expect(isMalformed(encodeRadius(packet(Array(15).fill(long))))).toBe(false);
    expect(encodeRadius(packet([...Array(15).fill(long), { ...long, value: new Uint8Array(250) }]))).toMatchObject({
      reason: "packet too long",
    });
  });
});

const attribute = fc
  .record({ vendor: fc.constantFrom(0, 0, 9, 311, 14122, 0xffff_ffff), type: fc.integer({ min: 1, max: 255 }) })
  .filter(({ vendor, type }) => vendor !== 0 || type !== 26)
  .chain(({ vendor, type }) =>
    fc.record({
      vendor: fc.constant(vendor),
      type: fc.constant(type),
      value: fc.uint8Array({ maxLength: longestAttribute(vendor) }),
    }),
  );
const packets = fc.record({
  code: fc.nat(255),
  identifier: fc.nat(255),
  authenticator: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  attributes: fc.array(attribute, { maxLength: 15 }),
});

test("encode and parse are inverse", () => {
  fc.assert(
    fc.property(packets, (packet) => {
      const bytes = encodeRadius(packet);
      fc.pre(!("malformed" in bytes));
      expect(parseRadius(bytes as Uint8Array)).toEqual(packet);
    }),
  );
});

test("whatever bytes come, parsing stays within them", () => {
  const noise = fc.tuple(packets, fc.array(fc.tuple(fc.nat(4095), fc.nat(255)), { maxLength: 6 }), fc.nat(40));
  fc.assert(
    fc.property(noise, ([packet, changes, cut]) => {
      const encoded = encodeRadius(packet);
      const bytes = "malformed" in encoded ? new Uint8Array(30) : encoded;
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const whole = new Uint8Array(bytes.length + 300).fill(0xee);
      whole.set(bytes, 100);
      const seen = whole.subarray(100, 100 + Math.max(0, bytes.length - cut));
      const parsed = parseRadius(seen);
      for (const type of [1, 26, 80]) {
        const at = valueAt(seen, seen.length, type);
        if (at !== undefined) expect(at + seen[at - 1]! - 2).toBeLessThanOrEqual(seen.length);
      }
      if (isMalformed(parsed)) return;
      const used = parsed.attributes.reduce((sum, { value }) => sum + value.length, 0);
      expect(used).toBeLessThanOrEqual(seen.length - 20);
    }),
    { numRuns: 2000 },
  );
});
