/* A firewall: block lists of prefixes for both families, open ports in a hash, hits counted per CPU. */
#include "parse.h"

struct key4 {
	__u32 prefixlen;
	__u8 address[4];
};

struct key6 {
	__u32 prefixlen;
	__u8 address[16];
};

struct rule {
	__u32 action;
	__u32 id;
};

struct port {
	__be16 port;
	__u8 protocol;
	__u8 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 10000);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct key4);
	__type(value, struct rule);
} block4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 10000);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct key6);
	__type(value, struct rule);
} block6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct port);
	__type(value, __u8);
} open_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} hits SEC(".maps");

static __always_inline void hit(__u32 id)
{
	__u64 one = 1;
	__u64 *counter = bpf_map_lookup_elem(&hits, &id);

	if (counter)
		(*counter)++;
	else
		bpf_map_update_elem(&hits, &id, &one, BPF_NOEXIST);
}

SEC("xdp")
int firewall(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct ipv6hdr *ip6;
	struct udphdr *udp;
	struct tcphdr *tcp;
	struct rule *rule;
	struct port port = {};
	int protocol;

	cursor_init(&cursor, ctx);
	protocol = parse_ethernet(&cursor, &eth, 0);
	if (protocol == bpf_htons(ETH_P_ARP))
		return XDP_PASS;
	if (protocol == bpf_htons(ETH_P_IP)) {
		struct key4 key = { .prefixlen = 32 };

		protocol = parse_ipv4(&cursor, &ip);
		if (protocol < 0)
			return XDP_DROP;
		__builtin_memcpy(key.address, &ip->saddr, 4);
		rule = bpf_map_lookup_elem(&block4, &key);
	} else if (protocol == bpf_htons(ETH_P_IPV6)) {
		struct key6 key = { .prefixlen = 128 };

		protocol = parse_ipv6(&cursor, &ip6);
		if (protocol < 0)
			return XDP_DROP;
		__builtin_memcpy(key.address, &ip6->saddr, 16);
		rule = bpf_map_lookup_elem(&block6, &key);
	} else {
		return XDP_DROP;
	}
	if (rule) {
		hit(rule->id);
		return rule->action <= XDP_TX ? rule->action : XDP_ABORTED;
	}
	port.protocol = protocol;
	if (protocol == IPPROTO_TCP) {
		if (parse_tcp(&cursor, &tcp) < 0)
			return XDP_DROP;
		if (!tcp->syn || tcp->ack)
			return XDP_PASS;
		port.port = tcp->dest;
	} else if (protocol == IPPROTO_UDP) {
		if (parse_udp(&cursor, &udp) < 0)
			return XDP_DROP;
		port.port = udp->dest;
	} else {
		return XDP_PASS;
	}
	return bpf_map_lookup_elem(&open_ports, &port) ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
