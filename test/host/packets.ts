/** IP packets for tests, with their checksums; written apart from what is under test. */

function sum16(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const bytes of parts) {
    for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return sum;
}

const be16 = (value: number) => [(value >>> 8) & 0xff, value & 0xff];
const be32 = (value: number) => [...be16(value >>> 16), ...be16(value & 0xffff)];

export interface Addresses {
  readonly from: string;
  readonly to: string;
}

export function addressOctets(text: string): number[] {
  if (!text.includes(":")) return text.split(".").map(Number);
  const [head = "", tail] = text.split("::");
  const groups = (part: string) =>
    part
      .split(":")
      .filter(Boolean)
      .map((group) => Number.parseInt(group, 16));
  const [front, back] = [groups(head), groups(tail ?? "")];
  return [...front, ...Array<number>(8 - front.length - back.length).fill(0), ...back].flatMap(be16);
}

export interface IpOptions {
  readonly id?: number;
  readonly dontFragment?: boolean;
  readonly options?: readonly number[];
}

/** An IP packet with `payload` of transport protocol `kind`. */
export function ip({ from, to }: Addresses, kind: number, payload: Uint8Array, more: IpOptions = {}): Uint8Array {
  const addresses = [...addressOctets(from), ...addressOctets(to)];
  if (from.includes(":")) {
    return Uint8Array.of(0x60, 0, 0, 0, ...be16(payload.length), kind, 64, ...addresses, ...payload);
  }
  const { id = 0, dontFragment = true, options = [] } = more;
  const length = 20 + options.length;
  const first = 0x40 | (length / 4);
  const fragment = be16(dontFragment ? 0x4000 : 0);
  const fields = [first, 0, ...be16(length + payload.length), ...be16(id), ...fragment, 64, kind];
  const checksum = ~sum16(Uint8Array.of(...fields, 0, 0, ...addresses, ...options)) & 0xffff;
  return Uint8Array.of(...fields, ...be16(checksum), ...addresses, ...options, ...payload);
}

function pseudo({ from, to }: Addresses, kind: number, length: number): Uint8Array {
  return Uint8Array.of(...addressOctets(from), ...addressOctets(to), ...be32(length), 0, 0, 0, kind);
}

/** The transport checksum of a whole packet that has it: 0xffff when it is right. */
export function transportSum(packet: Uint8Array): number {
  const v4 = packet[0]! >>> 4 === 4;
  const own = v4 ? (packet[0]! & 0xf) * 4 : 40;
  const kind = v4 ? packet[9]! : packet[6]!;
  const addresses = v4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const segment = packet.subarray(own);
  return sum16(addresses, Uint8Array.of(...be32(segment.length), 0, 0, 0, kind), segment);
}

/** The IPv4 header's checksum: 0xffff when it is right. */
export const headerSum = (packet: Uint8Array): number => sum16(packet.subarray(0, (packet[0]! & 0xf) * 4));

export function udp(
  addresses: Addresses,
  ports: readonly [number, number],
  data: Uint8Array,
  more?: IpOptions,
): Uint8Array {
  const length = 8 + data.length;
  const head = [...be16(ports[0]), ...be16(ports[1]), ...be16(length)];
  const sum = ~sum16(pseudo(addresses, 17, length), Uint8Array.of(...head, 0, 0, ...data)) & 0xffff;
  return ip(addresses, 17, Uint8Array.of(...head, ...be16(sum === 0 ? 0xffff : sum), ...data), more);
}

export interface TcpOptions extends IpOptions {
  readonly sequence?: number;
  readonly acknowledgment?: number;
  readonly flags?: number;
  readonly window?: number;
  readonly tcpOptions?: readonly number[];
}

export function tcp(
  addresses: Addresses,
  ports: readonly [number, number],
  data: Uint8Array,
  more: TcpOptions = {},
): Uint8Array {
  const { sequence = 1, acknowledgment = 1, flags = 0x10, window = 500, tcpOptions = [] } = more;
  const offset = ((20 + tcpOptions.length) / 4) << 4;
  const head = [...be16(ports[0]), ...be16(ports[1]), ...be32(sequence >>> 0), ...be32(acknowledgment), offset, flags];
  const rest = [...be16(window), 0, 0, 0, 0, ...tcpOptions, ...data];
  const length = head.length + rest.length;
  const sum = ~sum16(pseudo(addresses, 6, length), Uint8Array.of(...head, ...rest)) & 0xffff;
  rest[2] = sum >>> 8;
  rest[3] = sum & 0xff;
  return ip(addresses, 6, Uint8Array.of(...head, ...rest), more);
}
