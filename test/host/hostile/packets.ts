/** What a subscriber who means harm sends: IP packets and PPP frames that lie in every field there is. */
import { ip, tcp, udp } from "../packets.js";
import type { Random } from "./random.js";

export interface Ground {
  /** Addresses of the attacker's own, and of others: subscribers, the host, nobody, the wire's special ones. */
  readonly own: readonly string[];
  readonly others: readonly string[];
  /** Where packets go; by default to all of these. */
  readonly to?: readonly string[];
}

const be16 = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];
const extensionHeaders = [0, 43, 44, 50, 51, 60, 135, 139, 140, 253] as const;
const tcpOptions = [
  [2, 4, 5, 0xb4],
  [2, 4, 0xff, 0xff],
  [2, 3, 1],
  [2, 0],
  [1, 1, 1, 2],
  [8, 10],
  [0],
  [254, 255],
] as const;

function payloadOf(random: Random, kind: number, addresses: { from: string; to: string }): Uint8Array {
  const data = random.bytes(random.below(random.below(4) === 0 ? 1400 : 60));
  const ports = [random.below(65_536), random.below(65_536)] as const;
  if (kind === 0) return udp(addresses, ports, data);
  if (kind === 1)
    return tcp(addresses, ports, data, {
      flags: random.below(256),
      tcpOptions: [...random.pick(tcpOptions), 0, 0, 0, 0].slice(0, 4),
    });
  if (kind === 2)
    return ip(addresses, addresses.from.includes(":") ? 58 : 1, Uint8Array.of(128 - 120 * random.below(2), ...data));
  return ip(addresses, random.below(256), data);
}

/** An IPv6 packet behind a chain of extension headers, the lengths of which need not be true. */
function extended(random: Random, packet: Uint8Array): Uint8Array {
  const kinds = Array.from({ length: 1 + random.below(4) }, () => random.pick(extensionHeaders));
  const chain = kinds.map((_, index) => {
    const next = kinds[index + 1] ?? packet[6]!;
    return Uint8Array.of(next, random.below(8) === 0 ? random.below(256) : 0, ...random.bytes(6));
  });
  const body = [...chain.flatMap((each) => [...each]), ...packet.subarray(40)];
  const whole = Uint8Array.of(...packet.subarray(0, 40), ...body);
  whole.set(be16(body.length), 4);
  whole[6] = kinds[0]!;
  return whole;
}

const spoils: readonly ((packet: Uint8Array, random: Random) => Uint8Array)[] = [
  (packet) => packet,
  (packet) => packet,
  (packet, random) => packet.subarray(0, random.below(packet.length + 1)),
  (packet, random) => Uint8Array.of(...packet, ...random.bytes(random.below(30))),
  function version(packet, random) {
    packet[0] = random.below(256);
    return packet;
  },
  function length(packet, random) {
    packet.set(
      be16(random.pick([0, 1, 19, 20, 21, 39, 40, packet.length - 1, packet.length + 1, 0xffff])),
      packet[0]! >> 4 === 4 ? 2 : 4,
    );
    return packet;
  },
  function fragment(packet, random) {
    if (packet[0]! >> 4 === 4) packet.set(be16(random.below(65_536)), 6);
    return packet;
  },
  function options(packet, random) {
    if (packet[0]! >> 4 === 4) packet[0] = 0x40 | (5 + random.below(11));
    return packet;
  },
  function anything(packet, random) {
    for (let n = 1 + random.below(4); n > 0; n--) packet[random.below(packet.length)] = random.below(256);
    return packet;
  },
  (packet, random) => (packet[0]! >> 4 === 6 ? extended(random, packet) : packet),
];

/** Mostly from the attacker's own address, else it would not get far. */
export function ipPacket(random: Random, { own, others, to: targets = [...own, ...others] }: Ground): Uint8Array {
  const from = random.below(3) > 0 ? random.pick(own) : random.pick(others);
  const family = from.includes(":");
  const to = random.pick(targets.filter((address) => address.includes(":") === family));
  return random.pick(spoils)(payloadOf(random, random.below(4), { from, to }).slice(), random);
}

const framings = [[0xff, 0x03, 0x00], [0x00], [], [0xff, 0x03]] as const;

/** The packet as a PPP frame, framed in one of the ways that there are. */
export const framed = (random: Random, packet: Uint8Array): Uint8Array =>
  Uint8Array.of(...random.pick(framings), (packet[0] ?? 0) >> 4 === 6 ? 0x57 : 0x21, ...packet);

/** Fragments of a multilink bundle (RFC 1990 §3, long sequence numbers): now and then as they should be. */
export function createFragmenter(random: Random): (frame: Uint8Array) => readonly Uint8Array[] {
  let sequence = 0;
  const fragment = (flags: number, data: Uint8Array): Uint8Array => {
    const number = random.below(20) === 0 ? random.below(1 << 24) : sequence++;
    return Uint8Array.of(0x00, 0x3d, flags, (number >>> 16) & 0xff, (number >>> 8) & 0xff, number & 0xff, ...data);
  };
  return (frame) => {
    const count = 1 + random.below(4);
    const size = Math.ceil(frame.length / count) || 1;
    return Array.from({ length: count }, (_, index) => {
      const flags = (index === 0 ? 0x80 : 0) | (index === count - 1 ? 0x40 : 0);
      return fragment(
        random.below(20) === 0 ? random.below(256) : flags,
        frame.subarray(index * size, (index + 1) * size),
      );
    }).filter(() => random.below(25) > 0);
  };
}
