/* Queue, stack and bloom filter; AF_XDP redirection; pinning by name. */
#include "parse.h"

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__type(value, __u32);
	__uint(max_entries, 64);
} lengths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__type(value, __u64);
	__uint(max_entries, 64);
} times SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__type(value, __u32);
	__uint(max_entries, 1000);
	__uint(map_extra, 3);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} sockets SEC(".maps");

SEC("xdp")
int queues(struct xdp_md *ctx)
{
	__u32 length = ctx->data_end - ctx->data;
	__u64 time = bpf_ktime_get_ns();

	if (bpf_map_peek_elem(&seen, &length) == 0)
		return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
	bpf_map_push_elem(&seen, &length, BPF_ANY);
	bpf_map_push_elem(&lengths, &length, BPF_EXIST);
	if (bpf_map_push_elem(&times, &time, BPF_ANY))
		bpf_map_pop_elem(&times, &time);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
