import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AttributeName, attributeName, radiusAttributes } from "./radius-attributes.js";
import { allOf, attributesOf, firstOf, type NamedValues } from "./radius-values.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

test("no two names have the same number", () => {
  const names = Object.keys(radiusAttributes) as AttributeName[];
  expect(names.filter((name) => attributeName(radiusAttributes[name]) !== name)).toEqual([]);
});

const examples: readonly (readonly [NamedValues, string])[] = [
  [{ "User-Name": "bøb" }, "62c3b862"],
  [{ Class: hex("00ff") }, "00ff"],
  [{ "Session-Timeout": 0xffff_ffff }, "ffffffff"],
  [{ "Framed-IP-Address": "192.0.2.1" }, "c0000201"],
  [{ "DNS-Server-IPv6-Address": "2001:db8::53" }, "20010db8000000000000000000000053"],
  [{ "Framed-IPv6-Prefix": "2001:db8:1:2::/64" }, "0040 20010db800010002"],
  [{ "Delegated-IPv6-Prefix": "2001:db8:f000::/36" }, "0024 20010db8f0"],
  [{ "Route-IPv6-Information": "::/0" }, "0000"],
  [{ "Framed-Interface-Id": "0011223344556677" }, "0011223344556677"],
  [{ "Event-Timestamp": 1_800_000_000 }, "6b49d200"],
  [{ "Tunnel-Server-Endpoint": { tag: 2, value: "a.b" } }, "02612e62"],
  [{ "Tunnel-Preference": { tag: 31, value: 0x12_3456 } }, "1f123456"],
  [{ "Tunnel-Password": { tag: 1, value: hex("8001aa") } }, "018001aa"],
  [{ "EAP-Message": hex("02010004") }, "02010004"],
];

test.each(examples)("%j", (values, bytes) => {
  const attributes = attributesOf(values);
  expect(attributes.map(({ value }) => Buffer.from(value).toString("hex"))).toEqual([bytes.replaceAll(" ", "")]);
  const [name = "User-Name", value] = Object.entries(values)[0] as [AttributeName, unknown];
  expect(firstOf(attributes, name)).toEqual(value);
  expect(allOf(attributes, name)).toEqual([value]);
});

describe("what others send", () => {
  const one = (name: AttributeName, value: string) => [{ ...radiusAttributes[name], value: hex(value) }];

  test("a text without a tag", () => {
    expect(firstOf(one("Tunnel-Server-Endpoint", "313932"), "Tunnel-Server-Endpoint")).toEqual({
      tag: 0,
      value: "192",
    });
  });

  test("a prefix with more octets than it needs, and with bits beyond its length", () => {
    const value = "0031 20010db8 0001ffff 00000000 00000000";
    expect(firstOf(one("Framed-IPv6-Prefix", value), "Framed-IPv6-Prefix")).toBe("2001:db8:1:8000::/49");
  });

  test("values of the wrong length are not there", () => {
    for (const name of ["Session-Timeout", "Framed-IP-Address", "Framed-Interface-Id", "Tunnel-Type"] as const)
      for (const value of ["", "010203", "0102030405"]) expect(firstOf(one(name, value), name)).toBeUndefined();
    expect(firstOf(one("Framed-IPv6-Prefix", "0081"), "Framed-IPv6-Prefix")).toBeUndefined();
    expect(firstOf(one("Framed-IPv6-Prefix", `0080${"00".repeat(17)}`), "Framed-IPv6-Prefix")).toBeUndefined();
    expect(firstOf([...one("NAS-Port", "01"), ...one("NAS-Port", "00000009")], "NAS-Port")).toBe(9);
  });

  test("any octets as any attribute are a value or none", () => {
    const names = Object.keys(radiusAttributes) as AttributeName[];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.uint8Array({ maxLength: 40 }), (name, value) => {
        const attributes = [{ ...radiusAttributes[name], value }];
        expect(allOf(attributes, name).length).toBeLessThanOrEqual(1);
        firstOf(attributes, name);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("what we send", () => {
  test("a long EAP-Message goes in several attributes, and comes back as one", () => {
    const eap = Uint8Array.from({ length: 600 }, (_, index) => index);
    const attributes = attributesOf({ "User-Name": "a", "EAP-Message": eap });
    expect(attributes.map(({ value }) => value.length)).toEqual([1, 253, 253, 94]);
    expect(firstOf(attributes, "EAP-Message")).toEqual(eap);
  });

  test("a list makes several attributes; undefined and the empty text make none", () => {
    const attributes = attributesOf({ "Framed-Route": ["a", "b"], "User-Name": "", Class: undefined });
    expect(allOf(attributes, "Framed-Route")).toEqual(["a", "b"]);
    expect(attributes).toHaveLength(2);
  });

  test("a text that is too long is cut between characters", () => {
    const [name] = attributesOf({ "User-Name": "ø".repeat(200) });
    expect(name?.value.length).toBe(252);
    const [limit] = attributesOf({ "Mikrotik-Rate-Limit": "x".repeat(300) });
    expect(limit?.value.length).toBe(247);
  });
});
