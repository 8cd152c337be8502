/* Records in a ring buffer: reserved and submitted or given up, copied, and by dynptr; what did not fit is counted. */
#include "parse.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} records SEC(".maps");

struct record {
	__u32 length;
	__u16 type;
	__u8 source[ETH_ALEN];
	__u64 number;
};

__u64 written, given_up, full;

SEC("xdp")
int reserve(struct xdp_md *ctx)
{
	struct cursor cursor;
	struct ethhdr *eth = 0;
	struct record *record;
	int type;

	cursor_init(&cursor, ctx);
	type = parse_ethernet(&cursor, &eth, 0);
	record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
	if (!record) {
		full++;
		return XDP_DROP;
	}
	record->length = cursor.end - cursor.at;
	record->type = type;
	record->number = written;
	if (!eth || record->length > 500) {
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		given_up++;
		return XDP_PASS;
	}
	__builtin_memcpy(record->source, eth->h_source, ETH_ALEN);
	bpf_ringbuf_submit(record, 0);
	written++;
	return XDP_PASS;
}

SEC("xdp")
int copy(struct xdp_md *ctx)
{
	struct record record = { .length = ctx->data_end - ctx->data, .number = written };

	if (bpf_ringbuf_output(&records, &record, sizeof(record), BPF_RB_FORCE_WAKEUP)) {
		full++;
		return XDP_DROP;
	}
	written++;
	return bpf_ringbuf_query(&records, BPF_RB_RING_SIZE) == 4096 ? XDP_TX : XDP_ABORTED;
}

SEC("xdp")
int by_dynptr(struct xdp_md *ctx)
{
	__u32 length = ctx->data_end - ctx->data, back = 0;
	struct bpf_dynptr room;
	__u32 *word;

	if (bpf_ringbuf_reserve_dynptr(&records, 8 + length % 64, 0, &room)) {
		bpf_ringbuf_discard_dynptr(&room, 0);
		full++;
		return XDP_DROP;
	}
	if (bpf_dynptr_write(&room, 4, &length, sizeof(length), 0) ||
	    bpf_dynptr_read(&back, sizeof(back), &room, 4, 0)) {
		bpf_ringbuf_discard_dynptr(&room, 0);
		return XDP_ABORTED;
	}
	word = bpf_dynptr_data(&room, 0, sizeof(*word));
	if (word)
		*word = back;
	bpf_ringbuf_submit_dynptr(&room, 0);
	written += back;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
