/* Redirects by device map and hash, with a program on the way out of each device, and to several at once. */
#include "parse.h"

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_devmap_val));
	__uint(max_entries, 64);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct bpf_devmap_val));
	__uint(max_entries, 32);
} by_ifindex SEC(".maps");

struct mac {
	__u8 address[ETH_ALEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct mac);
	__type(value, __u32);
	__uint(max_entries, 4096);
} stations SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct mac);
	__uint(max_entries, 64);
} sources SEC(".maps");

SEC("xdp")
int redirect_port(struct xdp_md *ctx)
{
	return bpf_redirect_map(&ports, ctx->ingress_ifindex & 63, XDP_PASS);
}

/* A learning bridge's forwarding: known stations by hash, the rest to everybody but where it came from. */
SEC("xdp")
int bridge(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct mac mac;
	__u32 from = ctx->ingress_ifindex;
	__u32 *known;

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	__builtin_memcpy(&mac, eth->h_source, ETH_ALEN);
	bpf_map_update_elem(&stations, &mac, &from, BPF_ANY);
	__builtin_memcpy(&mac, eth->h_dest, ETH_ALEN);
	known = bpf_map_lookup_elem(&stations, &mac);
	if (known)
		return bpf_redirect_map(&by_ifindex, *known, 0);
	return bpf_redirect_map(&by_ifindex, 0, BPF_F_BROADCAST | BPF_F_EXCLUDE_INGRESS);
}

/* On the way out: the source address is that of the device. */
SEC("xdp/devmap")
int rewrite_source(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = (void *)(long)ctx->data;
	__u32 key = ctx->egress_ifindex;
	struct mac *mac;

	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	mac = bpf_map_lookup_elem(&sources, &key);
	if (mac)
		__builtin_memcpy(eth->h_source, mac->address, ETH_ALEN);
	return XDP_PASS;
}

SEC("xdp.frags/devmap")
int drop_large(struct xdp_md *ctx)
{
	return ctx->data_end - ctx->data > 1518 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
