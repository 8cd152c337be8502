/* Packets and bytes by verdict in a per-CPU array, as the tutorial's statistics. */
#include "parse.h"

struct record {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct record);
	__uint(max_entries, 5);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u64));
	__uint(max_entries, 256);
} protocols SEC(".maps");

static __always_inline __u32 count(struct xdp_md *ctx, __u32 action)
{
	struct record *record;

	if (action > XDP_REDIRECT)
		return XDP_ABORTED;
	record = bpf_map_lookup_elem(&verdicts, &action);
	if (!record)
		return XDP_ABORTED;
	record->packets++;
	record->bytes += ctx->data_end - ctx->data;
	return action;
}

SEC("xdp")
int counters(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct ipv6hdr *ip6;
	__u32 key;
	__u64 *hits;
	int protocol;

	cursor_init(&cursor, ctx);
	protocol = parse_ethernet(&cursor, &eth, 0);
	if (protocol == bpf_htons(ETH_P_IP))
		protocol = parse_ipv4(&cursor, &ip);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		protocol = parse_ipv6(&cursor, &ip6);
	else
		return count(ctx, XDP_PASS);
	if (protocol < 0)
		return count(ctx, XDP_DROP);
	key = protocol;
	hits = bpf_map_lookup_elem(&protocols, &key);
	if (hits)
		__sync_fetch_and_add(hits, 1);
	return count(ctx, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
