/* A layer 4 balancer as large sites have them: ring of a service, table of connections, IPIP to the real server, counters. */
#include "parse.h"

#define RING 16
#define SERVICES 4

struct service_key {
	__be32 address;
	__be16 port;
	__u8 protocol;
	__u8 pad;
};

struct service {
	__u32 number;
	__u32 flags;
};

struct flow {
	__be32 source;
	__be32 destination;
	__be16 ports[2];
	__u8 protocol;
	__u8 pad[3];
};

struct connection {
	__u32 server;
	__u32 packets;
};

struct server {
	__be32 address;
	__u8 mac[ETH_ALEN];
	__u16 pad;
};

struct counters {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct service_key);
	__type(value, struct service);
	__uint(max_entries, SERVICES);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, SERVICES * RING);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct server);
	__uint(max_entries, 8);
} servers SEC(".maps");

struct connection_table {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct flow);
	__type(value, struct connection);
	__uint(max_entries, 512);
} connections_0 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 2);
	__array(values, struct connection_table);
} connections SEC(".maps") = { .values = { &connections_0 } };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct counters);
	__uint(max_entries, SERVICES);
} statistics SEC(".maps");

const volatile __be32 own_address = bpf_htonl(0xc6336401);

static __always_inline __u32 rotate(__u32 word, int by)
{
	return (word << by) | (word >> (32 - by));
}

static __noinline __u32 hash(__u32 a, __u32 b, __u32 c)
{
	c ^= b;
	c -= rotate(b, 14);
	a ^= c;
	a -= rotate(c, 11);
	b ^= a;
	b -= rotate(a, 25);
	c ^= b;
	c -= rotate(b, 16);
	a ^= c;
	a -= rotate(c, 4);
	b ^= a;
	b -= rotate(a, 14);
	c ^= b;
	c -= rotate(b, 24);
	return c;
}

static __always_inline int choose(const struct flow *flow, const struct service *service, __u32 *server)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *table = bpf_map_lookup_elem(&connections, &cpu);
	struct connection *known, fresh = { .packets = 1 };
	__u32 slot, *number;

	if (table) {
		known = bpf_map_lookup_elem(table, flow);
		if (known) {
			known->packets++;
			*server = known->server;
			return 0;
		}
	}
	slot = hash(flow->source, flow->ports[0] << 16 | flow->ports[1], flow->protocol) % RING;
	slot += service->number * RING;
	number = bpf_map_lookup_elem(&rings, &slot);
	if (!number)
		return -1;
	*server = *number;
	fresh.server = *number;
	if (table)
		bpf_map_update_elem(table, flow, &fresh, BPF_ANY);
	return 0;
}

static __always_inline int encapsulate(struct xdp_md *ctx, const struct server *server, __u16 length)
{
	struct ethhdr *eth, *old;
	struct iphdr *ip;
	__u16 *word;
	__u32 sum = 0;
	void *end;
	int i;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct iphdr)))
		return XDP_DROP;
	eth = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	old = (void *)eth + sizeof(struct iphdr);
	ip = (void *)(eth + 1);
	if ((void *)(old + 1) > end || (void *)(ip + 1) > end)
		return XDP_DROP;
	__builtin_memcpy(eth->h_source, old->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, server->mac, ETH_ALEN);
	eth->h_proto = bpf_htons(ETH_P_IP);
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = 0;
	ip->tot_len = bpf_htons(length + sizeof(*ip));
	ip->id = 0;
	ip->frag_off = 0;
	ip->ttl = 64;
	ip->protocol = IPPROTO_IPIP;
	ip->check = 0;
	ip->saddr = own_address;
	ip->daddr = server->address;
	word = (__u16 *)ip;
#pragma unroll
	for (i = 0; i < (int)sizeof(*ip) / 2; i++)
		sum += *word++;
	ip->check = fold(sum);
	return XDP_TX;
}

SEC("xdp")
int balance(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth;
	struct iphdr *ip;
	struct flow flow = {};
	struct service_key key = {};
	struct service *service;
	struct server *server;
	struct counters *counters;
	__be16 *ports;
	__u32 number;
	__u16 length;

	cursor_init(&cursor, ctx);
	if (parse_ethernet(&cursor, &eth, 0) != bpf_htons(ETH_P_IP) || parse_ipv4(&cursor, &ip) < 0)
		return XDP_PASS;
	if (ip->ihl != 5 || ip->frag_off & bpf_htons(0x3fff))
		return XDP_DROP;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return XDP_PASS;
	ports = cursor.at;
	if ((void *)(ports + 2) > cursor.end)
		return XDP_DROP;
	flow.source = ip->saddr;
	flow.destination = ip->daddr;
	flow.ports[0] = ports[0];
	flow.ports[1] = ports[1];
	flow.protocol = ip->protocol;
	key.address = ip->daddr;
	key.port = ports[1];
	key.protocol = ip->protocol;
	service = bpf_map_lookup_elem(&services, &key);
	if (!service) {
		key.port = 0;
		service = bpf_map_lookup_elem(&services, &key);
		if (!service)
			return XDP_PASS;
	}
	if (choose(&flow, service, &number))
		return XDP_DROP;
	server = bpf_map_lookup_elem(&servers, &number);
	if (!server)
		return XDP_DROP;
	length = bpf_ntohs(ip->tot_len);
	number = service->number;
	counters = bpf_map_lookup_elem(&statistics, &number);
	if (counters) {
		counters->packets++;
		counters->bytes += length;
	}
	return encapsulate(ctx, server, length);
}

char _license[] SEC("license") = "GPL";
