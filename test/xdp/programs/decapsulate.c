/* Takes off what is around a packet: IPIP, GRE, VXLAN. */
#include "parse.h"

struct gre {
	__be16 flags;
	__be16 protocol;
};

struct vxlan {
	__be32 flags;
	__be32 vni;
};

__u64 taken[3];

static __always_inline int strip(struct xdp_md *ctx, int bytes, __be16 type)
{
	struct ethhdr *eth = (void *)(long)ctx->data, copy;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	copy = *eth;
	copy.h_proto = type;
	if (bpf_xdp_adjust_head(ctx, bytes))
		return XDP_ABORTED;
	eth = (void *)(long)ctx->data;
	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	*eth = copy;
	return XDP_TX;
}

SEC("xdp")
int decapsulate(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct udphdr *udp;
	struct gre *gre;
	struct vxlan *vxlan;
	int protocol, outer;

	cursor_init(&cursor, ctx);
	if (parse_ethernet(&cursor, &eth, 0) != bpf_htons(ETH_P_IP) || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	protocol = parse_ipv4(&cursor, &ip);
	if (protocol < 0 || ip->ihl != 5)
		return XDP_DROP;
	switch (protocol) {
	case IPPROTO_IPIP:
		taken[0]++;
		return strip(ctx, sizeof(*ip), bpf_htons(ETH_P_IP));
	case IPPROTO_GRE:
		gre = cursor.at;
		if ((void *)(gre + 1) > cursor.end || gre->flags)
			return XDP_DROP;
		taken[1]++;
		return strip(ctx, sizeof(*ip) + sizeof(*gre), gre->protocol);
	case IPPROTO_UDP:
		if (parse_udp(&cursor, &udp) < 0 || udp->dest != bpf_htons(4789))
			return XDP_PASS;
		vxlan = cursor.at;
		if ((void *)(vxlan + 1) > cursor.end)
			return XDP_DROP;
		outer = sizeof(*eth) + sizeof(*ip) + sizeof(*udp) + sizeof(*vxlan);
		taken[2]++;
		return bpf_xdp_adjust_head(ctx, outer) ? XDP_ABORTED : XDP_PASS;
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
