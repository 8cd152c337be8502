/** What a subscriber's router answers on its link: Neighbor Discovery, pings to itself, DHCPv6. */
import * as dhcp6 from "../../wire/dhcp6.js";
import { answerEcho6 } from "../../wire/icmp.js";
import * as icmp6 from "../../wire/icmp6.js";
import * as ipv6 from "../../wire/ipv6.js";
import { isMalformed } from "../../wire/malformed.js";
import * as udp from "../../wire/udp.js";
import { advertisement } from "./advertise.js";
import { answerDhcp6 } from "./dhcp6-server.js";
import { allDhcpServers, allNodes, allRouters, routerAddress, same } from "./router.js";
import type { AnswerIpv6, SubscriberIpv6 } from "./types.js";

type Answer = ReturnType<AnswerIpv6>;

/** AdvDefaultLifetime (RFC 4861 §6.2.1), seconds. */
const routerLifetime = 1800;
const hopLimit = 64;

const dropped = (drop: string): Answer => ({ answers: [], drop });
const answered = (...answers: readonly Uint8Array[]): Answer => ({ answers });

export const answerIpv6: AnswerIpv6 = (bytes, subscriber) => {
  const packet = ipv6.parse(bytes);
  if (isMalformed(packet)) return dropped("malformed");
  if (ipv6.isMulticast(packet.source)) return dropped("source-multicast");
  const us = routerAddress(subscriber);
  // Every Linux host tells its groups (MLD, RFC 3810), which no router on a point-to-point link needs to know.
  if (packet.nextHeader === ipv6.nextHeader.hopByHop) return dropped("hop-by-hop");
  if (packet.nextHeader === ipv6.nextHeader.icmpv6) return answerIcmp(packet, us, subscriber);
  if (packet.nextHeader === ipv6.nextHeader.udp) return answerUdp(packet, us, subscriber);
  return dropped("next-header");
};

function answerIcmp(packet: ipv6.Packet, us: Uint8Array, subscriber: SubscriberIpv6): Answer {
  const message = icmp6.parse(packet);
  if (isMalformed(message)) return dropped("malformed");
  if (message.type === icmp6.type.echoRequest) return answerPing(packet, us);
  if (message.type !== icmp6.type.routerSolicitation && message.type !== icmp6.type.neighborSolicitation) {
    return dropped("icmpv6-type");
  }
  // RFC 4861 §6.1.1, §7.1.1
  if (packet.hopLimit !== icmp6.discoveryHopLimit) return dropped("hop-limit");
  if (message.code !== 0) return dropped("malformed");
  return message.type === icmp6.type.routerSolicitation
    ? answerSolicitation(packet, message.body, subscriber)
    : answerNeighbor(packet, message.body, us);
}

function answerPing(packet: ipv6.Packet, us: Uint8Array): Answer {
  const ours = [us, allNodes, allRouters].some((address) => same(address, packet.destination));
  if (!ours || !ipv6.isLinkLocal(packet.source)) return dropped("not-for-router");
  const reply = answerEcho6(packet, packet.source, us);
  return reply === undefined ? dropped("malformed") : answered(reply);
}

function answerSolicitation({ source }: ipv6.Packet, body: Uint8Array, subscriber: SubscriberIpv6): Answer {
  const solicitation = icmp6.parseRouterSolicitation(body);
  if (isMalformed(solicitation)) return dropped("malformed");
  const unspecified = ipv6.isUnspecified(source);
  if (unspecified && solicitation.hasLinkLayerAddress) return dropped("malformed"); // RFC 4861 §6.1.1
  return answered(advertisement(subscriber, routerLifetime, ipv6.isLinkLocal(source) ? source : allNodes));
}

/** Somebody makes sure that we are there (RFC 4861 §7.3), or wants to be called as we are (RFC 4862 §5.4). */
function answerNeighbor({ source }: ipv6.Packet, body: Uint8Array, us: Uint8Array): Answer {
  const target = icmp6.parseNeighborSolicitation(body);
  if (isMalformed(target)) return dropped("malformed");
  if (!same(target, us)) return dropped("neighbor-other-target");
  const { router, solicited, override } = icmp6.neighborFlag;
  const detecting = ipv6.isUnspecified(source);
  const flags = (router | override | (detecting ? 0 : solicited)) >>> 0;
  const advertised = {
    type: icmp6.type.neighborAdvertisement,
    code: 0,
    body: icmp6.encodeNeighborAdvertisement(flags, us),
  };
  const destination = detecting ? allNodes : source;
  return answered(icmp6.encode(advertised, { source: us, destination, hopLimit: icmp6.discoveryHopLimit }));
}

function answerUdp(packet: ipv6.Packet, us: Uint8Array, subscriber: SubscriberIpv6): Answer {
  const { source, destination, payload } = packet;
  const sum =
    (from: Uint8Array, to: Uint8Array): udp.PseudoHeader =>
    (length) =>
      ipv6.pseudoHeaderSum(from, to, length, ipv6.nextHeader.udp);
  const datagram = udp.parse(payload, sum(source, destination));
  if (isMalformed(datagram)) return dropped("malformed");
  if (datagram.destination !== dhcp6.serverPort) return dropped("udp-port");
  const unicast = same(destination, us);
  if (!unicast && !same(destination, allDhcpServers)) return dropped("not-for-router");
  if (!ipv6.isLinkLocal(source)) return dropped("dhcpv6-source");
  const message = dhcp6.parse(datagram.payload);
  if (isMalformed(message)) return dropped("dhcpv6-malformed");
  const { reply, drop, bound } = answerDhcp6(message, unicast, subscriber);
  if (reply === undefined) return dropped(drop ?? "dhcpv6");
  const answer = udp.encode(
    { source: dhcp6.serverPort, destination: dhcp6.clientPort, payload: dhcp6.encode(reply) },
    sum(us, source),
  );
  const whole = ipv6.encode({
    nextHeader: ipv6.nextHeader.udp,
    hopLimit,
    source: us,
    destination: source,
    payload: answer,
  });
  return bound === true ? { answers: [whole], bound } : answered(whole);
}
