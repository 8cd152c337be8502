/* Cursor-style packet parsing shared by the test programs. */
#ifndef PARSE_H
#define PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VLAN_DEPTH 3
#define VLAN_ID_MASK 0x0fff

struct cursor {
	void *at;
	void *end;
};

struct vlan_header {
	__be16 tci;
	__be16 protocol;
};

struct vlan_ids {
	__u16 id[VLAN_DEPTH];
	__u16 count;
};

static __always_inline void cursor_init(struct cursor *cursor, struct xdp_md *ctx)
{
	cursor->at = (void *)(long)ctx->data;
	cursor->end = (void *)(long)ctx->data_end;
}

static __always_inline int is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

/* Ethernet with up to VLAN_DEPTH tags. Gives the protocol that follows (network order), or -1. */
static __always_inline int parse_ethernet(struct cursor *cursor, struct ethhdr **out, struct vlan_ids *vlans)
{
	struct ethhdr *eth = cursor->at;
	__be16 protocol;
	struct vlan_header *vlan;
	int i;

	if ((void *)(eth + 1) > cursor->end)
		return -1;
	cursor->at = eth + 1;
	*out = eth;
	protocol = eth->h_proto;
	vlan = cursor->at;
#pragma unroll
	for (i = 0; i < VLAN_DEPTH; i++) {
		if (!is_vlan(protocol))
			break;
		if ((void *)(vlan + 1) > cursor->end)
			break;
		protocol = vlan->protocol;
		if (vlans) {
			vlans->id[i] = bpf_ntohs(vlan->tci) & VLAN_ID_MASK;
			vlans->count = i + 1;
		}
		vlan++;
	}
	cursor->at = vlan;
	return protocol;
}

static __always_inline int parse_ipv4(struct cursor *cursor, struct iphdr **out)
{
	struct iphdr *ip = cursor->at;
	int length;

	if ((void *)(ip + 1) > cursor->end)
		return -1;
	length = ip->ihl * 4;
	if (length < (int)sizeof(*ip))
		return -1;
	if (cursor->at + length > cursor->end)
		return -1;
	cursor->at += length;
	*out = ip;
	return ip->protocol;
}

static __always_inline int parse_ipv6(struct cursor *cursor, struct ipv6hdr **out)
{
	struct ipv6hdr *ip6 = cursor->at;

	if ((void *)(ip6 + 1) > cursor->end)
		return -1;
	cursor->at = ip6 + 1;
	*out = ip6;
	return ip6->nexthdr;
}

static __always_inline int parse_udp(struct cursor *cursor, struct udphdr **out)
{
	struct udphdr *udp = cursor->at;
	int length;

	if ((void *)(udp + 1) > cursor->end)
		return -1;
	cursor->at = udp + 1;
	*out = udp;
	length = bpf_ntohs(udp->len) - sizeof(*udp);
	return length < 0 ? -1 : length;
}

static __always_inline int parse_tcp(struct cursor *cursor, struct tcphdr **out)
{
	struct tcphdr *tcp = cursor->at;
	int length;

	if ((void *)(tcp + 1) > cursor->end)
		return -1;
	length = tcp->doff * 4;
	if (length < (int)sizeof(*tcp))
		return -1;
	if (cursor->at + length > cursor->end)
		return -1;
	cursor->at += length;
	*out = tcp;
	return length;
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

#endif
