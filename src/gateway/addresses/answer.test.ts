import { describe, expect, test } from "vitest";
import { long, seed } from "../../../test/seed.js";
import { seededNumbers } from "../../random.js";
import * as dhcp6 from "../../wire/dhcp6.js";
import * as icmp6 from "../../wire/icmp6.js";
import * as ipv6 from "../../wire/ipv6.js";
import { isMalformed } from "../../wire/malformed.js";
import * as udp from "../../wire/udp.js";
import { advertise, answerIpv6 } from "./index.js";
import type { SubscriberIpv6 } from "./types.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const address = (text: string): Uint8Array => ipv6.parseAddress(text)!;

const subscriber: SubscriberIpv6 = {
  localInterfaceId: "0000000000000001",
  peerInterfaceId: "02aabbfffeccdd01",
  prefix: "2001:db8:0:7::/64",
  delegated: "2001:db8:ff00::/56",
  dns: ["2001:db8::53", "2001:db8::54"],
  mtu: 1492,
};
const peer = "fe80::2aa:bbff:fecc:dd01";

const nd = (
  type: number,
  body: string,
  change: { source?: string; to?: string; hopLimit?: number; code?: number } = {},
) =>
  icmp6.encode(
    { type, code: change.code ?? 0, body: hex(body) },
    {
      source: address(change.source ?? peer),
      destination: address(change.to ?? "ff02::2"),
      hopLimit: change.hopLimit ?? 255,
    },
  );

describe("router advertisements", () => {
  test("say all that a subscriber's hosts need, to the byte", () => {
    const { answers, drop } = answerIpv6(nd(133, "00000000"), subscriber);
    expect(drop).toBeUndefined();
    expect(answers).toEqual([
      hex(`
        60000000 0060 3a ff fe80000000000000 0000000000000001 fe80000000000000 02aabbfffeccdd01
        86 00 18e0 40 40 0708 00000000 00000000
        03 04 40 40 00015180 00003840 00000000 20010db8000000070000000000000000
        05 01 0000 000005d4
        19 05 0000 00000708 20010db8000000000000000000000053 20010db8000000000000000000000054`),
    ]);
  });

  test("unsolicited ones go to all nodes; with lifetime 0 they take everything back", () => {
    const parse = (bytes: Uint8Array) => {
      const packet = ipv6.parse(bytes) as ipv6.Packet;
      expect(ipv6.formatAddress(packet.destination)).toBe("ff02::1");
      return icmp6.parseRouterAdvertisement((icmp6.parse(packet) as icmp6.Message).body) as icmp6.RouterAdvertisement;
    };
    expect(parse(advertise(subscriber, 1800))).toMatchObject({
      lifetime: 1800,
      managed: false,
      other: true,
      mtu: 1492,
    });
    expect(parse(advertise(subscriber, 0))).toMatchObject({
      lifetime: 0,
      prefixes: [{ valid: 0, preferred: 0, onLink: false, autonomous: true }],
      dns: { lifetime: 0 },
    });
    const bare = { ...subscriber, prefix: undefined, delegated: undefined, dns: [] };
    expect(parse(advertise(bare, 1800))).toMatchObject({ other: false, prefixes: [], dns: undefined });
    const wide = parse(advertise({ ...subscriber, prefix: "2001:db8:5500::/56" }, 1800));
    expect(wide.prefixes).toMatchObject([{ prefix: address("2001:db8:5500::"), length: 64 }]);
    expect(parse(advertise({ ...subscriber, prefix: "2001:db8::1/128" }, 1800)).prefixes).toEqual([]);
  });

  test.each([
    ["hop-limit", nd(133, "00000000", { hopLimit: 254 })],
    ["malformed", nd(133, "00000000", { code: 1 })],
    ["malformed", nd(133, "0000")],
    ["malformed", nd(133, "00000000 0100000000000000")],
    ["malformed", nd(133, "00000000 0101aabbccddeeff", { source: "::" })],
    ["icmpv6-type", nd(134, "40000708 00000000 00000000")],
    ["source-multicast", nd(133, "00000000", { source: "ff02::1" })],
    ["not-for-router", nd(128, "00010001", { to: "fe80::2" })],
    ["malformed", new Uint8Array(0)],
  ])("what is not for us is dropped: %s", (drop, packet) => {
    expect(answerIpv6(packet, subscriber)).toEqual({ answers: [], drop });
  });

  test("we are there, and nobody else may be called so", () => {
    const body = "00000000 fe80000000000000 0000000000000001";
    const read = (packet: Uint8Array) => {
      const whole = ipv6.parse(answerIpv6(packet, subscriber).answers[0]!) as ipv6.Packet;
      const message = icmp6.parse(whole) as icmp6.Message;
      return [ipv6.formatAddress(whole.destination), whole.hopLimit, message.type, message.body[0]];
    };
    expect(read(nd(135, body, { to: "fe80::1" }))).toEqual([peer, 255, 136, 0xe0]);
    expect(read(nd(135, body, { to: "ff02::1:ff00:1", source: "::" }))).toEqual(["ff02::1", 255, 136, 0xa0]);
    const other = nd(135, "00000000 fe80000000000000 0000000000000009");
    expect(answerIpv6(other, subscriber)).toMatchObject({ drop: "neighbor-other-target" });
    expect(read(nd(128, "00010001", { to: "fe80::1", hopLimit: 64 }))).toEqual([peer, 64, 129, 0]);
  });
});

const clientId = hex("0003 0001 aabbccddeeff");
const serverId = hex("0003 001b 0000000000000001");
const message = (type: keyof typeof dhcp6.type, rest: Partial<dhcp6.Message> = {}): dhcp6.Message => ({
  type: dhcp6.type[type],
  transaction: 0x123456,
  clientId,
  serverId: ["request", "renew", "release", "decline"].includes(type) ? serverId : undefined,
  associations: [],
  requested: [],
  preference: undefined,
  rapidCommit: false,
  status: undefined,
  dns: [],
  ...rest,
});
const association = (kind: "na" | "ta" | "pd", iaid: number, ...leases: string[]): dhcp6.Association => ({
  kind,
  iaid,
  t1: 0,
  t2: 0,
  status: undefined,
  leases: leases.map((text) => {
    const [host = "", length = "128"] = text.split("/");
    return { address: address(host), length: Number(length), preferred: 1, valid: 2 };
  }),
});

const wrap = (payload: Uint8Array, change: { source?: string; to?: string; port?: number } = {}): Uint8Array => {
  const [source, destination] = [address(change.source ?? peer), address(change.to ?? "ff02::1:2")];
  const datagram = udp.encode(
    { source: dhcp6.clientPort, destination: change.port ?? dhcp6.serverPort, payload },
    (length) => ipv6.pseudoHeaderSum(source, destination, length, ipv6.nextHeader.udp),
  );
  return ipv6.encode({ nextHeader: 17, hopLimit: 1, source, destination, payload: datagram });
};

function ask(request: dhcp6.Message, who: SubscriberIpv6 = subscriber, to = "ff02::1:2") {
  const { answers, drop, bound } = answerIpv6(wrap(dhcp6.encode(request), { to }), who);
  if (answers.length === 0) return { drop };
  const packet = ipv6.parse(answers[0]!) as ipv6.Packet;
  expect(ipv6.formatAddress(packet.source)).toBe("fe80::1");
  expect(ipv6.formatAddress(packet.destination)).toBe(peer);
  const datagram = udp.parse(packet.payload, (length) =>
    ipv6.pseudoHeaderSum(packet.source, packet.destination, length, 17),
  ) as udp.Datagram;
  expect(datagram).toMatchObject({ source: 547, destination: 546 });
  const reply = dhcp6.parse(datagram.payload) as dhcp6.Message;
  expect(reply.transaction).toBe(request.transaction);
  expect(reply.serverId).toEqual(serverId);
  expect(reply.clientId).toEqual(request.clientId);
  const given = reply.associations.map(({ kind, iaid, leases, status }) =>
    status
      ? [kind, iaid, `status ${status.code}`]
      : [kind, iaid, ...leases.map((l) => `${ipv6.formatAddress(l.address)}/${l.length} ${l.preferred} ${l.valid}`)],
  );
  return {
    reply,
    type: reply.type,
    given,
    bound,
    status: reply.status?.code,
    dns: reply.dns.map((d) => ipv6.formatAddress(d)),
  };
}

const ourAddress = "2001:db8:0:7:2aa:bbff:fecc:dd01/128 14400 86400";
const ourPrefix = "2001:db8:ff00::/56 14400 86400";
const both = [association("na", 1), association("pd", 2)];

describe("DHCPv6", () => {
  test("Solicit, Advertise, Request, Reply", () => {
    expect(ask(message("solicit", { associations: both }))).toMatchObject({
      type: dhcp6.type.advertise,
      given: [
        ["na", 1, ourAddress],
        ["pd", 2, ourPrefix],
      ],
      bound: undefined,
      dns: ["2001:db8::53", "2001:db8::54"],
      reply: { associations: [{ t1: 7200, t2: 11_520 }, {}] },
    });
    expect(ask(message("request", { associations: both }))).toMatchObject({ type: dhcp6.type.reply, bound: true });
  });

  test("Solicit with Rapid Commit", () => {
    const answer = ask(message("solicit", { associations: both, rapidCommit: true }));
    expect(answer).toMatchObject({ type: dhcp6.type.reply, bound: true, reply: { rapidCommit: true } });
  });

  test("a hint is no wish that must be granted; there is one address and one prefix", () => {
    const associations = [association("pd", 1, "2001:db8:1::/48"), association("pd", 2), association("ta", 3)];
    expect(ask(message("request", { associations })).given).toEqual([
      ["pd", 1, ourPrefix],
      ["pd", 2, "status 6"],
      ["ta", 3, "status 2"],
    ]);
    const poor = { ...subscriber, prefix: undefined, delegated: undefined };
    expect(ask(message("solicit", { associations: both }), poor)).toMatchObject({
      type: dhcp6.type.advertise,
      given: [
        ["na", 1, "status 2"],
        ["pd", 2, "status 6"],
      ],
    });
  });

  test.each(["renew", "rebind"] as const)("%s: ours goes on, what is from an earlier session is over", (type) => {
    const associations = [association("pd", 2, "2001:db8:ee00::/56", "2001:db8:ff00::/56"), association("na", 1)];
    expect(ask(message(type, { associations }))).toMatchObject({
      type: dhcp6.type.reply,
      given: [
        ["pd", 2, ourPrefix, "2001:db8:ee00::/56 0 0"],
        ["na", 1, ourAddress],
      ],
      bound: true,
    });
    const poor = { ...subscriber, delegated: undefined };
    expect(ask(message(type, { associations: [association("pd", 2, "2001:db8:ee00::/56")] }), poor)).toMatchObject({
      given: [["pd", 2, "2001:db8:ee00::/56 0 0"]],
      bound: undefined,
    });
    expect(ask(message(type, { associations: [association("pd", 2)] }), poor).given).toEqual([["pd", 2, "status 3"]]);
  });

  test("Confirm", () => {
    const confirm = (...leases: string[]) =>
      ask(message("confirm", { associations: [association("na", 1, ...leases)] }));
    expect(confirm("2001:db8:0:7::99").status).toBe(0);
    expect(confirm("2001:db8:0:7::99", "2001:db8:0:8::99").status).toBe(4);
    expect(confirm()).toEqual({ drop: "dhcpv6-nothing-to-say" });
  });

  test.each(["release", "decline"] as const)("%s", (type) => {
    const associations = [association("pd", 1, "2001:db8:ff00::/56"), association("pd", 2, "2001:db8:1::/56")];
    expect(ask(message(type, { associations }))).toMatchObject({ status: 0, given: [["pd", 2, "status 3"]] });
  });

  test("Information-Request, without a client id too", () => {
    expect(ask(message("informationRequest", { clientId: undefined }))).toMatchObject({
      type: dhcp6.type.reply,
      given: [],
      dns: ["2001:db8::53", "2001:db8::54"],
    });
    expect(ask(message("informationRequest", { associations: both }))).toEqual({ drop: "dhcpv6-nothing-to-say" });
  });

  test("sent to our own address", () => {
    expect(ask(message("request", { associations: both }), subscriber, "fe80::1")).toMatchObject({
      status: 5,
      given: [],
    });
    expect(ask(message("solicit"), subscriber, "fe80::1")).toEqual({ drop: "dhcpv6-unicast" });
  });

  test.each([
    ["dhcpv6-no-client-id", message("solicit", { clientId: undefined })],
    ["dhcpv6-server-id", message("solicit", { serverId })],
    ["dhcpv6-server-id", message("rebind", { serverId })],
    ["dhcpv6-no-server-id", message("request", { serverId: undefined })],
    ["dhcpv6-other-server", message("renew", { serverId: hex("0003 0001 000000000009") })],
    ["dhcpv6-other-server", message("informationRequest", { serverId: hex("0003 0001 000000000009") })],
    ["dhcpv6-not-for-servers", message("reply")],
    ["dhcpv6-not-for-servers", message("reconfigure")],
  ])("%s is dropped", (drop, request) => {
    expect(ask(request)).toEqual({ drop });
  });

  test.each([
    ["udp-port", wrap(dhcp6.encode(message("solicit")), { port: 53 })],
    ["not-for-router", wrap(dhcp6.encode(message("solicit")), { to: "ff05::1:3" })],
    ["dhcpv6-source", wrap(dhcp6.encode(message("solicit")), { source: "2001:db8:0:7::5" })],
    ["dhcpv6-malformed", wrap(hex("01 000001 0001"))],
    [
      "malformed",
      ipv6.encode({
        nextHeader: 17,
        hopLimit: 1,
        source: address(peer),
        destination: address("ff02::1:2"),
        payload: hex("0222"),
      }),
    ],
  ])("%s is dropped, too", (drop, packet) => {
    expect(answerIpv6(packet, subscriber)).toEqual({ answers: [], drop });
  });

  test("many associations make no long answer", () => {
    const associations = Array.from({ length: 60 }, (_, iaid) => association("pd", iaid));
    const { answers } = answerIpv6(wrap(dhcp6.encode(message("request", { associations }))), subscriber);
    expect(answers[0]!.length).toBeLessThan(600);
  });
});

test("whatever a subscriber sends, at most one answer and no exception", () => {
  const random = seededNumbers(seed);
  const below = (n: number) => Math.floor(random() * n);
  const models = [
    nd(133, "00000000 0101aabbccddeeff"),
    nd(135, "00000000 fe80000000000000 0000000000000001"),
    nd(128, "00010001 0000"),
    wrap(dhcp6.encode(message("solicit", { associations: both, rapidCommit: true, requested: [23] }))),
    wrap(dhcp6.encode(message("renew", { associations: [association("pd", 2, "2001:db8:ee00::/56")] }))),
  ];
  /** Puts the checksum right, so that what is behind it is reached. */
  const mend = (bytes: Uint8Array): Uint8Array => {
    const packet = ipv6.parse(bytes);
    if (isMalformed(packet) || packet.payload.length < 8) return bytes;
    if (packet.nextHeader === 58) {
      return icmp6.encode(
        { type: packet.payload[0]!, code: packet.payload[1]!, body: packet.payload.subarray(4) },
        packet,
      );
    }
    return packet.nextHeader === 17 ? wrap(packet.payload.subarray(8)) : bytes;
  };
  let answered = 0;
  for (let round = 0; round < (long ? 200_000 : 5000); round++) {
    const model = models[below(models.length)]!;
    let bytes = Uint8Array.from(model.subarray(0, random() < 0.8 ? model.length : below(model.length)));
    for (let edits = below(4); edits > 0 && bytes.length > 0; edits--) bytes[below(bytes.length)] = below(256);
    if (random() < 0.8) bytes = Uint8Array.from(mend(bytes));
    const { answers, drop } = answerIpv6(bytes, subscriber);
    expect(answers.length + (drop === undefined ? 0 : 1)).toBe(1);
    answered += answers.length;
    for (const answer of answers) expect(isMalformed(ipv6.parse(answer))).toBe(false);
  }
  expect(answered).toBeGreaterThan(500);
});
