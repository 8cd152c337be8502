/* Blocked networks of both families by longest prefix, counted; a sample of what is dropped goes to user space. */
#include "parse.h"

struct prefix4 {
	__u32 length;
	__be32 address;
};

struct prefix6 {
	__u32 length;
	struct in6_addr address;
};

struct rule {
	__u64 packets;
	__u64 bytes;
	__u32 sample;
	__u32 protocols;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix4);
	__type(value, struct rule);
	__uint(max_entries, 256);
} blocked4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix6);
	__type(value, struct rule);
	__uint(max_entries, 256);
} blocked6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} samples SEC(".maps");

struct sample {
	__u16 length;
	__u16 cookie;
};

__u64 sampled;

static __always_inline int apply(struct xdp_md *ctx, struct rule *rule, int protocol, __u64 length)
{
	struct sample sample = { .length = length, .cookie = 0xdead };
	__u64 before;

	if (!rule)
		return XDP_PASS;
	if (protocol >= 0 && protocol < 32 && !(rule->protocols & (1U << protocol)))
		return XDP_PASS;
	before = rule->packets;
	__sync_fetch_and_add(&rule->packets, 1);
	__sync_fetch_and_add(&rule->bytes, length);
	if (rule->sample && before % rule->sample == 0) {
		__u64 most = length < 64 ? length : 64;

		bpf_perf_event_output(ctx, &samples, most << 32 | BPF_F_CURRENT_CPU, &sample, sizeof(sample));
		sampled++;
	}
	return XDP_DROP;
}

SEC("xdp")
int filter(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct ipv6hdr *ip6;
	__u64 length = ctx->data_end - ctx->data;
	int type;

	cursor_init(&cursor, ctx);
	type = parse_ethernet(&cursor, &eth, 0);
	if (type == bpf_htons(ETH_P_IP) && parse_ipv4(&cursor, &ip) >= 0) {
		struct prefix4 key = { .length = 32, .address = ip->saddr };

		return apply(ctx, bpf_map_lookup_elem(&blocked4, &key), ip->protocol, length);
	}
	if (type == bpf_htons(ETH_P_IPV6) && parse_ipv6(&cursor, &ip6) >= 0) {
		struct prefix6 key = { .length = 128, .address = ip6->saddr };

		return apply(ctx, bpf_map_lookup_elem(&blocked6, &key), ip6->nexthdr, length);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
