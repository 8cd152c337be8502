/* A token bucket for each source under a spin lock: a limiter of SYN floods. */
#include "parse.h"

struct bucket {
	__u64 stamp;
	struct bpf_spin_lock lock;
	__u32 tokens;
	__u32 dropped;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32);
	__type(value, struct bucket);
	__uint(max_entries, 4096);
} buckets SEC(".maps");

const volatile __u32 rate = 100;
const volatile __u32 burst = 10;

SEC("xdp")
int syn_limit(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct tcphdr *tcp;
	struct bucket *bucket;
	__u64 now;
	__u32 earned;
	int verdict = XDP_PASS;

	cursor_init(&cursor, ctx);
	if (parse_ethernet(&cursor, &eth, 0) != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (parse_ipv4(&cursor, &ip) != IPPROTO_TCP || parse_tcp(&cursor, &tcp) < 0)
		return XDP_PASS;
	if (!tcp->syn || tcp->ack)
		return XDP_PASS;
	now = bpf_ktime_get_ns();
	bucket = bpf_map_lookup_elem(&buckets, &ip->saddr);
	if (!bucket) {
		struct bucket fresh = { .stamp = now, .tokens = burst };

		bpf_map_update_elem(&buckets, &ip->saddr, &fresh, BPF_NOEXIST);
		return XDP_PASS;
	}
	bpf_spin_lock(&bucket->lock);
	earned = (now - bucket->stamp) / 1000000 * rate / 1000;
	if (earned) {
		bucket->tokens = bucket->tokens + earned > burst ? burst : bucket->tokens + earned;
		bucket->stamp = now;
	}
	if (bucket->tokens) {
		bucket->tokens--;
	} else {
		bucket->dropped++;
		verdict = XDP_DROP;
	}
	bpf_spin_unlock(&bucket->lock);
	return verdict;
}

char _license[] SEC("license") = "GPL";
