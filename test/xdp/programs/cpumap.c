/* Spreads flows over CPUs by a hash, with a program on the other CPU. */
#include "parse.h"

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_cpumap_val));
	__uint(max_entries, 16);
} cpus SEC(".maps");

const volatile __u32 cpu_count = 2;

SEC("xdp")
int spread(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	__u32 hash;

	cursor_init(&cursor, ctx);
	if (parse_ethernet(&cursor, &eth, 0) != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (parse_ipv4(&cursor, &ip) < 0)
		return XDP_DROP;
	hash = ip->saddr ^ ip->daddr;
	hash ^= hash >> 16;
	hash *= 0x45d9f3b;
	hash ^= hash >> 16;
	return bpf_redirect_map(&cpus, cpu_count ? hash % cpu_count : 0, 0);
}

SEC("xdp/cpumap")
int on_cpu(struct xdp_md *ctx)
{
	return ctx->data_end - ctx->data < 60 ? XDP_DROP : XDP_PASS;
}

SEC("xdp.frags/cpumap")
int on_cpu_frags(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
