/* Changes frames. `skip` bytes at their start are a header that moves along (14 of Ethernet, 0 of PPP). */
#include "parse.h"

const volatile __u8 mark = 0x77;
const volatile __u32 skip;
/* Only frames that have this in their last byte; 0: all. */
const volatile __u8 only;

static __always_inline int chosen(struct xdp_md *ctx)
{
	__u32 length = bpf_xdp_get_buff_len(ctx);
	__u8 last = 0;

	if (!only)
		return 1;
	if (bpf_xdp_load_bytes(ctx, length - 1, &last, 1))
		return 0;
	return last == only;
}

/* The last byte becomes the mark. */
SEC("xdp")
int stamp(struct xdp_md *ctx)
{
	__u8 value = mark;

	if (chosen(ctx))
		bpf_xdp_store_bytes(ctx, (__u32)bpf_xdp_get_buff_len(ctx) - 1, &value, 1);
	return XDP_PASS;
}

/* Adds one to the last byte: tells in which order programs ran. */
SEC("xdp")
int twice(struct xdp_md *ctx)
{
	__u32 at = (__u32)bpf_xdp_get_buff_len(ctx) - 1;
	__u8 value = 0;

	bpf_xdp_load_bytes(ctx, at, &value, 1);
	value = value * 2 + (mark & 1);
	bpf_xdp_store_bytes(ctx, at, &value, 1);
	return XDP_PASS;
}

/* Four bytes of the mark are put before the frame, or behind its header. */
SEC("xdp")
int longer(struct xdp_md *ctx)
{
	__u8 header[14] = {};
	__u8 marks[4] = { mark, mark, mark, mark };
	__u32 kept = skip;

	if (!chosen(ctx))
		return XDP_PASS;
	if (kept && bpf_xdp_load_bytes(ctx, 0, header, 14))
		return XDP_ABORTED;
	if (bpf_xdp_adjust_head(ctx, -4))
		return XDP_ABORTED;
	if (kept && bpf_xdp_store_bytes(ctx, 0, header, 14))
		return XDP_ABORTED;
	if (bpf_xdp_store_bytes(ctx, kept ? 14 : 0, marks, 4))
		return XDP_ABORTED;
	return XDP_PASS;
}

/* Four bytes less at the start, or behind the header. */
SEC("xdp")
int shorter(struct xdp_md *ctx)
{
	__u8 header[14] = {};
	__u32 kept = skip;

	if (!chosen(ctx))
		return XDP_PASS;
	if (kept && bpf_xdp_load_bytes(ctx, 0, header, 14))
		return XDP_ABORTED;
	if (bpf_xdp_adjust_head(ctx, 4))
		return XDP_ABORTED;
	if (kept && bpf_xdp_store_bytes(ctx, 0, header, 14))
		return XDP_ABORTED;
	return XDP_PASS;
}

const volatile __s32 change = 4;

SEC("xdp")
int tail(struct xdp_md *ctx)
{
	if (!chosen(ctx))
		return XDP_PASS;
	return bpf_xdp_adjust_tail(ctx, change) ? XDP_ABORTED : XDP_PASS;
}

/* One program leaves the mark in the metadata, another one writes it into the frame. */
SEC("xdp")
int leave_note(struct xdp_md *ctx)
{
	__u8 *note;

	if (bpf_xdp_adjust_meta(ctx, -4))
		return XDP_ABORTED;
	note = (void *)(long)ctx->data_meta;
	if ((void *)(note + 4) > (void *)(long)ctx->data)
		return XDP_ABORTED;
	note[0] = note[1] = note[2] = note[3] = mark;
	return XDP_PASS;
}

SEC("xdp")
int read_note(struct xdp_md *ctx)
{
	__u8 *note = (void *)(long)ctx->data_meta;
	__u8 value;

	if ((void *)(note + 4) > (void *)(long)ctx->data)
		return XDP_DROP;
	value = note[3];
	bpf_xdp_store_bytes(ctx, (__u32)bpf_xdp_get_buff_len(ctx) - 1, &value, 1);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
