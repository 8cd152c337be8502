/*
 * Samples one frame in N to a ring buffer, with its first bytes and whose it is, as sFlow does.
 *
 * Which frame is sampled is drawn by lot: every Nth of a regular stream would show but one of its kinds. It works on any
 * device and framing.
 */
#include "../include/junctor.h"

#define SNAP 128

struct sample {
	__u64 time;    /* nanoseconds, of the machine's steady clock */
	__u32 device;
	__u32 session;
	__u32 user;
	__u32 rate;    /* it stands for so many frames */
	__u32 length;  /* of the whole frame */
	__u32 captured;
	__u8 data[SNAP];
};

struct settings {
	__u32 rate; /* 1 in so many, 0: none */
	__u32 snap; /* at most so many bytes of each, 128 at most */
};

enum count {
	COUNT_SEEN = 0,
	COUNT_SAMPLED = 1,
	COUNT_LOST = 2, /* the ring buffer was full */
	COUNTS = 3,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __always_inline void count(enum count what)
{
	__u32 key = what;
	__u64 *counter = bpf_map_lookup_elem(&counts, &key);

	if (counter)
		(*counter)++;
}

SEC("xdp")
int sample_frames(struct xdp_md *ctx)
{
	__u64 length = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	struct settings *set;
	struct sample *sample;
	__u32 captured;
	__u32 zero = 0;

	/* clang would keep 32 bits of both pointers on the stack for a subtraction later on, and no verifier takes half a pointer. */
	barrier_var(length);
	set = bpf_map_lookup_elem(&settings, &zero);
	if (!set || set->rate == 0)
		return XDP_PASS;
	count(COUNT_SEEN);
	if (set->rate > 1 && bpf_get_prandom_u32() % set->rate != 0)
		return XDP_PASS;
	sample = bpf_ringbuf_reserve(&samples, sizeof(*sample), 0);
	if (!sample) {
		count(COUNT_LOST);
		return XDP_PASS;
	}
	captured = set->snap < length ? set->snap : length;
	if (captured > SNAP)
		captured = SNAP;
	sample->time = bpf_ktime_get_ns();
	sample->device = device_of(ctx);
	sample->session = session_of(ctx);
	sample->user = user_of(ctx);
	sample->rate = set->rate;
	sample->length = length;
	sample->captured = captured;
	/* What a record is made of was used before, for another frame. */
	__builtin_memset(sample->data, 0, sizeof(sample->data));
	if (captured == 0 || bpf_xdp_load_bytes(ctx, 0, sample->data, captured) != 0)
		sample->captured = 0;
	bpf_ringbuf_submit(sample, 0);
	count(COUNT_SAMPLED);
	return XDP_PASS;
}

char _license[] SEC("license") = "Apache-2.0";
