/* All atomic operations, of 32 and 64 bits. Needs -mcpu=v3. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 wide[6];
__u32 narrow[6];

SEC("xdp")
int atomics(struct xdp_md *ctx)
{
	__u32 length = ctx->data_end - ctx->data;
	__u64 sum = 0;

	__sync_fetch_and_add(&wide[0], length);
	__sync_fetch_and_add(&narrow[0], length);
#ifdef HAVE_FETCH
	sum += __sync_fetch_and_add(&wide[1], length);
	sum += __sync_fetch_and_or(&wide[2], length);
	sum += __sync_fetch_and_and(&wide[3], ~(__u64)length);
	sum += __sync_fetch_and_xor(&wide[4], length);
	sum += __sync_lock_test_and_set(&wide[5], sum);
	sum += __sync_val_compare_and_swap(&wide[5], sum, length);
	sum += __sync_fetch_and_or(&narrow[2], length);
	sum += __sync_fetch_and_and(&narrow[3], ~length);
	sum += __sync_fetch_and_xor(&narrow[4], length);
	sum += __sync_lock_test_and_set(&narrow[5], length);
	sum += __sync_val_compare_and_swap(&narrow[5], length, 7);
#endif
	return sum & 1 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
