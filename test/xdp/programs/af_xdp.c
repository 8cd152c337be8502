/* Every second frame of a queue to its socket, the rest to the kernel; counted by queue. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 64);
} counted SEC(".maps");

SEC("xdp")
int to_socket(struct xdp_md *ctx)
{
	__u32 queue = ctx->rx_queue_index;
	__u32 *count = bpf_map_lookup_elem(&counted, &queue);

	if (count && (*count)++ & 1)
		return XDP_PASS;
	if (bpf_map_lookup_elem(&sockets, &queue))
		return bpf_redirect_map(&sockets, queue, 0);
	return XDP_DROP;
}

SEC("xdp")
int to_socket_or_pass(struct xdp_md *ctx)
{
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}

char _license[] SEC("license") = "GPL";
