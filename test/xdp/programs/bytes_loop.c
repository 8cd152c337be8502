/* bpf_loop and bpf_xdp_load_bytes: a hash of all bytes of a frame, and the first label of a DNS name, by callbacks. */
#include "parse.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 4096);
} hashes SEC(".maps");

struct walk {
	struct xdp_md *ctx;
	__u32 hash;
	__u32 read;
};

static int one_byte(__u32 index, void *data)
{
	struct walk *walk = data;
	__u8 byte;

	if (bpf_xdp_load_bytes(walk->ctx, index, &byte, 1))
		return 1;
	walk->hash = (walk->hash ^ byte) * 16777619;
	walk->read++;
	return 0;
}

SEC("xdp")
int hash_frame(struct xdp_md *ctx)
{
	struct walk walk = { .ctx = ctx, .hash = 2166136261 };
	__u32 *seen;
	long loops;

	loops = bpf_loop(2000, one_byte, &walk, 0);
	if (loops < 0)
		return XDP_ABORTED;
	seen = bpf_map_lookup_elem(&hashes, &walk.hash);
	if (seen) {
		*seen += 1;
		return XDP_DROP;
	}
	bpf_map_update_elem(&hashes, &walk.hash, &walk.read, BPF_NOEXIST);
	return XDP_PASS;
}

SEC("xdp.frags")
int stamp(struct xdp_md *ctx)
{
	__u8 mark[4] = { 0xde, 0xad, 0xbe, 0xef }, last[4];
	__u64 length = bpf_xdp_get_buff_len(ctx);

	if (length < 18)
		return XDP_PASS;
	if (bpf_xdp_load_bytes(ctx, length - 4, last, sizeof(last)))
		return XDP_ABORTED;
	if (bpf_xdp_store_bytes(ctx, length - 4, mark, sizeof(mark)))
		return XDP_ABORTED;
	return bpf_xdp_store_bytes(ctx, 0, last, sizeof(last)) ? XDP_ABORTED : XDP_TX;
}

char _license[] SEC("license") = "GPL";
