/* What operations on maps answer: every flag, on elements that are there and that are not. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MAP(name, kind, size)                  \
	struct {                               \
		__uint(type, kind);            \
		__type(key, __u32);            \
		__type(value, __u64);          \
		__uint(max_entries, size);     \
	} name SEC(".maps")

MAP(hash, BPF_MAP_TYPE_HASH, 3);
MAP(array, BPF_MAP_TYPE_ARRAY, 3);
MAP(percpu, BPF_MAP_TYPE_PERCPU_HASH, 3);
MAP(percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, 3);

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__type(value, __u64);
	__uint(max_entries, 4);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__type(value, __u64);
	__uint(max_entries, 4);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__type(value, __u32);
	__uint(max_entries, 100);
} filter SEC(".maps");

__s64 answers[64];

SEC("xdp")
int ask(struct xdp_md *ctx)
{
	__u32 length = ctx->data_end - ctx->data, key = length % 5, slot = 0, low = length & 3;
	__u64 value = length;

#define ASK(expression)                                                  \
	do {                                                              \
		answers[slot & 63] = answers[slot & 63] * 31 + (expression); \
		slot++;                                                   \
	} while (0)
	ASK(bpf_map_update_elem(&hash, &key, &value, BPF_NOEXIST));
	ASK(bpf_map_update_elem(&hash, &key, &value, BPF_EXIST));
	ASK(bpf_map_update_elem(&hash, &low, &value, BPF_ANY));
	ASK(bpf_map_update_elem(&hash, &key, &value, 3));
	ASK(bpf_map_delete_elem(&hash, &low));
	ASK(bpf_map_update_elem(&array, &key, &value, BPF_ANY));
	ASK(bpf_map_update_elem(&array, &low, &value, BPF_NOEXIST));
	ASK(bpf_map_update_elem(&array, &low, &value, BPF_EXIST));
	ASK(bpf_map_delete_elem(&array, &low));
	ASK(bpf_map_update_elem(&percpu, &key, &value, BPF_ANY));
	ASK(bpf_map_update_elem(&percpu, &low, &value, BPF_NOEXIST));
	ASK(bpf_map_delete_elem(&percpu, &key));
	ASK(bpf_map_update_elem(&percpu_array, &key, &value, BPF_ANY));
	ASK(bpf_map_delete_elem(&percpu_array, &key));
	ASK(bpf_map_push_elem(&queue, &value, 0));
	ASK(bpf_map_push_elem(&stack, &value, low & 1 ? BPF_EXIST : 0));
	ASK(bpf_map_push_elem(&queue, &value, 1));
	value = 0;
	ASK(bpf_map_peek_elem(&queue, &value));
	ASK(value);
	if (low == 2) {
		ASK(bpf_map_pop_elem(&queue, &value));
		ASK(value);
		ASK(bpf_map_pop_elem(&stack, &value));
		ASK(value);
	}
	ASK(bpf_map_push_elem(&filter, &low, 0));
	ASK(bpf_map_peek_elem(&filter, &low));
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
