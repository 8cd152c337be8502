/* Longest prefix, next hop, time to live: a router with its tables in maps. */
#include "parse.h"

struct prefix {
	__u32 length;
	__u8 address[4];
};

struct hop {
	__u8 destination[ETH_ALEN];
	__u8 source[ETH_ALEN];
	__u32 ifindex;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u32);
	__uint(max_entries, 1024);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct hop);
	__uint(max_entries, 16);
} hops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 64);
} by_reason SEC(".maps");

enum reason { FORWARDED, NO_ROUTE, NO_HOP, EXPIRED, NOT_IP };

static __always_inline int count(__u32 reason, int verdict)
{
	__u64 one = 1, *value = bpf_map_lookup_elem(&by_reason, &reason);

	if (value)
		__sync_fetch_and_add(value, 1);
	else
		bpf_map_update_elem(&by_reason, &reason, &one, BPF_NOEXIST);
	return verdict;
}

SEC("xdp")
int route(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct prefix prefix = { .length = 32 };
	struct hop *hop;
	__u32 *index, check;

	cursor_init(&cursor, ctx);
	if (parse_ethernet(&cursor, &eth, 0) != bpf_htons(ETH_P_IP) || parse_ipv4(&cursor, &ip) < 0)
		return count(NOT_IP, XDP_PASS);
	if (ip->ttl <= 1)
		return count(EXPIRED, XDP_PASS);
	__builtin_memcpy(prefix.address, &ip->daddr, 4);
	index = bpf_map_lookup_elem(&routes, &prefix);
	if (!index)
		return count(NO_ROUTE, XDP_DROP);
	hop = bpf_map_lookup_elem(&hops, index);
	if (!hop || !hop->ifindex)
		return count(NO_HOP, XDP_PASS);
	check = ip->check;
	check += bpf_htons(0x0100);
	ip->check = (__u16)(check + (check >= 0xffff));
	ip->ttl--;
	__builtin_memcpy(eth->h_dest, hop->destination, ETH_ALEN);
	__builtin_memcpy(eth->h_source, hop->source, ETH_ALEN);
	count(FORWARDED, 0);
	return bpf_redirect(hop->ifindex, 0);
}

char _license[] SEC("license") = "GPL";
