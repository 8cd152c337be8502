/* Programs on the port of a switch: its frames are L2TP messages, as UDP carries them. */
#include "common.h"

SEC("xdp")
int empty(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* Drops packets to prefixes of a block list, and counts. */
SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct {
		__be16 flags, tunnel, session;
		__be16 address_control, protocol;
	} __attribute__((packed)) *l2tp = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(l2tp + 1);
	struct prefix key = { .length = 32 };
	__u32 *found;

	if ((void *)(ip + 1) > end || l2tp->flags != bpf_htons(0x0002))
		return XDP_PASS;
	if (l2tp->address_control != bpf_htons(0xff03) || l2tp->protocol != bpf_htons(0x0021) || ip->version != 4)
		return XDP_PASS;
	key.address = ip->daddr;
	found = bpf_map_lookup_elem(&prefixes, &key);
	count(found ? 1 : 0);
	return found ? XDP_DROP : XDP_PASS;
}
