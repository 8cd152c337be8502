/*
 * What XDP programs for Junctor's devices share: whose a frame is, and where its headers are.
 *
 * Frames as devices show them:
 *
 *   unit, TUN port    Ethernet + IP: the Ethernet header is synthesized (addresses 02:00:…, EtherType IPv4 or IPv6)
 *   channel           the PPP frame: FF 03 or nothing, a protocol number of 1 or 2 bytes, the packet;
 *                     attached with "framing ethernet" as units, other PPP frames with EtherType 880b
 *   UDP port          the UDP payload: an L2TP message
 *   interface of the host (mode native or generic): Ethernet as it is on the wire
 *
 * junctor_packet() finds the IP packet in Ethernet frames, junctor_ppp_packet() in PPP frames.
 */
#ifndef JUNCTOR_H
#define JUNCTOR_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/*
 * Functions of Junctor's own. They are weak: in a kernel they are not there, their address is 0, and the branch that
 * calls them is never verified. Ask with bpf_ksym_exists() before each call, or use the functions below that do.
 */
extern __u32 junctor_session(struct xdp_md *ctx) __ksym __weak; /* number of the session's channel */
extern __u32 junctor_user(struct xdp_md *ctx) __ksym __weak;    /* number of the subscriber */
extern __u32 junctor_tunnel(struct xdp_md *ctx) __ksym __weak;  /* number of the tunnel */
extern __u32 junctor_policy(struct xdp_md *ctx) __ksym __weak;  /* tag of the policy that decided on the session */
extern __u32 junctor_device(struct xdp_md *ctx) __ksym __weak;  /* number of the device whose hook this is */

#ifndef bpf_ksym_exists
#define bpf_ksym_exists(symbol) (!!(symbol))
#endif

/* 0: the frame is nobody's, or this is a kernel. */
static __always_inline __u32 session_of(struct xdp_md *ctx)
{
	return bpf_ksym_exists(junctor_session) ? junctor_session(ctx) : 0;
}

static __always_inline __u32 user_of(struct xdp_md *ctx)
{
	return bpf_ksym_exists(junctor_user) ? junctor_user(ctx) : 0;
}

static __always_inline __u32 policy_of(struct xdp_md *ctx)
{
	return bpf_ksym_exists(junctor_policy) ? junctor_policy(ctx) : 0;
}

/* The device whose hook this is, also on egress; in a kernel, the interface that the frame came in by. */
static __always_inline __u32 device_of(struct xdp_md *ctx)
{
	return bpf_ksym_exists(junctor_device) ? junctor_device(ctx) : ctx->ingress_ifindex;
}

/* The one number that a subscriber's rules are kept by: its user's where there is one, else its device's. */
enum whose {
	WHOSE_ANYBODY = 0, /* number 0: rules for those that have none of their own */
	WHOSE_USER = 1,
	WHOSE_DEVICE = 2,
};

struct who {
	__u32 whose;
	__u32 number;
};

#define ETHERTYPE_PPP 0x880b
#define PPP_ADDRESS_AND_CONTROL 0xff03
#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057

#define IP_MORE_FRAGMENTS 0x2000
#define IP_FRAGMENT_OFFSET 0x1fff

/* An IP packet in a frame. Of `ip` and `ip6` one is NULL; `next` is what follows the IP header. */
struct packet {
	struct iphdr *ip;
	struct ipv6hdr *ip6;
	void *next;
	void *end;
	/* IPPROTO_… of what is at `next`; 0 in a fragment that is not the first one */
	__u8 protocol;
};

enum found {
	FOUND_IP = 0,
	FOUND_OTHER = 1,     /* no IP: ARP, a control frame */
	FOUND_MALFORMED = 2, /* a header is cut off, or says what cannot be */
};

struct junctor_vlan {
	__be16 tci;
	__be16 protocol;
};

static __always_inline enum found junctor_ipv4(struct packet *packet, void *at)
{
	struct iphdr *ip = at;
	__u32 length;

	if ((void *)(ip + 1) > packet->end || ip->version != 4)
		return FOUND_MALFORMED;
	length = ip->ihl * 4;
	if (length < sizeof(*ip) || at + length > packet->end)
		return FOUND_MALFORMED;
	packet->ip = ip;
	packet->next = at + length;
	packet->protocol = ip->frag_off & bpf_htons(IP_FRAGMENT_OFFSET) ? 0 : ip->protocol;
	return FOUND_IP;
}

/* Extension headers are not walked over: packets that have some are of the first one's protocol. */
static __always_inline enum found junctor_ipv6(struct packet *packet, void *at)
{
	struct ipv6hdr *ip6 = at;

	if ((void *)(ip6 + 1) > packet->end || ip6->version != 6)
		return FOUND_MALFORMED;
	packet->ip6 = ip6;
	packet->next = ip6 + 1;
	packet->protocol = ip6->nexthdr;
	return FOUND_IP;
}

/* Finds the IP packet in an Ethernet frame, behind up to two VLAN tags. */
static __always_inline enum found junctor_packet(struct xdp_md *ctx, struct packet *packet)
{
	void *at = (void *)(long)ctx->data;
	struct ethhdr *ethernet = at;
	struct junctor_vlan *vlan;
	__be16 protocol;
	int tags;

	packet->ip = NULL;
	packet->ip6 = NULL;
	packet->end = (void *)(long)ctx->data_end;
	if ((void *)(ethernet + 1) > packet->end)
		return FOUND_MALFORMED;
	protocol = ethernet->h_proto;
	at = ethernet + 1;
#pragma unroll
	for (tags = 0; tags < 2; tags++) {
		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		vlan = at;
		if ((void *)(vlan + 1) > packet->end)
			return FOUND_MALFORMED;
		protocol = vlan->protocol;
		at = vlan + 1;
	}
	if (protocol == bpf_htons(ETH_P_IP))
		return junctor_ipv4(packet, at);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return junctor_ipv6(packet, at);
	return FOUND_OTHER;
}

/* Finds the IP packet in a PPP frame, whatever of its header is compressed (RFC 1661, section 6.5 and 6.6). */
static __always_inline enum found junctor_ppp_packet(struct xdp_md *ctx, struct packet *packet)
{
	__u8 *at = (void *)(long)ctx->data;
	__u16 protocol;

	packet->ip = NULL;
	packet->ip6 = NULL;
	packet->end = (void *)(long)ctx->data_end;
	if ((void *)(at + 4) > packet->end)
		return FOUND_MALFORMED;
	if (at[0] == PPP_ADDRESS_AND_CONTROL >> 8 && at[1] == (PPP_ADDRESS_AND_CONTROL & 0xff))
		at += 2;
	if (at[0] & 1) {
		protocol = at[0];
		at += 1;
	} else {
		protocol = at[0] << 8 | at[1];
		at += 2;
	}
	if (protocol == PPP_IPV4)
		return junctor_ipv4(packet, at);
	if (protocol == PPP_IPV6)
		return junctor_ipv6(packet, at);
	return FOUND_OTHER;
}

/* Ports of TCP and UDP, which begin alike; NULL for other protocols. */
struct ports {
	__be16 source;
	__be16 destination;
};

static __always_inline struct ports *ports_of(struct packet *packet)
{
	struct ports *ports = packet->next;

	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
		return NULL;
	return (void *)(ports + 1) > packet->end ? NULL : ports;
}

/* The TCP header if the segment asks for a connection (SYN without ACK), else NULL. */
static __always_inline struct tcphdr *connecting(struct packet *packet)
{
	struct tcphdr *tcp = packet->next;

	if (packet->protocol != IPPROTO_TCP || (void *)(tcp + 1) > packet->end)
		return NULL;
	return tcp->syn && !tcp->ack ? tcp : NULL;
}

/* Keys of LPM tries: a prefix of an address, alone or within a device. */
struct prefix4 {
	__u32 prefixlen;
	__u8 address[4];
};

struct prefix6 {
	__u32 prefixlen;
	__u8 address[16];
};

#endif
