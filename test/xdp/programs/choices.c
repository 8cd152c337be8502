/* A large switch, tables of constants, and a state machine over the first bytes of a payload. */
#include "parse.h"

static const __u8 classes[256] = {
	['a' ... 'z'] = 1, ['A' ... 'Z'] = 1, ['0' ... '9'] = 2, [' '] = 3, ['\r'] = 4, ['\n'] = 5, ['/'] = 6, ['.'] = 6,
};

static const __u8 next_state[5][7] = {
	{ 4, 1, 4, 4, 4, 4, 4 }, { 4, 1, 4, 2, 4, 4, 4 }, { 2, 2, 2, 3, 2, 2, 2 }, { 3, 3, 3, 3, 3, 3, 3 }, { 4, 4, 4, 4, 4, 4, 4 },
};

__u32 states[8];

static __always_inline int by_port(__u16 port)
{
	switch (port) {
	case 7: return 1;
	case 9: return 2;
	case 20: return 11;
	case 21: return 12;
	case 22: return 13;
	case 23: return 5;
	case 25: return 17;
	case 53: return 19;
	case 67: return 23;
	case 68: return 29;
	case 69: return 31;
	case 80: return 37;
	case 110: return 41;
	case 123: return 43;
	case 143: return 47;
	case 161: return 53;
	case 179: return 59;
	case 443: return 61;
	case 4789: return 67;
	case 8080: return 71;
	}
	return port > 1023 ? 73 : 79;
}

SEC("xdp")
int classify(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct tcphdr *tcp;
	__u8 *at;
	__u32 state = 0;
	int i, kind;

	cursor_init(&cursor, ctx);
	if (parse_ethernet(&cursor, &eth, 0) != bpf_htons(ETH_P_IP) || parse_ipv4(&cursor, &ip) != IPPROTO_TCP)
		return XDP_PASS;
	if (parse_tcp(&cursor, &tcp) < 0)
		return XDP_DROP;
	kind = by_port(bpf_ntohs(tcp->dest));
	at = cursor.at;
	for (i = 0; i < 32; i++) {
		if ((void *)(at + 1) > cursor.end)
			break;
		asm volatile("" : "+r"(state));
		if (state > 4)
			return XDP_ABORTED;
		state = next_state[state][classes[*at++]];
	}
	states[state & 7] += kind;
	return kind % 3 ? XDP_PASS : XDP_TX;
}

char _license[] SEC("license") = "GPL";
