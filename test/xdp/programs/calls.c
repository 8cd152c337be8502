/* Functions of its own: static and global, in .text and across sections, and a callback. */
#include "parse.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 16);
} sums SEC(".maps");

static __noinline __u32 mix(__u32 a, __u32 b)
{
	return (a ^ (b << 5)) + (b >> 3);
}

__noinline int add(__u32 index, __u32 by)
{
	__u64 *sum = bpf_map_lookup_elem(&sums, &index);

	if (!sum)
		return -1;
	__sync_fetch_and_add(sum, mix(by, index));
	return 0;
}

struct loop_state {
	__u32 sum;
	__u32 step;
};

static long round(__u32 index, struct loop_state *state)
{
	state->sum += mix(index, state->step);
	return index > 50;
}

SEC("xdp")
int calls(struct xdp_md *ctx)
{
	add(1, ctx->data_end - ctx->data);
	return mix(ctx->ingress_ifindex, 7) & 1 ? XDP_PASS : XDP_DROP;
}

SEC("xdp/loop")
int loop(struct xdp_md *ctx)
{
	struct loop_state state = { .step = ctx->rx_queue_index };

	bpf_loop(100, round, &state, 0);
	add(2, state.sum);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
