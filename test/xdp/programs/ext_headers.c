/* What lies behind the extension headers of IPv6 (RFC 8200), as far as a bound allows. */
#include "parse.h"

#define HEADERS 6

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 256);
} upper SEC(".maps");

struct header {
	__u8 next;
	__u8 length;
	__u16 rest[3];
};

static __always_inline int skip(struct cursor *cursor, __u8 *next)
{
	int i;

	for (i = 0; i < HEADERS; i++) {
		struct header *header = cursor->at;

		switch (*next) {
		case 0: /* hop by hop */
		case 43: /* routing */
		case 60: /* destination */
			if ((void *)(header + 1) > cursor->end)
				return -1;
			*next = header->next;
			cursor->at += (header->length + 1) * 8;
			break;
		case 51: /* authentication */
			if ((void *)(header + 1) > cursor->end)
				return -1;
			*next = header->next;
			cursor->at += (header->length + 2) * 4;
			break;
		case 44: /* fragment */
			if ((void *)(header + 1) > cursor->end)
				return -1;
			if (header->rest[0] & bpf_htons(0xfff8))
				return -1;
			*next = header->next;
			cursor->at += sizeof(*header);
			break;
		default:
			return 0;
		}
	}
	return -1;
}

SEC("xdp")
int walk(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct ipv6hdr *ip6;
	__u32 key, *count;
	__u8 next;

	cursor_init(&cursor, ctx);
	if (parse_ethernet(&cursor, &eth, 0) != bpf_htons(ETH_P_IPV6))
		return XDP_PASS;
	if (parse_ipv6(&cursor, &ip6) < 0)
		return XDP_DROP;
	next = ip6->nexthdr;
	if (skip(&cursor, &next) < 0)
		return XDP_DROP;
	key = next;
	count = bpf_map_lookup_elem(&upper, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	if (next != IPPROTO_UDP && next != IPPROTO_TCP)
		return XDP_PASS;
	if (cursor.at + 4 > cursor.end)
		return XDP_ABORTED;
	return ((__be16 *)cursor.at)[1] == bpf_htons(53) ? XDP_TX : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
