/* CO-RE: fields by name, flavours, what is there and what is not. */
#include <bpf/bpf_endian.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct iphdr___short {
	__u8 tos;
	__u8 protocol;
	__be32 daddr;
	__u32 nowhere;
} __attribute__((preserve_access_index));

struct nothing___here {
	int x;
} __attribute__((preserve_access_index));

enum xdp_action___other {
	XDP_TX___other = 77,
};

SEC("xdp")
int core(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct iphdr___short *ip = (void *)(long)ctx->data + 14;

	if ((void *)ip + 20 > end)
		return XDP_DROP;
	if (bpf_core_type_exists(struct nothing___here))
		return XDP_ABORTED;
	if (bpf_core_field_exists(ip->nowhere))
		return ip->nowhere;
	if (ip->protocol == 17 && ip->daddr == bpf_htonl(0x0a000001))
		return bpf_core_enum_value(enum xdp_action___other, XDP_TX___other);
	return ip->tos ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
