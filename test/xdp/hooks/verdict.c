/* Answers what it was told to, everywhere a program can be. */
#include "parse.h"

const volatile __u32 answer = XDP_PASS;
/* Frames shorter than this are not its business. */
const volatile __u32 least;

static __always_inline int judge(struct xdp_md *ctx)
{
	if (bpf_xdp_get_buff_len(ctx) < least)
		return XDP_PASS;
	return answer;
}

SEC("xdp")
int verdict(struct xdp_md *ctx)
{
	return judge(ctx);
}

SEC("xdp/devmap")
int on_device(struct xdp_md *ctx)
{
	return judge(ctx);
}

SEC("xdp/cpumap")
int on_cpu(struct xdp_md *ctx)
{
	return judge(ctx);
}

/* Runs out of what it may do. */
SEC("xdp")
int print(struct xdp_md *ctx)
{
	bpf_printk("%d bytes on %d", (__u32)bpf_xdp_get_buff_len(ctx), ctx->ingress_ifindex);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
