/* Global data of all kinds: constants set before loading, zeroed and initialised variables, tables, strings. */
#include "parse.h"

const volatile __u32 sample_rate = 1;
const volatile __u16 blocked_port = 9;
const volatile struct {
	__u32 network;
	__u32 mask;
	_Bool enabled;
} filter = { 0x0a000000, 0xff000000, 1 };

__u64 seen;
__u64 bytes_by_class[8];
__u32 next_id = 1000;
static __u32 weights[8] = { 1, 2, 4, 8, 16, 32, 64, 128 };
static const __u8 class_of[16] = { 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7 };
char label[16] = "globals";
__u32 special SEC(".data.special") = 77;

SEC("xdp")
int globals(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct udphdr *udp;
	__u32 class;

	cursor_init(&cursor, ctx);
	__sync_fetch_and_add(&seen, 1);
	if (parse_ethernet(&cursor, &eth, 0) != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (parse_ipv4(&cursor, &ip) != IPPROTO_UDP)
		return XDP_PASS;
	if (filter.enabled && (bpf_ntohl(ip->saddr) & filter.mask) != filter.network)
		return XDP_DROP;
	if (parse_udp(&cursor, &udp) < 0)
		return XDP_ABORTED;
	if (udp->dest == bpf_htons(blocked_port))
		return XDP_DROP;
	class = class_of[(ip->tos >> 4) & 15];
	bytes_by_class[class & 7] += weights[class & 7] * (cursor.end - (void *)eth);
	if (sample_rate && bpf_get_prandom_u32() % sample_rate == 0) {
		ip->id = bpf_htons(next_id++);
		special ^= next_id;
		label[0] = 'G';
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
