import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checksum } from "./checksum.js";
import { answerEcho } from "./icmp.js";
import * as icmp6 from "./icmp6.js";
import * as ipv4 from "./ipv4.js";
import * as ipv6 from "./ipv6.js";
import { isMalformed } from "./malformed.js";
import * as udp from "./udp.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const bytes = (least: number, most: number) =>
  fc.uint8Array({ minLength: least, maxLength: most }).map((octets) => Uint8Array.from(octets));

describe("IPv4", () => {
  const packet = hex("4500 001c 1234 4000 4001 a458 c0000201 c6336407 0800 f7ff 0000 0000");

  test("a packet, both ways", () => {
    const value = {
      protocol: 1,
      ttl: 64,
      tos: 0,
      identification: 0x1234,
      fragment: ipv4.fragment.dontFragment,
      source: ipv4.parseAddress("192.0.2.1")!,
      destination: ipv4.parseAddress("198.51.100.7")!,
      payload: hex("0800 f7ff 0000 0000"),
    };
    const made = ipv4.encode(value);
    expect(checksum(made, 0, 20)).toBe(0);
    expect(ipv4.parse(made)).toEqual(value);
    expect(made.subarray(0, 10)).toEqual(packet.subarray(0, 10));
  });

  test.each([
    ["truncated header", "4500 001c"],
    ["version", "6500 0014 0000 0000 4001 0000 00000000 00000000"],
    ["header length", "4400 0014 0000 0000 4001 0000 00000000 00000000"],
    ["length within header", "4500 0013 0000 0000 4001 0000 00000000 00000000"],
    ["length beyond packet", "4500 0015 0000 0000 4001 0000 00000000 00000000"],
    ["header checksum", "4500 0014 0000 0000 4001 0000 00000000 00000000"],
  ])("%s is refused", (reason, text) => {
    expect(ipv4.parse(hex(text))).toMatchObject({ malformed: "ipv4", reason });
  });

  test("addresses as text", () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (address) => {
        expect(ipv4.parseAddress(ipv4.formatAddress(address))).toBe(address);
      }),
    );
    for (const text of ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "::1", "1e1.2.3.4"]) {
      expect(ipv4.parseAddress(text), text).toBeUndefined();
    }
  });
});

describe("IPv6", () => {
  test("addresses as text", () => {
    fc.assert(
      fc.property(bytes(16, 16), (address) => {
        expect(ipv6.parseAddress(ipv6.formatAddress(address))).toEqual(address);
      }),
    );
    expect(ipv6.formatAddress(hex("20010db8 00000000 00010000 00000001"))).toBe("2001:db8::1:0:0:1");
    expect(ipv6.parseAddress("::ffff:192.0.2.1")).toEqual(hex("00000000 00000000 0000ffff c0000201"));
    for (const text of ["", "1.2.3.4", "fe80::1%eth0", "2001:db8:::1", "12345::"]) {
      expect(ipv6.parseAddress(text), text).toBeUndefined();
    }
  });

  test.each([
    ["truncated header", "60"],
    ["version", `40${"00".repeat(39)}`],
    ["length beyond packet", `60000000 0001 3a40 ${"00".repeat(32)}`],
  ])("%s is refused", (reason, text) => {
    expect(ipv6.parse(hex(text))).toMatchObject({ malformed: "ipv6", reason });
  });
});

describe("UDP over IPv6", () => {
  test("encode and parse are inverse, and a wrong bit is seen", () => {
    const port = fc.nat(0xffff);
    fc.assert(
      fc.property(port, port, bytes(0, 50), fc.nat(), (source, destination, payload, flip) => {
        const whole = udp.encode({ source, destination, payload }, (length) => 1000 + length);
        expect(udp.parse(whole, (length) => 1000 + length)).toEqual({ source, destination, payload });
        whole[flip % whole.length]! ^= 1 << (flip % 8);
        expect(isMalformed(udp.parse(whole, (length) => 1000 + length))).toBe(true);
      }),
    );
  });
});

describe("router advertisements", () => {
  const u32 = fc.nat(0xffff_ffff);
  const advertisement: fc.Arbitrary<icmp6.RouterAdvertisement> = fc.record({
    hopLimit: fc.nat(255),
    managed: fc.boolean(),
    other: fc.boolean(),
    lifetime: fc.nat(0xffff),
    prefixes: fc.array(
      fc.record({
        prefix: bytes(16, 16),
        length: fc.nat(128),
        onLink: fc.boolean(),
        autonomous: fc.boolean(),
        valid: u32,
        preferred: u32,
      }),
      { maxLength: 3 },
    ),
    mtu: fc.option(u32, { nil: undefined }),
    dns: fc.option(fc.record({ lifetime: u32, servers: fc.array(bytes(16, 16), { minLength: 1, maxLength: 3 }) }), {
      nil: undefined,
    }),
  });

  test("encode and parse are inverse", () => {
    fc.assert(
      fc.property(advertisement, (value) => {
        expect(icmp6.parseRouterAdvertisement(icmp6.encodeRouterAdvertisement(value))).toEqual(value);
      }),
    );
  });

  test("noise is read or refused, never thrown at", () => {
    fc.assert(
      fc.property(bytes(0, 120), (noise) => {
        icmp6.parseRouterAdvertisement(noise);
        icmp6.parseRouterSolicitation(noise);
        icmp6.parseNeighborSolicitation(noise);
        ipv4.parse(noise);
        ipv6.parse(noise);
      }),
      { numRuns: 2000 },
    );
    expect(icmp6.parseRouterSolicitation(hex("00000000 0100"))).toMatchObject({ reason: "option of no length" });
    expect(icmp6.parseRouterSolicitation(hex("00000000 0101"))).toMatchObject({ reason: "option beyond message" });
  });
});

describe("pings", () => {
  const request4 = (change: Partial<ipv4.Packet> = {}): Uint8Array => {
    const payload = hex("0800 0000 0007 0001 6869");
    const sum = checksum(payload, 0, payload.length);
    payload.set([sum >> 8, sum], 2);
    const [source, destination] = [ipv4.parseAddress("10.0.0.2")!, ipv4.parseAddress("192.0.2.1")!];
    return ipv4.encode({
      protocol: 1,
      ttl: 3,
      tos: 0,
      identification: 9,
      fragment: 0,
      source,
      destination,
      payload,
      ...change,
    });
  };
  const request6 = (destination: string): Uint8Array =>
    icmp6.encode(
      { type: icmp6.type.echoRequest, code: 0, body: hex("0007 0001 6869") },
      { source: ipv6.parseAddress("2001:db8::2")!, destination: ipv6.parseAddress(destination)!, hopLimit: 3 },
    );
  const addresses = ["192.0.2.1", "2001:DB8:0::1"];

  test("to our addresses are answered", () => {
    const reply = ipv4.parse(answerEcho(request4(), addresses)!) as ipv4.Packet;
    expect(ipv4.formatAddress(reply.destination)).toBe("10.0.0.2");
    expect([...reply.payload.subarray(0, 2), ...reply.payload.subarray(4)]).toEqual([0, 0, 0, 7, 0, 1, 0x68, 0x69]);
    expect(checksum(reply.payload, 0, reply.payload.length)).toBe(0);

    const reply6 = ipv6.parse(answerEcho(request6("2001:db8::1"), addresses)!) as ipv6.Packet;
    expect(ipv6.formatAddress(reply6.source)).toBe("2001:db8::1");
    expect(icmp6.parse(reply6)).toEqual({ type: 129, code: 0, body: hex("0007 0001 6869") });
  });

  test("to others, from everybody, in fragments, and other packets are not", () => {
    const not = [
      request4({ destination: 1 }),
      request4({ source: 0 }),
      request4({ source: 0xe000_0001 }),
      request4({ fragment: ipv4.fragment.moreFragments }),
      request4({ fragment: 1 }),
      request4({ protocol: 17 }),
      request4({ payload: hex("0800 0000 0007 0001") }),
      request4({ payload: hex("0800") }),
      request6("2001:db8::3"),
      new Uint8Array(0),
      hex("00"),
    ];
    for (const packet of not) expect(answerEcho(packet, addresses)).toBeUndefined();
    const broken = request6("2001:db8::1");
    broken[46]! ^= 1;
    expect(answerEcho(broken, addresses)).toBeUndefined();
  });
});
