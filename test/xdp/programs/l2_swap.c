/* Sends IPv4 and IPv6 frames back with their addresses swapped. */
#include "parse.h"

static __always_inline void swap_mac(struct ethhdr *eth)
{
	__u8 saved[ETH_ALEN];

	__builtin_memcpy(saved, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, saved, ETH_ALEN);
}

SEC("xdp")
int l2_swap(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > end)
		return XDP_ABORTED;
	swap_mac(eth);
	return XDP_TX;
}

/* An echo: ICMP requests answered in place, their checksums updated. */
SEC("xdp/echo")
int icmp_echo(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct ipv6hdr *ip6;
	int protocol;

	cursor_init(&cursor, ctx);
	protocol = parse_ethernet(&cursor, &eth, 0);
	if (protocol == bpf_htons(ETH_P_IP)) {
		struct icmphdr *icmp;
		__be32 saved;
		__u16 old;

		if (parse_ipv4(&cursor, &ip) != IPPROTO_ICMP)
			return XDP_PASS;
		icmp = cursor.at;
		if ((void *)(icmp + 1) > cursor.end || icmp->type != ICMP_ECHO)
			return XDP_PASS;
		saved = ip->saddr;
		ip->saddr = ip->daddr;
		ip->daddr = saved;
		old = ~icmp->checksum;
		icmp->type = ICMP_ECHOREPLY;
		icmp->checksum = fold((__u32)old + (__u16)~bpf_htons(ICMP_ECHO << 8) + bpf_htons(ICMP_ECHOREPLY << 8));
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		struct icmp6hdr *icmp6;
		struct in6_addr saved;

		if (parse_ipv6(&cursor, &ip6) != IPPROTO_ICMPV6)
			return XDP_PASS;
		icmp6 = cursor.at;
		if ((void *)(icmp6 + 1) > cursor.end || icmp6->icmp6_type != ICMPV6_ECHO_REQUEST)
			return XDP_PASS;
		saved = ip6->saddr;
		ip6->saddr = ip6->daddr;
		ip6->daddr = saved;
		icmp6->icmp6_cksum = fold((__u32)(__u16)~icmp6->icmp6_cksum + (__u16)~bpf_htons(ICMPV6_ECHO_REQUEST << 8) +
					  bpf_htons(ICMPV6_ECHO_REPLY << 8));
		icmp6->icmp6_type = ICMPV6_ECHO_REPLY;
	} else {
		return XDP_PASS;
	}
	swap_mac(eth);
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
