/* Programs whose runs are timed, here and in the kernel. */
#include "common.h"

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp")
int l2_swap(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	__u8 saved[ETH_ALEN];

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	__builtin_memcpy(saved, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, saved, ETH_ALEN);
	return XDP_TX;
}

SEC("xdp")
int parse_lpm(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct prefix key = { .length = 32 };
	__u32 *found;

	if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
		return XDP_DROP;
	key.address = ip->daddr;
	found = bpf_map_lookup_elem(&prefixes, &key);
	count(found ? 1 : 0);
	return found ? XDP_DROP : XDP_PASS;
}

/* One hop less, by an incremental update of the checksum (RFC 1624). */
SEC("xdp")
int csum(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	__u32 sum;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	sum = ip->check + bpf_htons(0x0100);
	ip->check = (sum & 0xffff) + (sum >> 16);
	ip->ttl--;
	return XDP_TX;
}

/* Each link of the chain looks at the frame and calls the next. */
int link1(struct xdp_md *ctx);
int link2(struct xdp_md *ctx);
int link3(struct xdp_md *ctx);
int link4(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, int (struct xdp_md *));
} chain SEC(".maps") = {
	.values = { &link1, &link2, &link3, &link4 },
};

#define LINK(number)                                                          \
	SEC("xdp")                                                            \
	int link##number(struct xdp_md *ctx)                                  \
	{                                                                     \
		if (ctx->data + sizeof(struct ethhdr) > ctx->data_end)        \
			return XDP_DROP;                                      \
		bpf_tail_call(ctx, &chain, number);                           \
		return XDP_PASS;                                              \
	}

LINK(1)
LINK(2)
LINK(3)
LINK(4)

SEC("xdp")
int tail_call(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &chain, 0);
	return XDP_DROP;
}

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} devices SEC(".maps");

SEC("xdp")
int devmap(struct xdp_md *ctx)
{
	return bpf_redirect_map(&devices, ctx->rx_queue_index & 7, XDP_DROP);
}
