/* Text: formatted by bpf_snprintf, compared by bpf_strncmp, kept in a map. */
#include "parse.h"

struct line {
	char text[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct line);
	__uint(max_entries, 256);
} lines SEC(".maps");

SEC("xdp")
int describe(struct xdp_md *ctx)
{
	static const char simple[] = "%d bytes, type 0x%x, %llu, %s";
	struct cursor cursor;
	struct ethhdr *eth;
	struct line line = {};
	__u32 length = ctx->data_end - ctx->data;
	__u64 arguments[4] = { length };
	int type;
	long written;

	cursor_init(&cursor, ctx);
	type = parse_ethernet(&cursor, &eth, 0);
	arguments[1] = (__u16)type;
	arguments[2] = 1ULL << (length & 63);
	arguments[3] = (long)"end";
	written = bpf_snprintf(line.text, sizeof(line.text), simple, arguments, sizeof(arguments));
	if (written < 0)
		return XDP_ABORTED;
	bpf_map_update_elem(&lines, &length, &line, BPF_ANY);
	if (bpf_strncmp(line.text, 3, "114") == 0)
		return XDP_TX;
	return bpf_strncmp(line.text, 2, "5") > 0 ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
