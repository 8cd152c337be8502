/* Maps as before BTF: struct bpf_map_def in section maps, and sections named as in the kernel's samples. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct old_map_def {
	unsigned int type;
	unsigned int key_size;
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int map_flags;
};

struct old_map_def SEC("maps") rxcnt = {
	.type = BPF_MAP_TYPE_PERCPU_ARRAY,
	.key_size = sizeof(__u32),
	.value_size = sizeof(long),
	.max_entries = 256,
};

struct old_map_def SEC("maps") tx_port = {
	.type = BPF_MAP_TYPE_DEVMAP,
	.key_size = sizeof(int),
	.value_size = sizeof(int),
	.max_entries = 100,
};

struct old_map_def SEC("maps") blocked = {
	.type = BPF_MAP_TYPE_HASH,
	.key_size = sizeof(__u64),
	.value_size = sizeof(__u32),
	.max_entries = 1000,
	.map_flags = BPF_F_NO_PREALLOC,
};

SEC("xdp1")
int xdp_prog1(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	__u32 key;
	long *value;

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	key = bpf_ntohs(eth->h_proto) & 0xff;
	value = bpf_map_lookup_elem(&rxcnt, &key);
	if (value)
		*value += 1;
	return XDP_DROP;
}

SEC("xdp_redirect_map")
int redirect_map(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	__u64 mac = 0;

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	__builtin_memcpy(&mac, eth->h_source, 6);
	if (bpf_map_lookup_elem(&blocked, &mac))
		return XDP_DROP;
	return bpf_redirect_map(&tx_port, 0, 0);
}

char _license[] SEC("license") = "GPL";
