/* IPv6 to a mapped network becomes IPv4 (RFC 7915 without fragments and checksums of ICMP). */
#include "parse.h"

const volatile __u8 prefix[12] = { 0x20, 1, 0xd, 0xb8 };

SEC("xdp")
int translate(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth, copy;
	struct ipv6hdr *ip6;
	struct iphdr ip = { .version = 4, .ihl = 5, .frag_off = bpf_htons(0x4000) };
	__u8 *address;
	__u32 sum = 0;
	__u16 *word = (__u16 *)&ip;
	int i;

	cursor_init(&cursor, ctx);
	if (parse_ethernet(&cursor, &eth, 0) != bpf_htons(ETH_P_IPV6) || eth->h_proto != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;
	if (parse_ipv6(&cursor, &ip6) < 0)
		return XDP_DROP;
	if (ip6->nexthdr != IPPROTO_TCP && ip6->nexthdr != IPPROTO_UDP)
		return XDP_PASS;
	address = ip6->daddr.s6_addr;
	for (i = 0; i < 12; i++)
		if (address[i] != prefix[i])
			return XDP_PASS;
	ip.tos = ip6->priority << 4 | ip6->flow_lbl[0] >> 4;
	ip.tot_len = bpf_htons(bpf_ntohs(ip6->payload_len) + sizeof(ip));
	ip.ttl = ip6->hop_limit;
	ip.protocol = ip6->nexthdr;
	ip.saddr = ip6->saddr.s6_addr32[3];
	ip.daddr = ip6->daddr.s6_addr32[3];
#pragma unroll
	for (i = 0; i < 10; i++)
		sum += word[i];
	ip.check = fold(sum);
	copy = *eth;
	copy.h_proto = bpf_htons(ETH_P_IP);
	if (bpf_xdp_adjust_head(ctx, sizeof(*ip6) - sizeof(ip)))
		return XDP_ABORTED;
	eth = (void *)(long)ctx->data;
	if ((void *)(eth + 1) + sizeof(ip) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	*eth = copy;
	__builtin_memcpy(eth + 1, &ip, sizeof(ip));
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
