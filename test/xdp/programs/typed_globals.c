/* Global variables of all kinds of types, in sections of their own too, read and written. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

enum mode { MODE_PASS = 2, MODE_DROP = 1, MODE_TX = 3 };

struct limits {
	__u16 smallest;
	__u16 largest;
	struct {
		__u8 bits : 3;
		__u8 more : 5;
		__s8 sign;
	} part;
	enum mode mode;
	__s64 far;
};

const volatile struct limits limits = { 60, 1000, { 5, 17, -3 }, MODE_TX, -5000000000LL };
const volatile __u8 weights[4][3] = { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 }, { 10, 11, 12 } };
static const char names[16] = "pass drop tx abc";

__u64 lengths[8];
struct limits last = { .mode = MODE_PASS };
bool seen;
static __u32 runs;
__s32 balance = -1;
__u64 wide SEC(".data.wide") = 0x1122334455667788ULL;
const volatile __u32 salt SEC(".rodata.salt") = 0x9e3779b9;

SEC("xdp")
int judge(struct xdp_md *ctx)
{
	__u32 length = ctx->data_end - ctx->data;
	__u32 slot = (length ^ salt) & 7;

	runs++;
	seen = true;
	lengths[slot] += length;
	last.smallest = length < limits.smallest ? length : limits.smallest;
	last.largest++;
	last.part.bits = limits.part.bits + runs;
	last.part.more ^= limits.part.more;
	last.part.sign += limits.part.sign;
	last.far = limits.far * (__s64)runs;
	balance -= weights[length & 3][(runs & 1) + 1];
	wide = (wide << 7) | (wide >> 57);
	if (names[length & 15] == ' ')
		return MODE_PASS;
	if (length < limits.smallest)
		return MODE_DROP;
	return length > limits.largest ? XDP_ABORTED : limits.mode;
}

char _license[] SEC("license") = "GPL";
