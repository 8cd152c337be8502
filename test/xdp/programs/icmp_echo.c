/* Answers ICMP and ICMPv6 echo requests itself: addresses swapped, the checksum brought up to date. */
#include "parse.h"

static __always_inline void swap_macs(struct ethhdr *eth)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, mac, ETH_ALEN);
}

struct icmp_common {
	__u8 type;
	__u8 code;
	__sum16 checksum;
};

SEC("xdp")
int echo(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct ipv6hdr *ip6;
	struct icmp_common *icmp;
	struct icmp_common before;
	int protocol;
	__u8 reply;

	cursor_init(&cursor, ctx);
	protocol = parse_ethernet(&cursor, &eth, 0);
	if (protocol == bpf_htons(ETH_P_IP)) {
		if (parse_ipv4(&cursor, &ip) != IPPROTO_ICMP)
			return XDP_PASS;
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		if (parse_ipv6(&cursor, &ip6) != IPPROTO_ICMPV6)
			return XDP_PASS;
	} else {
		return XDP_PASS;
	}
	icmp = cursor.at;
	if ((void *)(icmp + 1) > cursor.end)
		return XDP_PASS;
	if (protocol == bpf_htons(ETH_P_IP) && icmp->type == ICMP_ECHO) {
		__be32 address = ip->saddr;

		ip->saddr = ip->daddr;
		ip->daddr = address;
		reply = ICMP_ECHOREPLY;
	} else if (protocol == bpf_htons(ETH_P_IPV6) && icmp->type == ICMPV6_ECHO_REQUEST) {
		struct in6_addr address = ip6->saddr;

		ip6->saddr = ip6->daddr;
		ip6->daddr = address;
		reply = ICMPV6_ECHO_REPLY;
	} else {
		return XDP_PASS;
	}
	swap_macs(eth);
	before = *icmp;
	before.checksum = 0;
	icmp->type = reply;
	{
		struct icmp_common after = *icmp;

		after.checksum = 0;
		icmp->checksum = fold(bpf_csum_diff((__be32 *)&before, sizeof(before), (__be32 *)&after, sizeof(after),
						    (__u16)~icmp->checksum));
	}
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
