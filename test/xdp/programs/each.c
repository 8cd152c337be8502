/* bpf_for_each_map_elem over arrays and hash tables, with context, and ended early. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 10);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 32);
} table SEC(".maps");

struct total {
	__u64 sum;
	__u32 visits;
	__u32 limit;
};

__u64 sums[2];

static long add(void *map, const __u32 *key, __u64 *value, struct total *total)
{
	total->sum += *value + *key;
	*value += 1;
	return ++total->visits >= total->limit;
}

static long empty(void *map, const __u32 *key, __u64 *value, void *none)
{
	if (*value & 1)
		bpf_map_delete_elem(map, key);
	return 0;
}

SEC("xdp")
int visit(struct xdp_md *ctx)
{
	__u32 length = ctx->data_end - ctx->data;
	struct total total = { .limit = length % 12 + 1 };
	struct total all = { .limit = 1000 };
	__u64 value = length;
	long visited;

	visited = bpf_for_each_map_elem(&numbers, add, &total, 0);
	bpf_map_update_elem(&table, &length, &value, BPF_NOEXIST);
	bpf_for_each_map_elem(&table, add, &all, 0);
	sums[0] += total.sum;
	sums[1] += all.sum;
	if (length & 1)
		bpf_for_each_map_elem(&table, empty, 0, 0);
	return visited == 10 ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
