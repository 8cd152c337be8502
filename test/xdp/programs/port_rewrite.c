/* Destination ports of TCP and UDP less one (RFC 1624), and a VLAN tag put before frames that have none. */
#include "parse.h"

static __always_inline void lower(__be16 *port, __sum16 *check)
{
	__be16 after = bpf_htons(bpf_ntohs(*port) - 1);
	__u32 sum = (__u16)~*check + (__u16)~*port + after;

	*port = after;
	*check = fold(sum);
}

SEC("xdp")
int lower_port(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct ipv6hdr *ip6;
	struct udphdr *udp;
	struct tcphdr *tcp;
	int type, protocol = -1;

	cursor_init(&cursor, ctx);
	type = parse_ethernet(&cursor, &eth, 0);
	if (type == bpf_htons(ETH_P_IP))
		protocol = parse_ipv4(&cursor, &ip);
	else if (type == bpf_htons(ETH_P_IPV6))
		protocol = parse_ipv6(&cursor, &ip6);
	if (protocol == IPPROTO_UDP) {
		if (parse_udp(&cursor, &udp) < 0)
			return XDP_ABORTED;
		lower(&udp->dest, &udp->check);
	} else if (protocol == IPPROTO_TCP) {
		if (parse_tcp(&cursor, &tcp) < 0)
			return XDP_ABORTED;
		lower(&tcp->dest, &tcp->check);
	}
	return XDP_PASS;
}

SEC("xdp")
int tag(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data, copy;
	struct vlan_header *vlan;

	if ((void *)(eth + 1) > end || is_vlan(eth->h_proto))
		return XDP_PASS;
	copy = *eth;
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*vlan)))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	vlan = (void *)(eth + 1);
	if ((void *)(vlan + 1) > end)
		return XDP_ABORTED;
	*eth = copy;
	vlan->protocol = eth->h_proto;
	vlan->tci = bpf_htons(42);
	eth->h_proto = bpf_htons(ETH_P_8021Q);
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
