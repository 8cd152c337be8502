/*
 * Marks packets with a DSCP by whose they are: by session, else by the policy that decided on it, else by device.
 *
 * The class is written into the IPv4 TOS or IPv6 traffic-class byte, ECN stays as it is, and the IPv4 checksum is corrected
 * for the one word that changed (RFC 1624). It belongs on the egress hook of units for what subscribers get, on their
 * ingress hook for what they send.
 */
#include "../include/junctor.h"

#define ECN_BITS 2
#define ECN_MASK 3

enum by {
	BY_ANYTHING = 0, /* number 0: frames that nothing else says a class of */
	BY_SESSION = 1,
	BY_POLICY = 2,
	BY_DEVICE = 3,
};

struct whom {
	__u32 by;
	__u32 number;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct whom);
	__type(value, __u8); /* DSCP, 0 to 63 */
} classes SEC(".maps");

/* Packets by the DSCP that they left with, changed or not. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} marked SEC(".maps");

static __always_inline __u8 *class_by(enum by by, __u32 number)
{
	struct whom key = { .by = by, .number = number };

	return bpf_map_lookup_elem(&classes, &key);
}

static __always_inline __u8 *class_of(struct xdp_md *ctx)
{
	__u32 session = session_of(ctx);
	__u32 policy = policy_of(ctx);
	__u8 *found = session ? class_by(BY_SESSION, session) : NULL;

	if (!found && policy)
		found = class_by(BY_POLICY, policy);
	if (!found)
		found = class_by(BY_DEVICE, device_of(ctx));
	return found ? found : class_by(BY_ANYTHING, 0);
}

/* RFC 1624, equation 3, for a 16-bit word that changed. */
static __always_inline __u16 corrected(__u16 checksum, __u16 before, __u16 after)
{
	__u32 sum = (__u16)~checksum + (__u16)~before + after;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void mark4(struct iphdr *ip, __u8 dscp)
{
	__be16 *word = (void *)ip;
	__be16 before = *word;

	ip->tos = dscp << ECN_BITS | (ip->tos & ECN_MASK);
	ip->check = corrected(ip->check, before, *word);
}

/* The traffic class lies across the first two bytes: 4 bits version, 8 bits class, 20 bits flow label. */
static __always_inline void mark6(struct ipv6hdr *ip6, __u8 dscp)
{
	__u8 *byte = (void *)ip6;

	byte[0] = (byte[0] & 0xf0) | dscp >> 2;
	byte[1] = (byte[1] & 0x3f) | dscp << 6;
}

SEC("xdp")
int mark(struct xdp_md *ctx)
{
	struct packet packet = {};
	__u8 *class;
	__u32 dscp;
	__u64 *count;

	if (junctor_packet(ctx, &packet) != FOUND_IP)
		return XDP_PASS;
	class = class_of(ctx);
	if (!class)
		return XDP_PASS;
	dscp = *class & 63;
	if (packet.ip)
		mark4(packet.ip, dscp);
	else if (packet.ip6)
		mark6(packet.ip6, dscp);
	count = bpf_map_lookup_elem(&marked, &dscp);
	if (count)
		(*count)++;
	return XDP_PASS;
}

char _license[] SEC("license") = "Apache-2.0";
