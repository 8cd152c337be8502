/*
 * A firewall per subscriber, in both directions.
 *
 * `from_subscriber` belongs on the ingress hook of units, `to_subscriber` on the egress hook. Each subscriber has a policy
 * by its number (junctor_user), else by its device, else everybody's. A policy says whether the common block list applies,
 * which ports are closed, or that nothing passes at all.
 */
#include "../include/junctor.h"

enum rule {
	CHECK_BLOCKED = 1, /* what is on the block list does not pass */
	CLOSE_PORTS = 2,   /* only what is in `open_ports` is reached: TCP connections, and UDP below port 1024 */
	SUSPENDED = 4,     /* nothing passes */
};

struct policy {
	__u32 from; /* rules for what the subscriber sends */
	__u32 to;   /* rules for what is sent to it */
	__u32 list; /* which entries of `open_ports` are its own */
};

struct open_port {
	__u32 list;
	__u16 port; /* as written: 443 is 443 */
	__u8 protocol;
	__u8 to; /* 1: at the subscriber, 0: elsewhere */
};

struct counts {
	__u64 passed;
	__u64 blocked;
	__u64 closed;
	__u64 suspended;
	__u64 malformed;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct who);
	__type(value, struct policy);
} policies SEC(".maps");

/* Prefixes that are blocked, and how many packets each has stopped. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix4);
	__type(value, __u64);
} blocked4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix6);
	__type(value, __u64);
} blocked6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct open_port);
	__type(value, __u8);
} open_ports SEC(".maps");

/* By whose policy it was that decided. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct who);
	__type(value, struct counts);
} counts SEC(".maps");

static __always_inline struct counts *counts_of(struct who *who)
{
	struct counts *found = bpf_map_lookup_elem(&counts, who);
	struct counts none = {};

	if (found)
		return found;
	bpf_map_update_elem(&counts, who, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&counts, who);
}

/* Leaves in `who` whose policy it is. */
static __always_inline struct policy *policy_for(struct xdp_md *ctx, struct who *who)
{
	struct policy *policy;

	who->whose = WHOSE_USER;
	who->number = user_of(ctx);
	if (who->number != 0) {
		policy = bpf_map_lookup_elem(&policies, who);
		if (policy)
			return policy;
	}
	who->whose = WHOSE_DEVICE;
	who->number = device_of(ctx);
	policy = bpf_map_lookup_elem(&policies, who);
	if (policy)
		return policy;
	who->whose = WHOSE_ANYBODY;
	who->number = 0;
	return bpf_map_lookup_elem(&policies, who);
}

/* The entry of the block list that the other end's address is in. */
static __always_inline __u64 *blocked(struct packet *packet, int to)
{
	if (packet->ip) {
		struct prefix4 key = { .prefixlen = 32 };

		__builtin_memcpy(key.address, to ? &packet->ip->saddr : &packet->ip->daddr, sizeof(key.address));
		return bpf_map_lookup_elem(&blocked4, &key);
	}
	if (packet->ip6) {
		struct prefix6 key = { .prefixlen = 128 };

		__builtin_memcpy(key.address, to ? &packet->ip6->saddr : &packet->ip6->daddr, sizeof(key.address));
		return bpf_map_lookup_elem(&blocked6, &key);
	}
	return NULL;
}

static __always_inline int closed(struct packet *packet, __u32 list, int to)
{
	struct open_port key = { .list = list, .protocol = packet->protocol, .to = to };
	struct ports *ports = ports_of(packet);

	if (!ports)
		return 0;
	key.port = bpf_ntohs(ports->destination);
	if (packet->protocol == IPPROTO_TCP ? !connecting(packet) : key.port >= 1024)
		return 0;
	return !bpf_map_lookup_elem(&open_ports, &key);
}

static __always_inline int firewall(struct xdp_md *ctx, int to)
{
	struct who who = {};
	struct policy *policy = policy_for(ctx, &who);
	struct packet packet = {};
	struct counts *count;
	enum found found;
	__u32 rules;
	__u64 *hits;

	if (!policy)
		return XDP_PASS;
	count = counts_of(&who);
	if (!count)
		return XDP_ABORTED; /* more than 16384 subscribers */
	rules = to ? policy->to : policy->from;
	if (rules & SUSPENDED) {
		count->suspended++;
		return XDP_DROP;
	}
	found = junctor_packet(ctx, &packet);
	if (found == FOUND_MALFORMED) {
		count->malformed++;
		return XDP_DROP;
	}
	if (found == FOUND_IP) {
		if (rules & CHECK_BLOCKED) {
			hits = blocked(&packet, to);
			if (hits) {
				__sync_fetch_and_add(hits, 1);
				count->blocked++;
				return XDP_DROP;
			}
		}
		if (rules & CLOSE_PORTS && closed(&packet, policy->list, to)) {
			count->closed++;
			return XDP_DROP;
		}
	}
	count->passed++;
	return XDP_PASS;
}

SEC("xdp")
int from_subscriber(struct xdp_md *ctx)
{
	return firewall(ctx, 0);
}

SEC("xdp")
int to_subscriber(struct xdp_md *ctx)
{
	return firewall(ctx, 1);
}

char _license[] SEC("license") = "Apache-2.0";
