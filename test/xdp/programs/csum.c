/* NAT of IPv4 with all checksums brought up to date by bpf_csum_diff, katran-like folding. */
#include "parse.h"

struct flow {
	__be32 source;
	__be32 destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 pad[3];
};

struct translation {
	__be32 address;
	__be16 port;
	__u16 pad;
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct flow);
	__type(value, struct translation);
	__uint(max_entries, 4096);
} flows SEC(".maps");

static __always_inline __u16 csum_fold(__u64 csum)
{
	int i;

#pragma unroll
	for (i = 0; i < 4; i++) {
		if (csum >> 16)
			csum = (csum & 0xffff) + (csum >> 16);
	}
	return ~csum;
}

static __always_inline void ipv4_csum(struct iphdr *ip)
{
	ip->check = 0;
	ip->check = csum_fold(bpf_csum_diff(0, 0, (__be32 *)ip, sizeof(*ip), 0));
}

SEC("xdp")
int snat(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct flow flow = {};
	struct translation *to;
	struct {
		__be32 address;
		__be32 port;
	} before, after;
	__u16 *check;
	__be16 *port;

	cursor_init(&cursor, ctx);
	if (parse_ethernet(&cursor, &eth, 0) != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	flow.protocol = 0;
	switch (parse_ipv4(&cursor, &ip)) {
	case IPPROTO_TCP: {
		struct tcphdr *tcp = cursor.at;

		if ((void *)(tcp + 1) > cursor.end)
			return XDP_DROP;
		flow.source_port = tcp->source;
		flow.destination_port = tcp->dest;
		port = &tcp->source;
		check = &tcp->check;
		flow.protocol = IPPROTO_TCP;
		break;
	}
	case IPPROTO_UDP: {
		struct udphdr *udp = cursor.at;

		if ((void *)(udp + 1) > cursor.end)
			return XDP_DROP;
		flow.source_port = udp->source;
		flow.destination_port = udp->dest;
		port = &udp->source;
		check = &udp->check;
		flow.protocol = IPPROTO_UDP;
		break;
	}
	default:
		return XDP_PASS;
	}
	flow.source = ip->saddr;
	flow.destination = ip->daddr;
	to = bpf_map_lookup_elem(&flows, &flow);
	if (!to)
		return XDP_PASS;
	__sync_fetch_and_add(&to->packets, 1);
	__sync_fetch_and_add(&to->bytes, cursor.end - (void *)eth);
	before.address = ip->saddr;
	before.port = *port;
	after.address = to->address;
	after.port = to->port;
	if (*check || flow.protocol == IPPROTO_TCP)
		*check = csum_fold(bpf_csum_diff((__be32 *)&before, sizeof(before), (__be32 *)&after, sizeof(after), (__u16)~*check));
	*port = to->port;
	ip->saddr = to->address;
	ipv4_csum(ip);
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
