import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { advertise, answerIpv6, type SubscriberIpv6 } from "../../src/gateway/addresses/index.js";
import * as dhcp6 from "../../src/wire/dhcp6.js";
import * as ipv6 from "../../src/wire/ipv6.js";
import * as udp from "../../src/wire/udp.js";
import { run } from "../peers/process.js";
import { requires } from "../peers/requires.js";
import { temporaryDirectory, undoStack } from "../peers/undo.js";

const skip = requires("tshark on a subscriber's IPv6", ["tshark"]);

const subscriber: SubscriberIpv6 = {
  localInterfaceId: "0000000000000001",
  peerInterfaceId: "02aabbfffeccdd01",
  prefix: "2001:db8:0:7::/64",
  delegated: "2001:db8:ff00::/56",
  dns: ["2001:db8::53"],
  mtu: 1492,
};

/** A capture file of whole IP packets (https://www.tcpdump.org/linktypes.html: LINKTYPE_RAW). */
function pcap(packets: readonly Uint8Array[]): Uint8Array {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(101, 20);
  const records = packets.flatMap((packet) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(packet.length, 8);
    record.writeUInt32LE(packet.length, 12);
    return [record, packet];
  });
  return Buffer.concat([header, ...records]);
}

function request(): Uint8Array {
  const [source, destination] = [ipv6.parseAddress("fe80::2aa:bbff:fecc:dd01")!, ipv6.parseAddress("ff02::1:2")!];
  const message: dhcp6.Message = {
    type: dhcp6.type.solicit,
    transaction: 0x123456,
    clientId: Uint8Array.of(0, 3, 0, 1, 1, 2, 3, 4, 5, 6),
    serverId: undefined,
    associations: (["na", "pd"] as const).map((kind) => ({
      kind,
      iaid: 7,
      t1: 0,
      t2: 0,
      leases: [],
      status: undefined,
    })),
    requested: [dhcp6.option.dns],
    preference: undefined,
    rapidCommit: true,
    status: undefined,
    dns: [],
  };
  const sum = (length: number) => ipv6.pseudoHeaderSum(source, destination, length, ipv6.nextHeader.udp);
  const ports = { source: dhcp6.clientPort, destination: dhcp6.serverPort };
  const payload = udp.encode({ ...ports, payload: dhcp6.encode(message) }, sum);
  return ipv6.encode({ nextHeader: ipv6.nextHeader.udp, hopLimit: 1, source, destination, payload });
}

const fields = {
  checksum: "icmpv6.checksum.status",
  lifetime: "icmpv6.nd.ra.router_lifetime",
  prefix: "icmpv6.opt.prefix",
  mtu: "icmpv6.opt.mtu",
  rdnss: "icmpv6.opt.rdnss",
  udpChecksum: "udp.checksum.status",
  type: "dhcpv6.msgtype",
  transaction: "dhcpv6.xid",
  address: "dhcpv6.iaaddr.ip",
  delegated: "dhcpv6.iaprefix.pref_addr",
  length: "dhcpv6.iaprefix.pref_len",
  dns: "dhcpv6.dns_server",
  malformed: "_ws.malformed",
} as const;

describe.skipIf(skip.reason !== undefined)("tshark reads what we tell a subscriber's network", () => {
  const undo = undoStack();
  afterEach(() => undo.run());

  it("as we meant it, checksums and all", async () => {
    const file = join(temporaryDirectory(undo, "tshark-ipv6"), "packets.pcap");
    const solicit = request();
    writeFileSync(file, pcap([advertise(subscriber, 1800), solicit, ...answerIpv6(solicit, subscriber).answers]));
    const text = await run([
      "tshark",
      ...["-r", file, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,"],
      ...["-o", "udp.check_checksum:TRUE"],
      ...Object.values(fields).flatMap((field) => ["-e", field]),
    ]);
    const decoded = text
      .trimEnd()
      .split("\n")
      .map((line) => {
        const values = line.split("\t");
        const told = Object.keys(fields).map((name, index) => [name, values[index] ?? ""]);
        return Object.fromEntries(told.filter(([, value]) => value !== "")) as Record<string, string>;
      });
    expect(decoded).toEqual([
      { checksum: "1", lifetime: "1800", prefix: "2001:db8:0:7::", mtu: "1492", rdnss: "2001:db8::53" },
      { udpChecksum: "1", type: "1", transaction: "0x123456" },
      {
        udpChecksum: "1",
        type: "7",
        transaction: "0x123456",
        address: "2001:db8:0:7:2aa:bbff:fecc:dd01",
        delegated: "2001:db8:ff00::",
        length: "56",
        dns: "2001:db8::53",
      },
    ]);
  });
});
