/* One program for all devices, with an entry for each: what its last byte must be. What has no entry passes nothing. */
#include "parse.h"

extern __u32 junctor_device(struct xdp_md *ctx) __ksym __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} allowed SEC(".maps");

SEC("xdp")
int shared(struct xdp_md *ctx)
{
	__u32 device = junctor_device(ctx);
	__u32 *wanted = bpf_map_lookup_elem(&allowed, &device);
	__u8 value = 0;

	bpf_xdp_load_bytes(ctx, bpf_xdp_get_buff_len(ctx) - 1, &value, 1);
	return wanted && *wanted == value ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
