/* Functions: global ones, verified by their types alone, static ones in a chain, and callbacks. */
#include "parse.h"

struct result {
	__u32 depth;
	__u32 value;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct result);
	__uint(max_entries, 256);
} results SEC(".maps");

static __noinline __u32 last_one(__u32 value, struct result *result)
{
	result->depth++;
	return value * 31 + result->depth;
}

static __noinline __u32 second(__u32 value, struct result *result)
{
	result->depth++;
	return last_one(value ^ 0x5555, result) + last_one(value + 1, result);
}

static __noinline __u32 first(__u32 value, struct result *result)
{
	result->depth++;
	return second(value << 1, result) - second(value >> 1, result);
}

__noinline int frame_length(struct xdp_md *ctx)
{
	return ctx->data_end - ctx->data;
}

__noinline int mix(struct result *result, __u32 by)
{
	if (!result)
		return -1;
	result->value += by;
	return result->value;
}

__attribute__((weak)) __noinline int verdict_of(__u32 value)
{
	return value % 3 + 1;
}

SEC("xdp")
int call(struct xdp_md *ctx)
{
	struct result result = {};
	__u32 length = frame_length(ctx);

	result.value = first(length, &result);
	mix(&result, length);
	bpf_map_update_elem(&results, &length, &result, BPF_ANY);
	return verdict_of(result.value);
}

SEC("xdp")
int call_twice(struct xdp_md *ctx)
{
	struct result result = { .value = 7 };
	int one = verdict_of(frame_length(ctx)), other = verdict_of(mix(&result, 3));

	return one == other ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
