/* Takes the outermost VLAN tag off, or puts one on, as the tutorial's packet rewriting. */
#include "parse.h"

static __always_inline int tag_pop(struct xdp_md *ctx, struct ethhdr *eth)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr copy;
	struct vlan_header *vlan = (void *)(eth + 1);
	__be16 protocol;
	int id;

	if (!is_vlan(eth->h_proto))
		return -1;
	if ((void *)(vlan + 1) > end)
		return -1;
	id = bpf_ntohs(vlan->tci) & VLAN_ID_MASK;
	protocol = vlan->protocol;
	__builtin_memcpy(&copy, eth, sizeof(copy));
	if (bpf_xdp_adjust_head(ctx, (int)sizeof(*vlan)))
		return -1;
	eth = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if ((void *)(eth + 1) > end)
		return -1;
	__builtin_memcpy(eth, &copy, sizeof(*eth));
	eth->h_proto = protocol;
	return id;
}

static __always_inline int tag_push(struct xdp_md *ctx, struct ethhdr *eth, int id)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr copy;
	struct vlan_header *vlan;

	__builtin_memcpy(&copy, eth, sizeof(copy));
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*vlan)))
		return -1;
	end = (void *)(long)ctx->data_end;
	eth = (void *)(long)ctx->data;
	if ((void *)(eth + 1) > end)
		return -1;
	__builtin_memcpy(eth, &copy, sizeof(*eth));
	vlan = (void *)(eth + 1);
	if ((void *)(vlan + 1) > end)
		return -1;
	vlan->tci = bpf_htons(id);
	vlan->protocol = eth->h_proto;
	eth->h_proto = bpf_htons(ETH_P_8021Q);
	return 0;
}

SEC("xdp")
int vlan_swap(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;

	cursor_init(&cursor, ctx);
	if (parse_ethernet(&cursor, &eth, 0) < 0)
		return XDP_DROP;
	if (is_vlan(eth->h_proto))
		tag_pop(ctx, eth);
	else
		tag_push(ctx, eth, 100);
	return XDP_PASS;
}

/* Odd destination ports are lowered by one, behind any tags. */
SEC("xdp/ports")
int port_patch(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct vlan_ids vlans = {};
	struct ethhdr *eth;
	struct iphdr *ip;
	struct ipv6hdr *ip6;
	struct udphdr *udp;
	struct tcphdr *tcp;
	int protocol;

	cursor_init(&cursor, ctx);
	protocol = parse_ethernet(&cursor, &eth, &vlans);
	if (protocol < 0)
		return XDP_ABORTED;
	if (vlans.count > 1 && vlans.id[1] == 4095)
		return XDP_DROP;
	if (protocol == bpf_htons(ETH_P_IP))
		protocol = parse_ipv4(&cursor, &ip);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		protocol = parse_ipv6(&cursor, &ip6);
	else
		return XDP_PASS;
	if (protocol == IPPROTO_UDP) {
		if (parse_udp(&cursor, &udp) < 0)
			return XDP_ABORTED;
		udp->dest = bpf_htons(bpf_ntohs(udp->dest) - (bpf_ntohs(udp->dest) & 1));
		udp->check += bpf_htons(1);
		if (!udp->check)
			udp->check += bpf_htons(1);
	} else if (protocol == IPPROTO_TCP) {
		if (parse_tcp(&cursor, &tcp) < 0)
			return XDP_ABORTED;
		tcp->dest = bpf_htons(bpf_ntohs(tcp->dest) - 1);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
