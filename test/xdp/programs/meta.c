/* Metadata before the frame, encapsulation in front and truncation behind. */
#include "parse.h"

struct mark {
	__u32 id;
	__u32 length;
};

SEC("xdp")
int mark(struct xdp_md *ctx)
{
	struct mark *mark;
	void *data;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*mark)))
		return XDP_ABORTED;
	mark = (void *)(long)ctx->data_meta;
	data = (void *)(long)ctx->data;
	if ((void *)(mark + 1) > data)
		return XDP_ABORTED;
	mark->id = 0x4d41524b;
	mark->length = ctx->data_end - ctx->data;
	return XDP_PASS;
}

/* IP in IP. */
SEC("xdp")
int encapsulate(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data, *old;
	struct iphdr *outer, *inner;
	__u32 sum = 0;
	__u16 *words;
	int i;

	if ((void *)(eth + 1) + sizeof(*inner) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*outer)))
		return XDP_DROP;
	end = (void *)(long)ctx->data_end;
	eth = (void *)(long)ctx->data;
	old = (void *)eth + sizeof(*outer);
	outer = (void *)(eth + 1);
	inner = (void *)(outer + 1);
	if ((void *)(inner + 1) > end)
		return XDP_DROP;
	__builtin_memmove(eth, old, sizeof(*eth));
	outer->version = 4;
	outer->ihl = 5;
	outer->tos = inner->tos;
	outer->tot_len = bpf_htons(bpf_ntohs(inner->tot_len) + sizeof(*outer));
	outer->id = 0;
	outer->frag_off = 0;
	outer->ttl = 64;
	outer->protocol = IPPROTO_IPIP;
	outer->check = 0;
	outer->saddr = bpf_htonl(0x0a000001);
	outer->daddr = bpf_htonl(0x0a000002);
	words = (__u16 *)outer;
#pragma unroll
	for (i = 0; i < (int)sizeof(*outer) / 2; i++)
		sum += words[i];
	outer->check = fold(sum);
	return XDP_TX;
}

SEC("xdp")
int truncate(struct xdp_md *ctx)
{
	int length = ctx->data_end - ctx->data;

	if (length > 128 && bpf_xdp_adjust_tail(ctx, 128 - length))
		return XDP_ABORTED;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
