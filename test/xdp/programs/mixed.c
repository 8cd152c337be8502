/* Programs of several types, and externs that need not be there. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int LINUX_KERNEL_VERSION __kconfig;
extern _Bool CONFIG_NET_FOO __kconfig __weak;

SEC("tc")
int classify(struct __sk_buff *skb)
{
	return 0;
}

SEC("kprobe/do_exit")
int probe(void *ctx)
{
	return 0;
}

SEC("xdp")
int mixed(struct xdp_md *ctx)
{
	if (LINUX_KERNEL_VERSION < 0x050000 || CONFIG_NET_FOO)
		return XDP_DROP;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
__u32 _version SEC("version") = 1;
