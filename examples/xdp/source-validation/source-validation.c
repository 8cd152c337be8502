/*
 * Source-address validation (RFC 2827, RFC 8704's strict sense): a subscriber sends from its own prefixes only.
 *
 * One trie holds the prefixes of all devices: the key begins with the device's number, so that a lookup finds the longest
 * prefix that is allowed there. It belongs on the ingress hook of units.
 */
#include "../include/junctor.h"

#define DEVICE_BITS 32

/* `prefixlen` counts the device's 32 bits: 56 is a /24. */
struct source4 {
	__u32 prefixlen;
	__u32 device;
	__u8 address[4];
};

struct source6 {
	__u32 prefixlen;
	__u32 device;
	__u8 address[16];
};

struct counts {
	__u64 valid;
	__u64 spoofed;
	__u64 malformed;
	/* The last spoofed source, an IPv4 one as ::ffff:a.b.c.d. */
	__u8 last[16];
};

enum mode {
	MODE_ENFORCE = 0,
	MODE_COUNT = 1, /* spoofed packets are counted and pass: to see what would happen */
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct source4);
	__type(value, __u8);
} sources4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct source6);
	__type(value, __u8);
} sources6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} mode SEC(".maps");

/* By device. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct counts);
} counts SEC(".maps");

static __always_inline struct counts *counts_of(__u32 device)
{
	struct counts *found = bpf_map_lookup_elem(&counts, &device);
	struct counts none = {};

	if (found)
		return found;
	bpf_map_update_elem(&counts, &device, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&counts, &device);
}

static __always_inline int valid4(struct iphdr *ip, __u32 device)
{
	struct source4 key = { .prefixlen = DEVICE_BITS + 32, .device = device };

	__builtin_memcpy(key.address, &ip->saddr, sizeof(key.address));
	return bpf_map_lookup_elem(&sources4, &key) != NULL;
}

static __always_inline int valid6(struct ipv6hdr *ip6, __u32 device)
{
	struct source6 key = { .prefixlen = DEVICE_BITS + 128, .device = device };

	__builtin_memcpy(key.address, &ip6->saddr, sizeof(key.address));
	/* Link-local addresses are every link's own (fe80::/10); the unspecified one asks whether an address is free. */
	if (key.address[0] == 0xfe && (key.address[1] & 0xc0) == 0x80)
		return 1;
	if (!(ip6->saddr.s6_addr32[0] | ip6->saddr.s6_addr32[1] | ip6->saddr.s6_addr32[2] | ip6->saddr.s6_addr32[3]))
		return ip6->nexthdr == IPPROTO_ICMPV6;
	return bpf_map_lookup_elem(&sources6, &key) != NULL;
}

SEC("xdp")
int validate_source(struct xdp_md *ctx)
{
	__u32 device = device_of(ctx);
	struct packet packet = {};
	struct counts *count;
	enum found found;
	__u32 *enforce;
	__u32 zero = 0;

	found = junctor_packet(ctx, &packet);
	if (found == FOUND_OTHER)
		return XDP_PASS;
	count = counts_of(device);
	if (!count)
		return XDP_ABORTED; /* more than 16384 devices */
	if (found == FOUND_MALFORMED) {
		count->malformed++;
		return XDP_DROP;
	}
	if (packet.ip ? valid4(packet.ip, device) : packet.ip6 ? valid6(packet.ip6, device) : 0) {
		count->valid++;
		return XDP_PASS;
	}
	count->spoofed++;
	if (packet.ip) {
		__builtin_memset(count->last, 0, 10);
		count->last[10] = 0xff;
		count->last[11] = 0xff;
		__builtin_memcpy(&count->last[12], &packet.ip->saddr, 4);
	} else if (packet.ip6) {
		__builtin_memcpy(count->last, &packet.ip6->saddr, sizeof(count->last));
	}
	enforce = bpf_map_lookup_elem(&mode, &zero);
	return enforce && *enforce == MODE_COUNT ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "Apache-2.0";
