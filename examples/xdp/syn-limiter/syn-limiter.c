/*
 * Limits how fast TCP connections are asked for: per source, per destination and in all.
 *
 * Per address, a bucket is one number, the time at which it will be empty again (the generic cell rate algorithm, ITU-T
 * I.371): a SYN moves it on by the time between two of them, and is over the limit if that would be too far ahead. One
 * number is changed by one compare-and-swap, so no lock is held in the LRU map, which may take an entry away meanwhile.
 * The limit in all has a bucket of tokens under a spin lock.
 *
 * It belongs where a flood comes in: on ingress of the host's interface or TUN port, on egress of units to protect
 * subscribers, on ingress of units to have subscribers flood nobody.
 */
#include "../include/junctor.h"

#define SECOND 1000000000ULL
#define ATTEMPTS 4

enum limit {
	PER_SOURCE = 0,
	PER_DESTINATION = 1,
	LIMITS = 2,
};

/* `interval` 0: no limit. 100 a second and 20 at once: interval 10 ms, burst 200 ms. */
struct limit_of {
	__u64 interval; /* nanoseconds between two SYNs */
	__u64 burst;    /* nanoseconds that SYNs may be ahead of their time */
};

/* IPv4 addresses as ::ffff:a.b.c.d, IPv6 sources by their /64: a host has all addresses of it. */
struct end {
	__u8 address[16];
	__u32 limit;
};

struct whole {
	struct bpf_spin_lock lock;
	__u32 rate; /* SYNs a second, 0: no limit */
	__u64 burst;
	__u64 tokens; /* in units of a SYN / SECOND */
	__u64 filled; /* when that was */
};

enum count {
	COUNT_PASSED = 0,
	COUNT_OVER_SOURCE = 1,
	COUNT_OVER_DESTINATION = 2,
	COUNT_OVER_ALL = 3,
	COUNTS = 4,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LIMITS);
	__type(key, __u32);
	__type(value, struct limit_of);
} limits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct end);
	__type(value, __u64);
} buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct whole);
} all SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __always_inline void count(enum count what)
{
	__u32 key = what;
	__u64 *counter = bpf_map_lookup_elem(&counts, &key);

	if (counter)
		(*counter)++;
}

static __always_inline void end_of(struct packet *packet, struct end *end, enum limit limit)
{
	end->limit = limit;
	if (packet->ip) {
		end->address[10] = 0xff;
		end->address[11] = 0xff;
		__builtin_memcpy(&end->address[12], limit == PER_SOURCE ? &packet->ip->saddr : &packet->ip->daddr, 4);
	} else if (packet->ip6) {
		if (limit == PER_SOURCE)
			__builtin_memcpy(end->address, &packet->ip6->saddr, 8);
		else
			__builtin_memcpy(end->address, &packet->ip6->daddr, 16);
	}
}

static __always_inline int over(struct packet *packet, enum limit which, __u64 now)
{
	struct limit_of *limit;
	struct end end = {};
	__u32 key = which;
	__u64 *bucket;
	int attempt;

	limit = bpf_map_lookup_elem(&limits, &key);
	if (!limit || limit->interval == 0)
		return 0;
	end_of(packet, &end, which);
	bucket = bpf_map_lookup_elem(&buckets, &end);
	if (!bucket) {
		__u64 next = now + limit->interval;

		/* Another thread may have been first: then its SYN was, too, and one more passes. */
		bpf_map_update_elem(&buckets, &end, &next, BPF_NOEXIST);
		return 0;
	}
#pragma unroll
	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		__u64 before = *(volatile __u64 *)bucket;
		__u64 from = before > now ? before : now;

		if (from - now > limit->burst)
			return 1;
		if (__sync_val_compare_and_swap(bucket, before, from + limit->interval) == before)
			return 0;
	}
	/* Others change it at the same moment, over and over: that is a flood. */
	return 1;
}

static __always_inline int over_all(__u64 now)
{
	__u32 zero = 0;
	struct whole *whole = bpf_map_lookup_elem(&all, &zero);
	int result = 0;
	__u64 most;

	if (!whole || whole->rate == 0)
		return 0;
	bpf_spin_lock(&whole->lock);
	most = whole->burst * SECOND;
	/* A second fills it as far as it goes here: longer times would overflow. */
	if (now > whole->filled) {
		__u64 passed = now - whole->filled;

		whole->tokens += (passed > SECOND ? SECOND : passed) * whole->rate;
		whole->filled = now;
		if (whole->tokens > most)
			whole->tokens = most;
	}
	if (whole->tokens >= SECOND)
		whole->tokens -= SECOND;
	else
		result = 1;
	bpf_spin_unlock(&whole->lock);
	return result;
}

SEC("xdp")
int limit_syn(struct xdp_md *ctx)
{
	struct packet packet = {};
	__u64 now;

	if (junctor_packet(ctx, &packet) != FOUND_IP || !connecting(&packet))
		return XDP_PASS;
	now = bpf_ktime_get_ns();
	if (over(&packet, PER_SOURCE, now)) {
		count(COUNT_OVER_SOURCE);
		return XDP_DROP;
	}
	if (over(&packet, PER_DESTINATION, now)) {
		count(COUNT_OVER_DESTINATION);
		return XDP_DROP;
	}
	if (over_all(now)) {
		count(COUNT_OVER_ALL);
		return XDP_DROP;
	}
	count(COUNT_PASSED);
	return XDP_PASS;
}

char _license[] SEC("license") = "Apache-2.0";
