/* Writes one value in two places of the frame: its last byte and the one eight before it. */
#include "parse.h"

const volatile __u8 mark = 1;

SEC("xdp")
int pair(struct xdp_md *ctx)
{
	__u32 length = bpf_xdp_get_buff_len(ctx);
	__u8 value = mark;

	if (length < 32)
		return XDP_PASS;
	if (bpf_xdp_store_bytes(ctx, length - 9, &value, 1) || bpf_xdp_store_bytes(ctx, length - 1, &value, 1))
		return XDP_ABORTED;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
