/* Arithmetic of 32 and 64 bits, signed and unsigned, on words of the frame; the results are kept. */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

__u64 results[32];
__u64 rounds;

static __always_inline void note(__u32 slot, __u64 value)
{
	results[slot & 31] = results[slot & 31] * 1000003 + value;
}

SEC("xdp")
int compute(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 a, b;
	__u32 c, d;
	int i;

	if (data + 64 > end)
		return XDP_DROP;
	for (i = 0; i < 6; i++) {
		a = *(__u64 *)(data + i * 8);
		b = *(__u64 *)(data + i * 8 + 8);
		c = a >> 7;
		d = b;
		note(0, a + b);
		note(1, a - b);
		note(2, a * b);
		note(3, b ? a / b : 1);
		note(4, b ? a % b : 2);
		note(5, a << (b & 63));
		note(6, a >> (b & 63));
		note(7, (__s64)a >> (b & 63));
		note(8, c * d);
		note(9, d ? c / d : 3);
		note(10, d ? c % d : 4);
		note(11, c << (d & 31));
		note(12, (__u32)((__s32)c >> (d & 31)));
		note(13, bpf_cpu_to_be64(a) ^ bpf_htonl(c) ^ bpf_htons((__u16)d));
		note(14, (__s64)a < (__s64)b);
		note(15, (__s32)c <= (__s32)d);
		note(16, (__s8)a + (__s16)b);
		note(17, (__s64)(__s32)c * (__s64)(__s32)d);
		note(18, -a ^ ~b);
		note(19, (a & b) | (a ^ b));
		note(20, (a > b ? a : b) - (c > d ? c : d));
		note(21, (__s64)(__s8)(a >> 3) + (__s64)(__s16)(b >> 5) + (__s64)(__s32)(a ^ b));
		note(22, a == b ? 5 : (a & 1 ? 6 : 7));
	}
	rounds++;
	return results[2] & 1 ? XDP_PASS : XDP_TX;
}

#if defined(HAVE_FETCH) && __clang_major__ >= 18
/* Instructions of version 4 where they are: sign extension, signed division, swaps without a choice of order. */
SEC("xdp")
int signed_division(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 a, b;

	if (data + 30 > end)
		return XDP_DROP;
	a = *(__u64 *)(data + 14);
	b = *(__u64 *)(data + 22);
	note(24, __builtin_bswap64(a) + __builtin_bswap32(b) + __builtin_bswap16(a >> 9));
	return XDP_PASS;
}
#endif

char _license[] SEC("license") = "GPL";
