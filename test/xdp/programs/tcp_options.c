/* Walks the options of TCP segments with SYN and lowers the maximum segment size they announce. */
#include "parse.h"

#define OPTIONS 10

const volatile __u16 largest = 1400;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__type(key, __u16);
	__type(value, __u32);
	__uint(max_entries, 64);
} announced SEC(".maps");

SEC("xdp")
int clamp(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct ipv6hdr *ip6;
	struct tcphdr *tcp;
	__u8 *at, *end;
	int type, protocol = -1, i;

	cursor_init(&cursor, ctx);
	type = parse_ethernet(&cursor, &eth, 0);
	if (type == bpf_htons(ETH_P_IP))
		protocol = parse_ipv4(&cursor, &ip);
	else if (type == bpf_htons(ETH_P_IPV6))
		protocol = parse_ipv6(&cursor, &ip6);
	if (protocol != IPPROTO_TCP || parse_tcp(&cursor, &tcp) < 0 || !tcp->syn)
		return XDP_PASS;
	at = (void *)(tcp + 1);
	end = (void *)tcp + tcp->doff * 4;
	for (i = 0; i < OPTIONS; i++) {
		__u8 kind, length;

		if (at + 1 > end || (void *)(at + 1) > cursor.end)
			break;
		kind = at[0];
		if (kind == 0)
			break;
		if (kind == 1) {
			at++;
			continue;
		}
		if ((void *)(at + 2) > cursor.end)
			break;
		length = at[1];
		if (length < 2)
			return XDP_DROP;
		if (kind == 2 && length == 4) {
			__u32 one = 1, *count, sum;
			__u16 size, after;

			if ((void *)(at + 4) > cursor.end)
				return XDP_DROP;
			size = at[2] << 8 | at[3];
			count = bpf_map_lookup_elem(&announced, &size);
			if (count)
				++*count;
			else
				bpf_map_update_elem(&announced, &size, &one, BPF_ANY);
			if (size <= largest)
				return XDP_PASS;
			after = largest;
			at[2] = after >> 8;
			at[3] = after;
			sum = (__u16)~tcp->check + (__u16)~bpf_htons(size) + bpf_htons(after);
			tcp->check = fold(sum);
			return XDP_TX;
		}
		at += length;
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
