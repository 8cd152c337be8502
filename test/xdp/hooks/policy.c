/*
 * What a device's own policy lets through: frames whose last byte is the device's number of the policy, from its own map; and the same with
 * one program for all devices and an entry for each. Nothing else passes, and nothing without an entry.
 */
#include "parse.h"

extern __u32 junctor_device(struct xdp_md *ctx) __ksym __weak;

struct counts {
	__u64 passed;
	__u64 dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} allowed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct counts);
	__uint(max_entries, 1);
} counts SEC(".maps");

static __always_inline int last(struct xdp_md *ctx)
{
	__u8 value = 0;

	bpf_xdp_load_bytes(ctx, bpf_xdp_get_buff_len(ctx) - 1, &value, 1);
	return value;
}

SEC("xdp")
int own(struct xdp_md *ctx)
{
	__u32 zero = 0;
	__u32 *wanted = bpf_map_lookup_elem(&allowed, &zero);
	struct counts *count = bpf_map_lookup_elem(&counts, &zero);

	if (!wanted || !count)
		return XDP_DROP;
	if (*wanted && last(ctx) == *wanted) {
		count->passed++;
		return XDP_PASS;
	}
	count->dropped++;
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
