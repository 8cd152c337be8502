import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seed } from "../../test/seed.js";
import { encodeMessage } from "../wire/l2tp2-encode.js";
import { encodeFrame, pppProtocol } from "../wire/ppp.js";
import { decodeL2tp, decodePpp } from "./index.js";
import { longestLine } from "./text.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const ascii = (text: string): string => Buffer.from(text).toString("hex");

test.each([
  [
    "ff03 c021 01 03 0013 010405b4 0305c22305 05061a2b3c4d",
    "LCP Configure-Request id 3: MRU 1460, Auth CHAP-MD5, Magic 0x1a2b3c4d",
  ],
  ["c021 04 03 0008 1104 05dc", "LCP Configure-Reject id 3: MRRU 1500"],
  ["c021 03 04 000a 0304c023 0702", "LCP Configure-Nak id 4: Auth PAP, PFC"],
  ["c021 02 01 000d 1309 03 0011223344 55 ", "LCP Configure-Ack id 1: Endpoint 3:001122334455"],
  ["c021 01 01 0009 0305c22381", "LCP Configure-Request id 1: Auth CHAP-MSv2"],
  ["c021 01 01 0007 c80399", "LCP Configure-Request id 1: option 200 99"],
  ["c021 01 01 0006 0109", "LCP Configure-Request id 1: malformed options 0109"],
  [`c021 05 09 0007 ${ascii("bye")}`, 'LCP Terminate-Request id 9: "bye"'],
  ["c021 06 09 0004", "LCP Terminate-Ack id 9"],
  ["c021 07 01 000a 0e0300060102", "LCP Code-Reject id 1: code 14 id 3"],
  ["c021 08 02 0008 80fd0101", "LCP Protocol-Reject id 2: CCP"],
  ["c021 09 05 0008 00000007", "LCP Echo-Request id 5: Magic 0x00000007"],
  [`c021 0c 05 000b 00000007 ${ascii("a\n1")}`, 'LCP Identification id 5: Magic 0x00000007, "a\\u000a1"'],
  ["c021 0d 05 000c 00000007 00000e10", "LCP Time-Remaining id 5: Magic 0x00000007, 3600 s"],
  ["c021 01 03 00ff", "LCP malformed (length) 010300ff"],
  [
    "8021 01 01 0016 03060a000001 8106c0000235 8306c0000236",
    "IPCP Configure-Request id 1: Address 10.0.0.1, DNS 192.0.2.53, Second DNS 192.0.2.54",
  ],
  ["8057 02 01 000e 010a 0011223344556677", "IPv6CP Configure-Ack id 1: Interface-Id 0011:2233:4455:6677"],
  ["80fd 01 01 0007 120311", "CCP Configure-Request id 1: option 18 11"],
  [
    `c023 01 07 0010 04 ${ascii("user")} 06 ${ascii("secret")}`,
    'PAP Authenticate-Request id 7: name "user", password of 6 octets',
  ],
  [`c023 02 07 0007 02 ${ascii("hi")}`, 'PAP Ack id 7: "hi"'],
  ["c023 03 07 0005 00", "PAP Nak id 7"],
  [`c223 01 07 0008 02 abcd ${ascii("x")}`, 'CHAP Challenge id 7: value abcd, name "x"'],
  [`c223 02 07 0008 02 abcd ${ascii("x")}`, 'CHAP Response id 7: value of 2 octets, name "x"'],
  [`c223 03 07 000b ${ascii("S=01AF ")}`, 'CHAP Success id 7: "S=… "'],
  ["c223 09 07 0004", "CHAP malformed (code, 9)"],
  ["c227 01 07 0005 01", "EAP Request/Identity id 7"],
  [`c227 02 07 0009 01 ${ascii("user")}`, 'EAP Response/Identity id 7: "user"'],
  ["c227 02 07 0007 03 1a04", "EAP Response/Nak id 7: wants MSCHAPv2 or MD5-Challenge"],
  ["c227 01 07 0008 04 01 ab 61", 'EAP Request/MD5-Challenge id 7: value ab, name "a"'],
  ["c227 02 07 0008 04 01 ab 61", 'EAP Response/MD5-Challenge id 7: value of 1 octet, name "a"'],
  ["c227 02 07 0006 1a 03", "EAP Response/MSCHAPv2 id 7: confirms Success"],
  ["c227 01 07 000c 1a 01 02 0007 01 ab 61", 'EAP Request/MSCHAPv2 id 7: MSCHAPv2 Challenge id 2: value ab, name "a"'],
  ["c227 01 07 0008 0d 000000", "EAP Request/TLS id 7: 3 octets"],
  ["c227 03 07 0004", "EAP Success id 7"],
  ["003d c0000001 0021", "MP begins and ends a packet, 6 octets"],
  ["c025 0000", "LQR, 2 octets"],
  ["0002 c0", "no PPP frame, 3 octets: 0002c0"],
  ["4223 0000", "0x4223, 2 octets"],
  ["", "no PPP frame, 0 octets: "],
])("%s", (bytes, text) => {
  expect(decodePpp(hex(bytes))).toBe(text);
});

describe("IP in a short form", () => {
  const v4 = (protocol: string, payload: string, fragment = "0000"): string =>
    decodePpp(hex(`21 45000054 0000 ${fragment} 40 ${protocol} 0000 0a000001 c0000201 ${payload}`));

  test.each([
    ["01", "0800000000010001", "0000", "IPv4 10.0.0.1 > 192.0.2.1 ICMP echo request, 84 octets"],
    ["11", "003510e100080000", "0000", "IPv4 10.0.0.1 port 53 > 192.0.2.1 port 4321 UDP, 84 octets"],
    [
      "06",
      "005010e1000000000000000050120000",
      "0000",
      "IPv4 10.0.0.1 port 80 > 192.0.2.1 port 4321 TCP SYN ACK, 84 octets",
    ],
    ["11", "003510e100080000", "0001", "IPv4 10.0.0.1 > 192.0.2.1 UDP fragment, 84 octets"],
    ["2f", "", "0000", "IPv4 10.0.0.1 > 192.0.2.1 protocol 0x2f, 84 octets"],
    ["06", "0050", "0000", "IPv4 10.0.0.1 > 192.0.2.1 TCP, 84 octets"],
  ])("protocol %s", (protocol, payload, fragment, text) => {
    expect(v4(protocol, payload, fragment)).toBe(text);
  });

  test("version 6", () => {
    const addresses = `fe80${"00".repeat(13)}01 ff02${"00".repeat(13)}02`;
    expect(decodePpp(hex(`57 60000000 0008 3a ff ${addresses} 8500000000000000`))).toBe(
      "IPv6 fe80::1 > ff02::2 ICMPv6 router solicitation, 48 octets",
    );
  });

  test("what is none", () => {
    expect(decodePpp(hex("21 60"))).toBe("IPv4 malformed, 1 octets");
    expect(decodePpp(hex("57 45"))).toBe("IPv6 malformed, 1 octets");
  });
});

describe("L2TP", () => {
  test("a message that acknowledges only", () => {
    expect(decodeL2tp(hex("c802 000c 0007 0000 0003 0002"))).toBe("L2TP ZLB tunnel 7 session 0 Ns 3 Nr 2");
  });

  test("every kind of AVP, secrets by their length", () => {
    const bytes = encodeMessage("ICCN", 7, 9, {
      txConnectSpeed: 1000,
      framingType: 1,
      lastSentLcpConfreq: hex("010405b4 05060a0b0c0d"),
      proxyAuthenType: 3,
      proxyAuthenName: "user",
      proxyAuthenResponse: hex(ascii("secret")),
      sequencingRequired: true,
    });
    const line = decodeL2tp(bytes);
    expect(line).toContain("L2TP ICCN tunnel 7 session 9 Ns 0 Nr 0: Tx-Connect-Speed 1000, Framing-Type 1");
    expect(line).toContain("Last-Sent-Lcp-Confreq {MRU 1460, Magic 0x0a0b0c0d}");
    expect(line).toContain('Proxy-Authen-Name "user", Proxy-Authen-Response 6 octets');
    expect(line).toContain("Sequencing-Required");
  });

  test("what is none", () => {
    expect(decodeL2tp(hex("c802"))).toBe("L2TP malformed (truncated header, 2), 2 octets");
  });
});

describe("whatever the bytes are, there is one line of a bounded length without controls", () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  const unfit = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/u;
  const check = (text: string): void => {
    expect(text.length).toBeLessThanOrEqual(longestLine);
    expect(unfit.test(text)).toBe(false);
  };
  const noise = fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ minLength: 1000, maxLength: 2000 }));

  test("PPP", () => {
    const protocol = fc.constantFrom(...Object.values(pppProtocol));
    fc.assert(
      fc.property(protocol, noise, fc.nat(15), fc.boolean(), (number, bytes, code, fits) => {
        if (bytes.length > 3 && fits) bytes.set([code, 1, bytes.length >> 8, bytes.length]);
        check(decodePpp(encodeFrame(number, bytes)));
        check(decodePpp(bytes));
      }),
      { numRuns: 3000, seed },
    );
  });

  test("L2TP", () => {
    fc.assert(
      fc.property(noise, fc.nat(16), (bytes, type) => {
        if (bytes.length > 20) bytes.set(hex("c802 0000 0001 0002 0003 0004 8008 0000 0000 00"));
        if (bytes.length > 20) bytes.set([bytes.length >> 8, bytes.length], 2);
        if (bytes.length > 20) bytes[19] = type;
        check(decodeL2tp(bytes));
      }),
      { numRuns: 3000, seed },
    );
  });
});
