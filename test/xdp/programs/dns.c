/* The name of a DNS question, in lower case and read label by label, looked up in a table of names that are not answered. */
#include "parse.h"

#define NAME 64

struct name {
	char text[NAME];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct name);
	__type(value, __u64);
	__uint(max_entries, 64);
} refused SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct name);
	__type(value, __u64);
	__uint(max_entries, 512);
} asked SEC(".maps");

struct dns_header {
	__be16 id;
	__be16 flags;
	__be16 questions;
	__be16 answers;
	__be16 authorities;
	__be16 additional;
};

static __always_inline int read_name(struct cursor *cursor, struct name *name)
{
	__u8 *at = cursor->at;
	__u32 left = 0;
	int i;

	for (i = 0; i < NAME; i++) {
		__u8 byte;

		if ((void *)(at + 1) > cursor->end)
			return -1;
		byte = *at++;
		if (left == 0) {
			if (byte == 0) {
				cursor->at = at;
				return i;
			}
			if (byte > 63)
				return -1;
			left = byte;
			name->text[i] = '.';
		} else {
			left--;
			if (byte >= 'A' && byte <= 'Z')
				byte |= 0x20;
			name->text[i] = byte;
		}
	}
	return -1;
}

SEC("xdp")
int guard(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct ipv6hdr *ip6;
	struct udphdr *udp;
	struct dns_header *dns;
	struct name name = {};
	__u64 one = 1, *count;
	int type, protocol = -1;

	cursor_init(&cursor, ctx);
	type = parse_ethernet(&cursor, &eth, 0);
	if (type == bpf_htons(ETH_P_IP))
		protocol = parse_ipv4(&cursor, &ip);
	else if (type == bpf_htons(ETH_P_IPV6))
		protocol = parse_ipv6(&cursor, &ip6);
	if (protocol != IPPROTO_UDP || parse_udp(&cursor, &udp) < 0 || udp->dest != bpf_htons(53))
		return XDP_PASS;
	dns = cursor.at;
	if ((void *)(dns + 1) > cursor.end)
		return XDP_DROP;
	if (dns->flags & bpf_htons(0x8000) || dns->questions != bpf_htons(1))
		return XDP_DROP;
	cursor.at = dns + 1;
	if (read_name(&cursor, &name) < 0)
		return XDP_DROP;
	count = bpf_map_lookup_elem(&asked, &name);
	if (count)
		*count += 1;
	else
		bpf_map_update_elem(&asked, &name, &one, BPF_ANY);
	count = bpf_map_lookup_elem(&refused, &name);
	if (!count)
		return XDP_PASS;
	__sync_fetch_and_add(count, 1);
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
