/* Bit fields, unions and packed structs in maps: read, changed and written back. */
#include "parse.h"

union address {
	__u8 bytes[16];
	__u16 words[8];
	__u64 halves[2];
	struct {
		__be32 zero[2];
		__be32 mark;
		__be32 v4;
	} mapped;
};

struct state {
	__u32 seen : 1;
	__u32 count : 7;
	__s32 drift : 10;
	__u32 rest : 14;
	__u64 large : 40;
	__u64 small : 24;
	union address address;
};

struct __attribute__((packed)) odd {
	__u8 kind;
	__u64 bytes;
	__u16 port;
	__u32 last;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, union address);
	__type(value, struct state);
	__uint(max_entries, 128);
} states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct odd);
	__uint(max_entries, 4);
} odds SEC(".maps");

SEC("xdp")
int track(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct ipv6hdr *ip6;
	union address key = {};
	struct state fresh = {}, *state;
	struct odd *odd;
	__u32 length = ctx->data_end - ctx->data, slot = length & 3;
	int type;

	cursor_init(&cursor, ctx);
	type = parse_ethernet(&cursor, &eth, 0);
	if (type == bpf_htons(ETH_P_IP) && parse_ipv4(&cursor, &ip) >= 0) {
		key.mapped.mark = bpf_htonl(0xffff);
		key.mapped.v4 = ip->saddr;
	} else if (type == bpf_htons(ETH_P_IPV6) && parse_ipv6(&cursor, &ip6) >= 0) {
		__builtin_memcpy(key.bytes, &ip6->saddr, sizeof(key.bytes));
	} else {
		return XDP_DROP;
	}
	odd = bpf_map_lookup_elem(&odds, &slot);
	if (odd) {
		odd->kind += type;
		odd->bytes += length;
		odd->port ^= (__u16)length;
		odd->last = odd->bytes >> 1;
	}
	state = bpf_map_lookup_elem(&states, &key);
	if (!state) {
		fresh.seen = 1;
		fresh.drift = -(int)(length & 255);
		fresh.large = 0xff00000000ULL + length;
		fresh.address = key;
		bpf_map_update_elem(&states, &key, &fresh, BPF_NOEXIST);
		return XDP_PASS;
	}
	state->count++;
	state->drift += 3;
	state->rest += length;
	state->large -= length;
	state->small ^= state->large;
	state->address.words[7]++;
	return state->drift < 0 ? XDP_TX : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
