/* A map for each device, found in a map of maps; one is filled by the object. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 128);
	__type(key, __u32);
	__type(value, __u64);
} first SEC(".maps"), second SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 8);
	__type(key, __u32);
	__array(values, struct inner);
} by_index SEC(".maps") = {
	.values = { &first, 0, &second },
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 8);
	__type(key, __u32);
	__array(values, struct inner);
} by_device SEC(".maps");

SEC("xdp")
int map_in_map(struct xdp_md *ctx)
{
	__u32 device = ctx->ingress_ifindex, index = device & 7;
	__u64 one = 1, *count;
	void *map = bpf_map_lookup_elem(&by_device, &device);

	if (!map)
		map = bpf_map_lookup_elem(&by_index, &index);
	if (!map)
		return XDP_DROP;
	count = bpf_map_lookup_elem(map, &device);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(map, &device, &one, BPF_ANY);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
