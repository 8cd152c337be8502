#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct flow {
	__u32 source;
	__u16 protocol;
	__u8 address[6];
};

struct count {
	__u64 frames;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct flow);
	__type(value, struct count);
	__uint(max_entries, 1024);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__type(key, __u32);
	__uint(value_size, sizeof(struct bpf_devmap_val));
	__uint(max_entries, 16);
} ports SEC(".maps");

const volatile __u16 longest = 1514;
__u64 refused;

SEC("xdp")
int forward(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct flow flow = {};
	struct count first = { 1, end - data };
	struct count *count;

	if (end - data > longest || (void *)(eth + 1) > end) {
		__sync_fetch_and_add(&refused, 1);
		return XDP_DROP;
	}
	flow.source = ctx->ingress_ifindex;
	flow.protocol = bpf_ntohs(eth->h_proto);
	__builtin_memcpy(flow.address, eth->h_source, 6);
	count = bpf_map_lookup_elem(&flows, &flow);
	if (count) {
		count->frames++;
		count->bytes += end - data;
	} else {
		bpf_map_update_elem(&flows, &flow, &first, BPF_ANY);
	}
	return bpf_redirect_map(&ports, ctx->ingress_ifindex, XDP_PASS);
}

SEC("xdp/devmap")
int stamp(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	eth->h_source[5] = ctx->egress_ifindex;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
