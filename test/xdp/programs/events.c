/* Samples of packets to user space: ring buffer and perf event array. */
#include "parse.h"

struct sample {
	__u64 time;
	__u32 length;
	__u32 ifindex;
	__u8 head[32];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__uint(max_entries, 64);
} perf SEC(".maps");

SEC("xdp")
int to_ringbuf(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct sample *sample;

	if (data + 32 > end)
		return XDP_PASS;
	sample = bpf_ringbuf_reserve(&samples, sizeof(*sample), 0);
	if (!sample)
		return XDP_PASS;
	sample->time = bpf_ktime_get_ns();
	sample->length = end - data;
	sample->ifindex = ctx->ingress_ifindex;
	__builtin_memcpy(sample->head, data, 32);
	if (sample->head[12] == 0x88)
		bpf_ringbuf_discard(sample, 0);
	else
		bpf_ringbuf_submit(sample, 0);
	return XDP_PASS;
}

SEC("xdp")
int to_perf(struct xdp_md *ctx)
{
	struct sample sample = {
		.time = bpf_ktime_get_ns(),
		.length = ctx->data_end - ctx->data,
		.ifindex = ctx->ingress_ifindex,
	};
	__u64 flags = BPF_F_CURRENT_CPU | ((__u64)(sample.length & 0xff) << 32);

	bpf_perf_event_output(ctx, &perf, flags, &sample, sizeof(sample));
	bpf_printk("length %u", sample.length);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
