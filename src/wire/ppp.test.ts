import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAddress, parseAddress } from "./ipv4.js";
import { interfaceIdAt, putInterfaceId } from "./ipv6cp.js";
import {
  authenticationAt,
  authenticationChoices,
  type LcpOptionValue,
  lcpOptionBytes,
  lcpOptionValue,
  putAuthentication,
} from "./lcp.js";
import { isMalformed } from "./malformed.js";
import { encodeFrame, isLinkProtocol, parseFrame, pppProtocol, protocolName } from "./ppp.js";
import {
  areOptions,
  type ControlPacket,
  codeName,
  controlEnd,
  encodeControl,
  encodeOptions,
  type Option,
  parseControl,
  parseOptions,
} from "./ppp-control.js";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const plain = (view: Uint8Array): Uint8Array => Uint8Array.from(view);

describe("frames (RFC 1661 §2, §6.5, §6.6)", () => {
  test.each([
    ["whole header", "ff03 c021 01", 0xc021, 4],
    ["no address and control", "c021 01", 0xc021, 2],
    ["short protocol", "ff03 21 45", 0x21, 3],
    ["short protocol alone", "21 45", 0x21, 1],
    ["no information", "ff03 8021", 0x8021, 4],
    ["protocol with leading zero", "ff03 0021 45", 0x21, 4],
  ])("%s", (_name, hex, protocol, at) => expect(parseFrame(bytes(hex))).toEqual({ protocol, at }));

  test.each([
    ["nothing", ""],
    ["address and control alone", "ff03"],
    ["address without control", "ff04 c021"],
    ["half a protocol", "c0"],
    ["a protocol that does not end", "c022 01"],
  ])("%s is no frame", (_name, hex) => expect(parseFrame(bytes(hex))).toBeUndefined());

  test("what is encoded is parsed", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(pppProtocol)), fc.uint8Array(), (protocol, information) => {
        const frame = encodeFrame(protocol, information);
        const header = parseFrame(frame)!;
        expect(header.protocol).toBe(protocol);
        expect(plain(frame.subarray(header.at))).toEqual(plain(information));
      }),
    );
  });

  test("names", () => {
    expect([0xc021, 0x8021, 0x80fd, 0x1234].map(protocolName)).toEqual(["LCP", "IPCP", "CCP", "0x1234"]);
    expect([1, 13, 200].map(codeName)).toEqual(["Configure-Request", "Time-Remaining", "code 200"]);
    expect([0xc021, 0x8021].map(isLinkProtocol)).toEqual([true, false]);
  });
});

describe("control packets (RFC 1661 §5)", () => {
  // A Configure-Request of pppd: MRU 1410, ACCM 0, CHAP-MD5, magic number, PFC, ACFC.
  const request = "01 01 001d 0104 0582 0206 00000000 0305 c223 05 0506 7a3b1c9e 0702 0802";

  test("a Configure-Request of pppd", () => {
    const packet = parseControl(bytes(request)) as ControlPacket;
    expect(packet).toMatchObject({ code: 1, identifier: 1 });
    const options = parseOptions(packet.data) as readonly Option[];
    expect(options.map(lcpOptionValue)).toEqual([
      { name: "mru", mru: 1410 },
      { name: "accm", map: 0 },
      { name: "authentication", protocol: 0xc223, algorithm: 5 },
      { name: "magicNumber", magicNumber: 0x7a3b1c9e },
      { name: "protocolFieldCompression" },
      { name: "addressAndControlFieldCompression" },
    ]);
    expect(encodeControl(0xc021, { ...packet, data: encodeOptions(options) })).toEqual(bytes(`ff03 c021 ${request}`));
  });

  test("padding is not data; a length beyond the frame, or below the header's, is malformed", () => {
    expect(parseControl(bytes("05 07 0006 6162 0000"))).toMatchObject({ data: bytes("6162") });
    for (const hex of ["05 07 0007 6162", "05 07 0003", "05 07 00", ""]) {
      expect(isMalformed(parseControl(bytes(hex))), hex).toBe(true);
    }
  });

  test.each(["01", "0101", "0105 00", "0104 05dc 02", "0000"])("options %s overrun", (hex) => {
    expect(areOptions(bytes(hex), 0, bytes(hex).length)).toBe(false);
    expect(isMalformed(parseOptions(bytes(hex)))).toBe(true);
  });

  test("any packet and any options come back as they were", () => {
    const option = fc.record({ type: fc.nat(255), data: fc.uint8Array({ maxLength: 253 }) });
    fc.assert(
      fc.property(fc.nat(255), fc.nat(255), fc.array(option, { maxLength: 9 }), (code, identifier, options) => {
        const frame = encodeControl(0x8021, { code, identifier, data: encodeOptions(options) });
        const packet = parseControl(frame, 4) as ControlPacket;
        expect(packet).toMatchObject({ code, identifier });
        const parsed = parseOptions(packet.data) as readonly Option[];
        expect(parsed.map(({ type, data }) => [type, [...data]])).toEqual(
          options.map(({ type, data }) => [type, [...data]]),
        );
      }),
    );
  });

  test("any bytes are parsed without an exception, and never beyond their end", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (any) => {
        parseFrame(any);
        const end = controlEnd(any, 0);
        if (end !== undefined) expect(end).toBeLessThanOrEqual(any.length);
        const packet = parseControl(any);
        const options = isMalformed(packet) ? [] : parseOptions(packet.data);
        if (!isMalformed(options)) for (const each of options) lcpOptionValue(each);
      }),
    );
  });
});

describe("LCP options", () => {
  const values: readonly (readonly [string, LcpOptionValue])[] = [
    ["0104 05d4", { name: "mru", mru: 1492 }],
    ["0206 000a0000", { name: "accm", map: 0x000a0000 }],
    ["0304 c023", { name: "authentication", protocol: 0xc023, algorithm: undefined }],
    ["0305 c223 81", { name: "authentication", protocol: 0xc223, algorithm: 0x81 }],
    ["0408 c025 00000064", { name: "quality", protocol: 0xc025, data: bytes("00000064") }],
    ["0506 deadbeef", { name: "magicNumber", magicNumber: 0xdeadbeef }],
    ["0702", { name: "protocolFieldCompression" }],
    ["0802", { name: "addressAndControlFieldCompression" }],
    ["0d03 06", { name: "callback", operation: 6, message: bytes("") }],
    ["1104 05dc", { name: "mrru", mrru: 1500 }],
    ["1202", { name: "shortSequence" }],
    ["1309 03 525400123456", { name: "discriminator", class: 3, address: bytes("525400123456") }],
    ["0103 05", { name: "unknown", type: 1, data: bytes("05") }],
    ["4d03 01", { name: "unknown", type: 0x4d, data: bytes("01") }],
  ];

  test.each(values)("%s", (hex, value) => {
    const [option] = parseOptions(bytes(hex)) as readonly Option[];
    expect(lcpOptionValue(option!)).toEqual(value);
    expect(encodeOptions([lcpOptionBytes(value)])).toEqual(bytes(hex));
  });

  test.each(Object.keys(authenticationChoices) as (keyof typeof authenticationChoices)[])("%s", (choice) => {
    const into = new Uint8Array(3);
    const length = putAuthentication(into, 0, choice);
    expect(authenticationAt(into, 0, length)).toBe(choice);
  });

  test.each(["c0", "c025", "c22306", "c223", "c02305", "c2230500"])("authentication %s is none that we know", (hex) => {
    expect(authenticationAt(bytes(hex), 0, bytes(hex).length)).toBeUndefined();
  });
});

describe("addresses as text", () => {
  test("IPv4", () => {
    fc.assert(fc.property(fc.nat(0xffffffff), (address) => parseAddress(formatAddress(address)) === address));
    expect(formatAddress(0xc0000201)).toBe("192.0.2.1");
    for (const bad of ["", "1.2.3", "1.2.3.", "1.2.3.256", "1.2.3.4.5", "1..2.3", "a.b.c.d", "1.2.3.4 ", "-1.2.3.4"]) {
      expect(parseAddress(bad), bad).toBeUndefined();
    }
  });

  test("interface identifiers", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (id) => {
        const into = new Uint8Array(8);
        putInterfaceId(into, 0, interfaceIdAt(id, 0));
        expect([...into]).toEqual([...id]);
      }),
    );
    expect(interfaceIdAt(bytes("021122fffe334455"), 0)).toBe("021122fffe334455");
  });
});
