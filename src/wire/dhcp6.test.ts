import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Association, encode, type Message, parse } from "./dhcp6.js";
import { parseAddress } from "./ipv6.js";
import { isMalformed } from "./malformed.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const empty: Message = {
  type: 1,
  transaction: 0,
  clientId: undefined,
  serverId: undefined,
  associations: [],
  requested: [],
  preference: undefined,
  rapidCommit: false,
  status: undefined,
  dns: [],
};

/** A Solicit as dhcpcd writes it: client id, elapsed time, rapid commit, IA_PD with a hint, option request. */
const solicit = hex(`
  01 a1b2c3
  0001 000e 0001 0001 2a2b2c2d 525400123456
  0008 0002 0000
  000e 0000
  0019 0029 00000001 00000000 00000000  001a 0019 00000000 00000000 38 20010db8000000000000000000000000
  0006 0004 0017 0018`);

describe("DHCPv6 messages", () => {
  test("a Solicit", () => {
    expect(parse(solicit)).toEqual({
      ...empty,
      type: 1,
      transaction: 0xa1b2c3,
      clientId: hex("0001 0001 2a2b2c2d 525400123456"),
      rapidCommit: true,
      associations: [
        {
          kind: "pd",
          iaid: 1,
          t1: 0,
          t2: 0,
          leases: [{ address: parseAddress("2001:db8::"), length: 56, preferred: 0, valid: 0 }],
          status: undefined,
        },
      ],
      requested: [23, 24],
    });
  });

  test("a Reply, to the byte", () => {
    const association: Association = {
      kind: "na",
      iaid: 0x01020304,
      t1: 1800,
      t2: 2880,
      leases: [{ address: parseAddress("2001:db8::5")!, length: 128, preferred: 3600, valid: 7200 }],
      status: { code: 0, message: "ok" },
    };
    const reply: Message = {
      ...empty,
      type: 7,
      transaction: 0x112233,
      clientId: hex("0003 0001 aabbccddeeff"),
      serverId: hex("0003 001b 0000000000000001"),
      associations: [association],
      status: { code: 5, message: "" },
      dns: [parseAddress("2001:db8::53")!],
    };
    expect(encode(reply)).toEqual(
      hex(`07 112233
        0001 000a 0003 0001 aabbccddeeff
        0002 000c 0003 001b 0000000000000001
        000d 0002 0005
        0003 0030 01020304 00000708 00000b40
          0005 0018 20010db8000000000000000000000005 00000e10 00001c20
          000d 0004 0000 6f6b
        0017 0010 20010db8000000000000000000000053`),
    );
  });

  test.each([
    ["truncated header", "01 0000"],
    ["truncated option", "01 000001 0001"],
    ["option beyond message", "01 000001 0001 0009 0001"],
    ["length of a DUID", "01 000001 0001 0002 0001"],
    ["length of a DUID", `01 000001 0001 0083 ${"00".repeat(131)}`],
    ["truncated identity association", "01 000001 0003 0004 00000001"],
    ["truncated address", "01 000001 0003 0014 000000010000000000000000 0005 0004 00000000"],
    ["truncated prefix", "01 000001 0019 0014 000000010000000000000000 001a 0004 00000000"],
    [
      "length of a prefix",
      `01 000001 0019 0029 000000010000000000000000 001a 0019 ${"00".repeat(8)} 81 ${"00".repeat(16)}`,
    ],
    ["truncated status", "07 000001 000d 0001 00"],
    ["truncated preference", "02 000001 0007 0000"],
    ["a message between relays", "0c 000001"],
  ])("%s is refused", (reason, text) => {
    expect(parse(hex(text))).toMatchObject({ malformed: "dhcpv6", reason });
  });

  const u32 = fc.nat(0xffff_ffff);
  const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
  const address = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes));
  const status = optional(fc.record({ code: fc.nat(0xffff), message: fc.string() }));
  const duid = optional(fc.uint8Array({ minLength: 3, maxLength: 130 }).map((bytes) => Uint8Array.from(bytes)));
  const association = fc.constantFrom("na", "ta", "pd").chain((kind) => {
    const time = kind === "ta" ? fc.constant(0) : u32;
    const length = kind === "pd" ? fc.nat(128) : fc.constant(128);
    const leases = fc.array(fc.record({ address, length, preferred: u32, valid: u32 }), { maxLength: 3 });
    return fc.record({ kind: fc.constant(kind), iaid: u32, t1: time, t2: time, leases, status });
  });
  const message: fc.Arbitrary<Message> = fc.record({
    type: fc.integer({ min: 1, max: 11 }),
    transaction: fc.nat(0xff_ffff),
    clientId: duid,
    serverId: duid,
    associations: fc.array(association, { maxLength: 4 }) as fc.Arbitrary<Association[]>,
    requested: fc.array(fc.nat(0xffff), { maxLength: 5 }),
    preference: optional(fc.nat(255)),
    rapidCommit: fc.boolean(),
    status,
    dns: fc.array(address, { maxLength: 3 }),
  });

  test("encode and parse are inverse", () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(parse(encode(value))).toEqual(value);
      }),
    );
  });

  test("noise and mutated messages are read or refused, never thrown at", () => {
    fc.assert(
      fc.property(
        message,
        fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 6 }),
        fc.nat(400),
        (value, edits, cut) => {
          const bytes = encode(value);
          for (const [at, octet] of edits) if (bytes.length > 0) bytes[at % bytes.length] = octet;
          const read = parse(bytes.subarray(0, Math.max(0, bytes.length - (cut % 40))));
          if (!isMalformed(read)) expect(parse(encode(read))).toEqual(read);
        },
      ),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parse(bytes)),
      { numRuns: 1000 },
    );
  });
});
