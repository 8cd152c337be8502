/* Sends frames elsewhere. */
#include "parse.h"

const volatile __u32 device;
const volatile __u32 key;
const volatile __u64 flags;
const volatile __u8 mark = 0x77;
/* Only frames whose last byte is not this. */
const volatile __u8 but;

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(key_size, 4);
	__uint(value_size, sizeof(struct bpf_devmap_val));
	__uint(max_entries, 8);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(key_size, 4);
	__uint(value_size, sizeof(struct bpf_devmap_val));
	__uint(max_entries, 1024);
} hashed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(key_size, 4);
	__uint(value_size, sizeof(struct bpf_cpumap_val));
	__uint(max_entries, 8);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(max_entries, 8);
} sockets SEC(".maps");

static __always_inline int last(struct xdp_md *ctx)
{
	__u8 value = 0;

	bpf_xdp_load_bytes(ctx, (__u32)bpf_xdp_get_buff_len(ctx) - 1, &value, 1);
	return value;
}

static __always_inline void stamp(struct xdp_md *ctx, __u8 value)
{
	bpf_xdp_store_bytes(ctx, (__u32)bpf_xdp_get_buff_len(ctx) - 1, &value, 1);
}

SEC("xdp")
int to_device(struct xdp_md *ctx)
{
	if (but && last(ctx) == but)
		return XDP_PASS;
	return bpf_redirect(device, 0);
}

SEC("xdp")
int by_devmap(struct xdp_md *ctx)
{
	return bpf_redirect_map(&devices, key, flags);
}

SEC("xdp")
int by_hash(struct xdp_md *ctx)
{
	return bpf_redirect_map(&hashed, key, flags);
}

SEC("xdp")
int to_cpu(struct xdp_md *ctx)
{
	if (but && last(ctx) == but)
		return XDP_PASS;
	return bpf_redirect_map(&cpus, key, flags);
}

SEC("xdp")
int to_socket(struct xdp_md *ctx)
{
	return bpf_redirect_map(&sockets, key, flags);
}

SEC("xdp/devmap")
int on_device(struct xdp_md *ctx)
{
	stamp(ctx, mark + ctx->egress_ifindex);
	return XDP_PASS;
}

SEC("xdp/cpumap")
int on_cpu(struct xdp_md *ctx)
{
	stamp(ctx, mark + bpf_get_smp_processor_id());
	return XDP_PASS;
}

SEC("xdp/cpumap")
int on_cpu_to_device(struct xdp_md *ctx)
{
	return bpf_redirect(device, 0);
}

char _license[] SEC("license") = "GPL";
