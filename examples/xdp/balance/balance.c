/*
 * Spreads the flows of a device over several others: pseudowires to several gateways, units, or channels of several lines.
 *
 * A flow's addresses and ports choose one of 256 buckets, and a devmap says which device each bucket leaves by. To take a
 * device out of service, its buckets are given to the others: flows of all other buckets stay where they are. What comes
 * back by one of the devices goes to the one it came from, by the devmap `home`.
 *
 * An entry's program runs on the way out, and counts. Frames that are no IP (LCP, IPCP) and buckets that have no device go
 * the way they would without it.
 */
#include "../include/junctor.h"

#define BUCKETS 256

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, BUCKETS);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} buckets SEC(".maps");

/* By the device that a frame came in by. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} home SEC(".maps");

struct sent {
	__u64 frames;
	__u64 bytes;
};

/* By the device that a frame left by. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct sent);
} sent SEC(".maps");

static __always_inline __u32 mixed(__u32 hash, __u32 word)
{
	hash ^= word;
	hash *= 0x9e3779b1;
	return hash ^ hash >> 15;
}

/* The same for both directions of a flow: ends are mixed by their sum. */
static __always_inline __u32 bucket_of(struct packet *packet)
{
	struct ports *ports;
	__u32 hash = 0;

	if (packet->ip) {
		hash = mixed(packet->ip->protocol, packet->ip->saddr + packet->ip->daddr);
		/* All fragments of a packet have to go one way, and only the first one has ports. */
		if (packet->ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_FRAGMENT_OFFSET))
			return mixed(hash, hash >> 7) % BUCKETS;
	} else if (packet->ip6) {
		__be32 *source = packet->ip6->saddr.in6_u.u6_addr32;
		__be32 *destination = packet->ip6->daddr.in6_u.u6_addr32;
		int word;

		hash = packet->protocol;
#pragma unroll
		for (word = 0; word < 4; word++)
			hash = mixed(hash, source[word] + destination[word]);
	}
	ports = ports_of(packet);
	if (ports)
		hash = mixed(hash, ports->source + ports->destination);
	return mixed(hash, hash >> 7) % BUCKETS;
}

/* On channels, whose frames are PPP. */
SEC("xdp")
int balance_ppp(struct xdp_md *ctx)
{
	struct packet packet = {};

	if (junctor_ppp_packet(ctx, &packet) != FOUND_IP)
		return XDP_PASS;
	return bpf_redirect_map(&buckets, bucket_of(&packet), XDP_PASS);
}

/* On units, TUN ports, and interfaces of the host. */
SEC("xdp")
int balance_ethernet(struct xdp_md *ctx)
{
	struct packet packet = {};

	if (junctor_packet(ctx, &packet) != FOUND_IP)
		return XDP_PASS;
	return bpf_redirect_map(&buckets, bucket_of(&packet), XDP_PASS);
}

SEC("xdp")
int gather_ppp(struct xdp_md *ctx)
{
	struct packet packet = {};

	if (junctor_ppp_packet(ctx, &packet) != FOUND_IP)
		return XDP_PASS;
	return bpf_redirect_map(&home, ctx->ingress_ifindex, XDP_PASS);
}

SEC("xdp/devmap")
int count_sent(struct xdp_md *ctx)
{
	__u32 device = ctx->egress_ifindex;
	struct sent none = {};
	struct sent *to = bpf_map_lookup_elem(&sent, &device);

	if (!to) {
		bpf_map_update_elem(&sent, &device, &none, BPF_NOEXIST);
		to = bpf_map_lookup_elem(&sent, &device);
	}
	if (to) {
		to->frames++;
		to->bytes += (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "Apache-2.0";
