/* A chain of parsers by tail calls; one array is filled by the object itself. */
#include "parse.h"

int parse_v4(struct xdp_md *ctx);
int parse_v6(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} parsers SEC(".maps") = {
	.values = {
		[0] = (void *)&parse_v4,
		[2] = (void *)&parse_v6,
	},
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} chain SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} stages SEC(".maps");

static __always_inline void stage(__u32 index)
{
	__u64 *count = bpf_map_lookup_elem(&stages, &index);

	if (count)
		(*count)++;
}

SEC("xdp")
int dispatch(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;

	stage(0);
	if ((void *)(eth + 1) > end)
		return XDP_ABORTED;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		bpf_tail_call(ctx, &parsers, 0);
	else if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		bpf_tail_call(ctx, &parsers, 2);
	bpf_tail_call(ctx, &parsers, 1);
	return XDP_PASS;
}

SEC("xdp")
int parse_v4(struct xdp_md *ctx)
{
	stage(1);
	bpf_tail_call(ctx, &chain, 0);
	return XDP_DROP;
}

SEC("xdp")
int parse_v6(struct xdp_md *ctx)
{
	stage(2);
	bpf_tail_call(ctx, &chain, 1);
	return XDP_TX;
}

/* Calls itself until the limit. */
SEC("xdp")
int endless(struct xdp_md *ctx)
{
	stage(3);
	bpf_tail_call(ctx, &chain, 2);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
