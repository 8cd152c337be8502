/* Nearly all of the stack: tables on it, copied, cleared, indexed by what the frame has. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct block {
	__u64 words[16];
	__u32 half[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct block);
	__type(value, __u32);
	__uint(max_entries, 512);
} blocks SEC(".maps");

SEC("xdp")
int tables(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct block one, other;
	__u8 counts[64];
	__u32 one_more = 1, *seen;
	int i;

	if (data + 46 > end)
		return XDP_DROP;
	__builtin_memset(&one, 0, sizeof(one));
	__builtin_memset(counts, 3, sizeof(counts));
	for (i = 0; i < 32; i++) {
		__u8 byte = *(__u8 *)(data + 14 + i);

		counts[byte & 63]++;
		one.words[byte & 15] += byte;
		one.half[(byte >> 4) & 15] ^= counts[(byte >> 1) & 63];
	}
	other = one;
	other.words[3] = counts[17] + counts[40];
	__builtin_memcpy(&one.words[4], &other.half[2], 40);
	seen = bpf_map_lookup_elem(&blocks, &one);
	if (seen) {
		++*seen;
		return XDP_PASS;
	}
	if (bpf_map_update_elem(&blocks, &one, &one_more, BPF_NOEXIST))
		return XDP_ABORTED;
	return other.words[3] & 1 ? XDP_TX : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
