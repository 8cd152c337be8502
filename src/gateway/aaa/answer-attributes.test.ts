import fc from "fast-check";
import { expect, test } from "vitest";
import { type AttributeName, radiusAttributes } from "../../wire/radius-attributes.js";
import { hideSalted } from "../../wire/radius-hidden.js";
import { attributesOf, type NamedValues } from "../../wire/radius-values.js";
import { answerRows, readAnswer } from "./answer-attributes.js";
import { parseFramedIpv6Route, parseFramedRoute } from "./framed-route.js";
import { parseMikrotikRateLimit } from "./rate-limit.js";
import type { Rates } from "./types.js";

const secret = new TextEncoder().encode("secret");
const authenticator = new Uint8Array(16).fill(9);
const filters: Readonly<Record<string, Rates>> = {
  gold: { up: { bitsPerSecond: 5e6, burst: 125_000 }, down: { bitsPerSecond: 5e7, burst: 1_250_000 } },
};

const read = (values: NamedValues) => readAnswer(attributesOf(values), { secret, authenticator, filters });

test("addresses, pools, routes and name servers", () => {
  const { profile, ignored } = read({
    "User-Name": "alice@home",
    "Framed-IP-Address": "10.0.0.9",
    "Framed-Pool": "static",
    "Framed-Route": ["192.0.2.0/24 10.0.0.9 1", "198.51.100.0 255.255.255.128 0.0.0.0 1", "203.0.113.0"],
    "Framed-IPv6-Prefix": "2001:db8:1::/64",
    "Framed-IPv6-Pool": "six",
    "Delegated-IPv6-Prefix": "2001:db8:2::/56",
    "Delegated-IPv6-Prefix-Pool": "dhcp",
    "Framed-IPv6-Route": "2001:db8:3:4::1/48 :: 1",
    "Framed-Interface-Id": "0200000000000001",
    "MS-Primary-DNS-Server": "192.0.2.53",
    "MS-Secondary-DNS-Server": "192.0.2.54",
    "MS-Primary-NBNS-Server": "192.0.2.55",
    "DNS-Server-IPv6-Address": ["2001:db8::53", "2001:db8::54"],
    "Framed-MTU": 1400,
    "Port-Limit": 4,
    Class: [Uint8Array.of(1), Uint8Array.of(2)],
  });
  expect(ignored).toEqual([]);
  expect(profile).toMatchObject({
    userName: "alice@home",
    address: "10.0.0.9",
    pool: "static",
    routes: ["192.0.2.0/24", "198.51.100.0/25", "203.0.113.0/24"],
    ipv6Prefix: "2001:db8:1::/64",
    ipv6Pool: "six",
    delegatedPrefix: "2001:db8:2::/56",
    delegatedPool: "dhcp",
    ipv6Routes: ["2001:db8:3::/48"],
    interfaceId: "0200000000000001",
    dns: ["192.0.2.53", "192.0.2.54"],
    nbns: ["192.0.2.55"],
    ipv6Dns: ["2001:db8::53", "2001:db8::54"],
    mtu: 1400,
    portLimit: 4,
    class: [Uint8Array.of(1), Uint8Array.of(2)],
    rates: undefined,
    tunnels: [],
  });
});

test("255.255.255.254 asks for an address from a pool", () => {
  expect(read({ "Framed-IP-Address": "255.255.255.254" })).toMatchObject({
    profile: { address: undefined },
    ignored: [],
  });
});

test("what makes no sense is named and left out", () => {
  expect(
    read({ "Framed-MTU": 20, "Framed-Route": "nowhere", "Mikrotik-Rate-Limit": "x", "Session-Timeout": 9 }),
  ).toMatchObject({
    ignored: ["Framed-MTU", "Framed-Route", "Mikrotik-Rate-Limit"],
    profile: { mtu: undefined, routes: [], rates: undefined, sessionTimeout: 9000 },
  });
});

test("rates: Mikrotik's over WISPr's over the profile's", () => {
  const wispr = { "WISPr-Bandwidth-Max-Up": 1_000_000 };
  expect(read({ "Filter-Id": ["unknown", "gold"] }).profile.rates).toEqual(filters.gold);
  expect(read({ "Filter-Id": "gold", ...wispr }).profile.rates).toEqual({
    up: { bitsPerSecond: 1e6, burst: 15_000 },
    down: filters.gold?.down,
  });
  expect(read({ ...wispr, "Mikrotik-Rate-Limit": "2M/4M" }).profile.rates).toMatchObject({
    up: { bitsPerSecond: 2e6 },
    down: { bitsPerSecond: 4e6 },
  });
});

test("tunnels are grouped by tag and sorted by preference; a password is revealed", () => {
  const salt = Uint8Array.of(0x80, 1);
  const { profile, ignored } = read({
    "Tunnel-Type": [
      { tag: 1, value: 3 },
      { tag: 2, value: 3 },
      { tag: 3, value: 1 },
    ],
    "Tunnel-Server-Endpoint": [
      { tag: 1, value: "192.0.2.1" },
      { tag: 2, value: "192.0.2.2:1702" },
      { tag: 3, value: "192.0.2.3" },
      { tag: 4, value: "lns.example" },
    ],
    "Tunnel-Preference": [
      { tag: 1, value: 20 },
      { tag: 2, value: 10 },
    ],
    "Tunnel-Password": { tag: 2, value: hideSalted(new TextEncoder().encode("hush"), salt, secret, authenticator) },
    "Tunnel-Client-Auth-ID": { tag: 0, value: "lac" },
  });
  expect(profile.tunnels).toMatchObject([
    { server: "192.0.2.2:1702", preference: 10, clientName: "lac", secret: new TextEncoder().encode("hush") },
    { server: "192.0.2.1", preference: 20, clientName: "lac", secret: undefined },
  ]);
  expect(ignored).toEqual(["Tunnel-Type 1", "Tunnel-Server-Endpoint lns.example"]);
});

test("an untagged tunnel is one tunnel", () => {
  expect(
    read({ "Tunnel-Type": { tag: 0, value: 3 }, "Tunnel-Server-Endpoint": { tag: 0, value: "192.0.2.1" } }).profile
      .tunnels,
  ).toMatchObject([{ server: "192.0.2.1" }]);
});

test("no value of any attribute makes it fail", () => {
  const names = answerRows.map(({ attribute }) => attribute);
  const attribute = fc.record({ name: fc.constantFrom(...names), value: fc.uint8Array({ maxLength: 40 }) });
  fc.assert(
    fc.property(fc.array(attribute, { maxLength: 12 }), (given) => {
      const attributes = given.map(({ name, value }) => ({ ...radiusAttributes[name as AttributeName], value }));
      const { profile } = readAnswer(attributes, { secret, authenticator, filters });
      for (const rate of [profile.rates?.up, profile.rates?.down]) {
        if (rate) expect(Number.isSafeInteger(rate.bitsPerSecond) && Number.isSafeInteger(rate.burst)).toBe(true);
      }
    }),
  );
});

// --- Texts ---

test.each<[string, number | undefined, number | undefined]>([
  ["10M/20M", 10e6, 20e6],
  ["10M", 10e6, 10e6],
  ["512k/1m", 512e3, 1e6],
  ["1.5M/2G", 1.5e6, 2e9],
  ["0/1000", undefined, 1000],
  ["64000/128000 0/0 0/0 0/0 8 1k/1k", 64e3, 128e3],
])("Mikrotik-Rate-Limit %s", (text, up, down) => {
  const rates = parseMikrotikRateLimit(text);
  expect([rates?.up?.bitsPerSecond, rates?.down?.bitsPerSecond]).toEqual([up, down]);
  expect(rates).toBeDefined();
});

test.each([
  // (burst − rate) × threshold × time ÷ burst ÷ 8; threshold is the rate and time 1 s where nothing is said.
  ["8M/8M 16M/16M 8M/8M 10/10", 5_000_000],
  ["8M/8M 16M/16M", 500_000],
  ["8M 16M 12M 8s 5", 6_000_000],
  ["8M 4M", 100_000],
])("bursts: %s", (text, burst) => {
  expect(parseMikrotikRateLimit(text)?.up?.burst).toBe(burst);
});

test.each(["", "fast", "-1/5", "1M/2M/3M", "1M/", "1M 2X", "1M 1M 1M 1M 9", "1M 1M 1M 1M 8 1M 1M", "1e9", "0x10"])(
  "Mikrotik-Rate-Limit refuses %j",
  (text) => {
    expect(parseMikrotikRateLimit(text)).toBeUndefined();
  },
);

test.each([
  ["192.0.2.7/24", "192.0.2.0/24"],
  ["192.0.2.0/255.255.255.0 10.0.0.1", "192.0.2.0/24"],
  ["192.0.2.0 255.255.255.192", "192.0.2.0/26"],
  ["192.0.2.0 192.0.2.1 1", "192.0.2.0/24"],
  ["10.0.0.0", "10.0.0.0/8"],
  ["172.16.0.0 1", "172.16.0.0/16"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["  192.0.2.1/32\t0.0.0.0", "192.0.2.1/32"],
  ["192.0.2.0/33", undefined],
  ["192.0.2.0/", undefined],
  ["240.0.0.0", undefined],
  ["", undefined],
])("Framed-Route %j", (text, prefix) => {
  expect(parseFramedRoute(text)).toBe(prefix);
});

test.each([
  ["2001:db8::/32 2001:db8::1 1", "2001:db8::/32"],
  ["2001:DB8:1:2:3::/64", "2001:db8:1:2::/64"],
  ["::/0", "::/0"],
  ["2001:db8::1", undefined],
  ["2001:db8::/129", undefined],
  ["192.0.2.0/24", undefined],
])("Framed-IPv6-Route %j", (text, prefix) => {
  expect(parseFramedIpv6Route(text)).toBe(prefix);
});

test("rates beyond what the data plane can do are the nearest that it can", () => {
  expect(read({ "WISPr-Bandwidth-Max-Up": 1, "WISPr-Bandwidth-Max-Down": 0 }).profile.rates).toMatchObject({
    up: { bitsPerSecond: 1000 },
    down: undefined,
  });
  expect(parseMikrotikRateLimit("9000000G/1M 9000000G/9000000G 9000000G/9000000G 100")).toEqual({
    up: { bitsPerSecond: 1e12, burst: 64e6 },
    down: { bitsPerSecond: 1e6, burst: 1e9 },
  });
});
