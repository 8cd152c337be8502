/* Tells all that it knows of each frame. */
#include "parse.h"

extern __u32 junctor_session(struct xdp_md *ctx) __ksym __weak;
extern __u32 junctor_user(struct xdp_md *ctx) __ksym __weak;
extern __u32 junctor_tunnel(struct xdp_md *ctx) __ksym __weak;
extern __u32 junctor_policy(struct xdp_md *ctx) __ksym __weak;
extern __u32 junctor_device(struct xdp_md *ctx) __ksym __weak;

struct fact {
	__u32 length;
	__u32 ingress;
	__u32 queue;
	__u32 cpu;
	__u32 device;
	__u32 session;
	__u32 user;
	__u32 tunnel;
	__u32 policy;
	__u32 route;
	__u32 route_device;
	__u32 mtu;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} facts SEC(".maps");

const volatile __u32 destination;

SEC("xdp")
int tell(struct xdp_md *ctx)
{
	struct bpf_fib_lookup fib = {};
	struct fact *fact = bpf_ringbuf_reserve(&facts, sizeof(*fact), 0);

	if (!fact)
		return XDP_PASS;
	fact->length = bpf_xdp_get_buff_len(ctx);
	fact->ingress = ctx->ingress_ifindex;
	fact->queue = ctx->rx_queue_index;
	fact->cpu = bpf_get_smp_processor_id();
	fact->device = junctor_device(ctx);
	fact->session = junctor_session(ctx);
	fact->user = junctor_user(ctx);
	fact->tunnel = junctor_tunnel(ctx);
	fact->policy = junctor_policy(ctx);
	fib.family = 2;
	fib.ipv4_dst = bpf_htonl(destination);
	fib.ifindex = ctx->ingress_ifindex;
	fact->route = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	fact->route_device = fib.ifindex;
	fact->mtu = fib.mtu_result;
	bpf_ringbuf_submit(fact, 0);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
