/** A subscriber behind a LAC: PPP as a client, counting what it sends and receives, and answering pings. */
import { randomBytes } from "node:crypto";
import type { Ended } from "../../src/l2tp/types.js";
import { createLink, createNetwork, isLinkProtocol, parseFrame, pppProtocol } from "../../src/ppp/index.js";
import type { AuthProtocol, LinkEnd, LinkSettings, Network, NetworkOutput } from "../../src/ppp/types.js";
import { answerEcho } from "../../src/wire/icmp.js";
import * as icmp6 from "../../src/wire/icmp6.js";
import * as ipv4 from "../../src/wire/ipv4.js";
import * as ipv6 from "../../src/wire/ipv6.js";
import { isMalformed } from "../../src/wire/malformed.js";
import * as udp from "../../src/wire/udp.js";
import type { Lac } from "./lac.js";
import { eventually } from "./process.js";

export interface SubscriberOptions {
  readonly user: string;
  readonly password: string;
  readonly allow?: readonly AuthProtocol[];
  readonly calledNumber?: string;
  readonly callingNumber?: string;
  readonly ipv6?: boolean;
}

export interface Tally {
  packets: number;
  bytes: number;
}

export interface Subscriber {
  readonly user: string;
  address: string | undefined;
  dns: readonly string[];
  interfaceId: string | undefined;
  /** Prefixes out of router advertisements. */
  readonly prefixes: string[];
  ended: { readonly reason: LinkEnd; readonly message: string | undefined } | undefined;
  /** How its call ended. */
  hungUp: Ended | undefined;
  /** IP packets, and bytes of them; router advertisements, which are nobody's traffic, are not among them. */
  readonly sent: Tally;
  readonly received: Tally;
  send(packet: Uint8Array): void;
  /** A UDP packet, of `size` bytes with its headers. */
  sendUdp(destination: string, port: number, size: number, source?: string): void;
  /** Ends PPP, and the call after it. */
  hangUp(): void;
  /** The call is gone without a word of PPP: the LAC says that the carrier is lost. */
  drop(): void;
  /** Nothing of it arrives any more, either way. */
  cut(): void;
}

const counters = { restartTimer: 1000, maxConfigure: 10, maxTerminate: 2, maxFailure: 5 } as const;
const lossOfCarrier = 1;
const header = { 4: pppProtocol.ipv4, 6: pppProtocol.ipv6 } as const;

const settingsOf = ({ user, password, allow }: SubscriberOptions): LinkSettings => ({
  ...counters,
  mru: 1500,
  magicNumber: true,
  protocolFieldCompression: false,
  addressAndControlFieldCompression: false,
  authenticate: [],
  name: user,
  credentials: { password: Buffer.from(password), allow: allow ?? ["pap", "chap-md5", "mschapv2", "eap"] },
  multilink: undefined,
  passive: false,
  echoInterval: 0,
  echoFailures: 3,
  authenticationTimeout: 20_000,
  rechallengeInterval: 0,
});

export function dial(lac: Lac, options: SubscriberOptions): Subscriber {
  const link = createLink(settingsOf(options), (length) => randomBytes(length));
  let network: Network | undefined;
  let timer: NodeJS.Timeout | undefined;

  const onNetwork = (output: NetworkOutput): void => {
    if (output.type === "send") lac.send(call, output.bytes);
    else if (output.type === "ipv4-up") {
      subscriber.address = output.local;
      subscriber.dns = output.dns;
    } else if (output.type === "ipv6-up") subscriber.interfaceId = output.localInterfaceId;
    else if (output.type === "unknown-protocol") link.rejectProtocol(output.protocol, output.information, Date.now());
  };

  const begin = (): void => {
    network = createNetwork(
      { ...counters, mpls: false, client: true },
      {
        ipv4: { local: "0.0.0.0", peer: "0.0.0.0", dns: [], nbns: [] },
        ipv6: options.ipv6 ? { localInterfaceId: "00000000000000aa", peerInterfaceId: undefined } : undefined,
      },
      (length) => randomBytes(length),
    );
    network.open(Date.now());
  };

  const settle = (): void => {
    for (let outputs = link.take(); outputs.length > 0; outputs = link.take()) {
      for (const output of outputs) {
        if (output.type === "send") lac.send(call, output.bytes);
        else if (output.type === "down") {
          subscriber.ended = output;
          // As a modem, or PPPoE, hangs up after PPP has.
          subscriber.drop();
        } else if (output.type === "network") begin();
      }
    }
    for (const output of network?.take() ?? []) onNetwork(output);
    clearTimeout(timer);
    const at = Math.min(link.deadline() ?? Infinity, network?.deadline() ?? Infinity);
    if (at === Infinity || subscriber.hungUp) return;
    timer = setTimeout(
      () => {
        const now = Date.now();
        if ((link.deadline() ?? Infinity) <= now) link.expire(now);
        if ((network?.deadline() ?? Infinity) <= now) network?.expire(now);
        settle();
      },
      Math.max(0, at - Date.now()),
    );
    timer.unref();
  };

  const receive = (packet: Uint8Array): void => {
    const advertised = advertisedBy(packet);
    if (advertised) {
      subscriber.prefixes.push(...advertised);
      return;
    }
    subscriber.received.packets++;
    subscriber.received.bytes += packet.length;
    const reply = answerEcho(packet, [destinationOf(packet)]);
    if (reply) subscriber.send(reply);
  };

  const subscriber: Subscriber = {
    user: options.user,
    address: undefined,
    dns: [],
    interfaceId: undefined,
    prefixes: [],
    ended: undefined,
    hungUp: undefined,
    sent: { packets: 0, bytes: 0 },
    received: { packets: 0, bytes: 0 },
    send(packet) {
      subscriber.sent.packets++;
      subscriber.sent.bytes += packet.length;
      const protocol = header[packet[0]! >> 4 === 6 ? 6 : 4];
      const frame = new Uint8Array(4 + packet.length);
      frame.set([0xff, 0x03, protocol >> 8, protocol & 0xff]);
      frame.set(packet, 4);
      lac.send(call, frame);
    },
    sendUdp(destination, port, size, source = subscriber.address!) {
      subscriber.send(udpPacket(source, destination, port, size));
    },
    hangUp() {
      link.close(Date.now());
      settle();
    },
    drop: () => lac.hangUp(call, { result: lossOfCarrier }),
    cut: () => lac.cut(call),
  };

  const { calledNumber = "100", callingNumber = "5551234" } = options;
  const call = lac.place(
    { calledNumber, callingNumber },
    {
      up() {
        link.open(Date.now());
        settle();
      },
      frame(bytes) {
        const frame = parseFrame(bytes);
        if (!frame) return;
        if (frame.protocol === header[4] || frame.protocol === header[6]) {
          receive(bytes.subarray(frame.at));
          return;
        }
        if (isLinkProtocol(frame.protocol)) link.handle(bytes, Date.now());
        else network?.handle(bytes, Date.now());
        settle();
      },
      down(ended) {
        subscriber.hungUp = ended;
        clearTimeout(timer);
      },
    },
  );
  return subscriber;
}

/** Dials and waits for addresses; rejects when it is turned away. */
export async function dialIn(lac: Lac, options: SubscriberOptions): Promise<Subscriber> {
  const subscriber = dial(lac, options);
  await eventually(`${options.user} has an address`, () => {
    const { ended, hungUp, address, interfaceId } = subscriber;
    if (ended ?? hungUp) throw new Error(`${options.user}: ${JSON.stringify({ ended, hungUp })}`);
    return address !== undefined && (!options.ipv6 || interfaceId !== undefined) ? true : undefined;
  });
  return subscriber;
}

/** Dials and waits until that has come to nothing. */
export async function dialInVain(lac: Lac, options: SubscriberOptions): Promise<Subscriber> {
  const subscriber = dial(lac, options);
  await eventually(`${options.user} is turned away`, () => {
    if (subscriber.address !== undefined) throw new Error(`${options.user} is let in`);
    return subscriber.hungUp;
  });
  return subscriber;
}

function destinationOf(packet: Uint8Array): string {
  if (packet[0]! >> 4 === 6) return ipv6.formatAddress(packet, ipv6.offset.destination);
  return packet.subarray(ipv4.offset.destination, ipv4.headerLength).join(".");
}

/** Undefined: it is no router advertisement. */
function advertisedBy(bytes: Uint8Array): readonly string[] | undefined {
  const packet = ipv6.parse(bytes);
  const message = isMalformed(packet) ? packet : icmp6.parse(packet);
  if (isMalformed(message) || message.type !== icmp6.type.routerAdvertisement) return undefined;
  const advertisement = icmp6.parseRouterAdvertisement(message.body);
  if (isMalformed(advertisement)) return undefined;
  return advertisement.prefixes.map(({ prefix, length }) => `${ipv6.formatAddress(prefix)}/${length}`);
}

function udpPacket(from: string, to: string, port: number, size: number): Uint8Array {
  const [source, destination] = [ipv4.parseAddress(from) ?? 0, ipv4.parseAddress(to) ?? 0];
  const payload = new Uint8Array(size - ipv4.headerLength - udp.headerLength);
  const datagram = udp.encode({ source: port, destination: port, payload }, () => 0);
  // Over IPv4 there need not be a checksum (RFC 768).
  datagram.set([0, 0], udp.offset.checksum);
  return ipv4.encode({
    protocol: 17,
    ttl: 64,
    tos: 0,
    identification: 0,
    fragment: 0,
    source,
    destination,
    payload: datagram,
  });
}
