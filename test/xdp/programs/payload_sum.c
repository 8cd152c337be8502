/* Checks the checksum of UDP over the whole payload, word by word in a bounded loop. */
#include "parse.h"

#define WORDS 120

__u32 good, bad, absent;

SEC("xdp")
int check(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct udphdr *udp;
	__u16 *word;
	__u32 sum;
	int length, i;

	cursor_init(&cursor, ctx);
	if (parse_ethernet(&cursor, &eth, 0) != bpf_htons(ETH_P_IP) || parse_ipv4(&cursor, &ip) != IPPROTO_UDP)
		return XDP_PASS;
	if (ip->frag_off & bpf_htons(0x3fff))
		return XDP_PASS;
	length = parse_udp(&cursor, &udp);
	if (length < 0)
		return XDP_DROP;
	if (!udp->check) {
		absent++;
		return XDP_PASS;
	}
	length += sizeof(*udp);
	sum = (ip->saddr & 0xffff) + (ip->saddr >> 16) + (ip->daddr & 0xffff) + (ip->daddr >> 16);
	sum += bpf_htons(IPPROTO_UDP) + udp->len;
	word = (__u16 *)udp;
	/* The end of the frame takes no arithmetic, which compilers like to turn comparisons into. */
	for (i = 0; i < WORDS; i++) {
		if (length < 2)
			break;
		asm volatile("" : "+r"(word));
		if ((void *)(word + 1) > cursor.end)
			return XDP_DROP;
		sum += *word++;
		length -= 2;
	}
	if (length == 1) {
		__u8 *last = (__u8 *)word;

		asm volatile("" : "+r"(last));
		if ((void *)(last + 1) > cursor.end)
			return XDP_DROP;
		sum += *last;
	}
	if (fold(sum)) {
		bad++;
		return XDP_DROP;
	}
	good++;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
