/*
 * A subscriber's end of a PPP session without kernel PPP: a TUN device whose packets travel in L2TPv2 data messages.
 *
 *   relay DEVICE LOCAL LNS TUNNEL SESSION
 *
 * It is made to cost little where a real subscriber's host would have its own: super-packets of TCP are taken from the device and
 * cut here, so that they leave by one system call (UDP_SEGMENT); what arrives is joined again before it enters the device.
 * DEVICE is created and goes away with the program. It prints `ready`.
 */
#define _GNU_SOURCE
#include "common.h"
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

enum { BATCH = 16, SUPER = 65536, MESSAGES = 64, HEAD = 10, TCP = 6, MOST = 65000 };

static int tun, udp;
static struct sockaddr_in lns;
static uint8_t head[HEAD] = {0, VERSION, 0, 0, 0, 0, 0xff, 0x03, 0x00, 0x21};

static inline uint32_t get32(const uint8_t *p) { return (uint32_t)get16(p) << 16 | get16(p + 2); }
static inline void put32(uint8_t *p, uint32_t v) { put16(p, (uint16_t)(v >> 16)); put16(p + 2, (uint16_t)v); }

/* --- checksums (RFC 1071), in the machine's order of bytes --- */

static uint64_t sum(const uint8_t *p, size_t n, uint64_t s) {
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        s += v;
        s += s < v;
    }
    uint64_t v = 0;
    memcpy(&v, p, n);
    s += v;
    return s + (s < v);
}

static uint16_t fold(uint64_t s) {
    s = (s & 0xffffffff) + (s >> 32);
    s = (s & 0xffffffff) + (s >> 32);
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    return (uint16_t)s;
}

static uint64_t pseudo(const uint8_t *ip, uint16_t length) {
    uint8_t rest[4] = {0, ip[9], (uint8_t)(length >> 8), (uint8_t)length};
    return sum(rest, 4, sum(ip + 12, 8, 0));
}

static void put_sum(uint8_t *at, uint64_t s) {
    uint16_t v = (uint16_t)~fold(s);
    memcpy(at, &v, 2);
}

static void finish_ip(uint8_t *ip, unsigned header, uint16_t length) {
    put16(ip + 2, length);
    memset(ip + 10, 0, 2);
    put_sum(ip + 10, sum(ip, header, 0));
}

static void finish_transport(uint8_t *ip, unsigned header, unsigned at, uint16_t length) {
    memset(ip + header + at, 0, 2);
    put_sum(ip + header + at, sum(ip + header, (size_t)(length - header), pseudo(ip, (uint16_t)(length - header))));
}

/* --- from the device to the LNS --- */

static uint8_t out[BATCH + 64][SUPER + 4096];
static struct iovec out_iov[BATCH + 64];
static struct mmsghdr outs[BATCH + 64];
static union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(uint16_t))]; } out_segment[BATCH + 64];
static unsigned out_count;

static void add_message(size_t length, size_t segment) {
    unsigned k = out_count++;
    uint16_t cut = (uint16_t)segment;
    out_iov[k] = (struct iovec){out[k], length};
    outs[k].msg_hdr = (struct msghdr){.msg_name = &lns, .msg_namelen = sizeof lns, .msg_iov = &out_iov[k], .msg_iovlen = 1};
    if (length <= segment) return;
    out_segment[k].header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof cut), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT};
    memcpy(CMSG_DATA(&out_segment[k].header), &cut, sizeof cut);
    outs[k].msg_hdr.msg_control = &out_segment[k];
    outs[k].msg_hdr.msg_controllen = sizeof out_segment[k];
}

static void send_all(void) {
    for (unsigned k = 0; k < out_count;) {
        int sent = sendmmsg(udp, outs + k, out_count - k, 0);
        k += sent > 0 ? (unsigned)sent : 1;
    }
    out_count = 0;
}

/* A super-packet of TCP: as many messages as it has segments, in one system call or two. */
static void cut(uint8_t *ip, size_t length, const struct virtio_net_hdr *vnet) {
    unsigned header = (ip[0] & 15) * 4u, tcp = (ip[header + 12] >> 4) * 4u, all = header + tcp, size = vnet->gso_size;
    uint32_t sequence = get32(ip + header + 4);
    uint16_t id = get16(ip + 4);
    uint8_t flags = ip[header + 13];
    size_t used = 0, step = HEAD + all + size;
    for (size_t at = all; at < length; at += size) {
        size_t n = length - at < size ? length - at : size;
        if (used + HEAD + all + n > MOST || used / step == 64) { add_message(used, step); used = 0; }
        uint8_t *m = out[out_count] + used, *p = m + HEAD;
        memcpy(m, head, HEAD);
        memcpy(p, ip, all);
        memcpy(p + all, ip + at, n);
        put16(p + 4, id++);
        put32(p + header + 4, sequence + (uint32_t)(at - all));
        p[header + 13] = at + n < length ? flags & (uint8_t)~9 : flags; /* FIN and PSH are the last one's */
        finish_ip(p, header, (uint16_t)(all + n));
        finish_transport(p, header, 16, (uint16_t)(all + n));
        used += HEAD + all + n;
    }
    add_message(used, step);
}

static void from_device(void) {
    static uint8_t packet[sizeof(struct virtio_net_hdr) + SUPER];
    struct virtio_net_hdr vnet;
    for (unsigned i = 0; i < BATCH; i++) {
        ssize_t n = read(tun, packet, sizeof packet);
        if (n < (ssize_t)sizeof vnet + 20) break;
        memcpy(&vnet, packet, sizeof vnet);
        uint8_t *ip = packet + sizeof vnet;
        size_t length = (size_t)n - sizeof vnet;
        if (ip[0] >> 4 != 4) continue;
        if ((vnet.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV4) { cut(ip, length, &vnet); continue; }
        uint8_t *m = out[out_count];
        memcpy(m, head, HEAD);
        memcpy(m + HEAD, ip, length);
        if (vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
            finish_transport(m + HEAD, vnet.csum_start, vnet.csum_offset, (uint16_t)length);
        add_message(HEAD + length, HEAD + length);
    }
    send_all();
}

/* --- from the LNS to the device: segments that follow each other become one super-packet --- */

static struct iovec joined[2 + 64];
static struct virtio_net_hdr vnet;
static uint8_t first[128];
static unsigned parts, header_size, segment;
static size_t payload, last;
static uint32_t next_sequence;

static void flush(void) {
    if (parts == 0) return;
    unsigned header = (first[0] & 15) * 4u;
    memset(&vnet, 0, sizeof vnet);
    finish_ip(first, header, (uint16_t)(header_size + payload));
    vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    vnet.csum_start = (uint16_t)header;
    vnet.csum_offset = 16;
    uint16_t partial = fold(pseudo(first, (uint16_t)(header_size - header + payload)));
    memcpy(first + header + 16, &partial, 2);
    if (parts > 1) {
        vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
        vnet.gso_size = (uint16_t)segment;
        vnet.hdr_len = (uint16_t)header_size;
    }
    joined[0] = (struct iovec){&vnet, sizeof vnet};
    joined[1] = (struct iovec){first, header_size};
    if (writev(tun, joined, (int)(2 + parts)) < 0 && errno != EAGAIN) die("write to the device");
    parts = 0;
}

static void to_device(uint8_t *ip, size_t length) {
    unsigned header = (ip[0] & 15) * 4u;
    if (length < 20 || ip[0] >> 4 != 4 || get16(ip + 2) > length) return;
    length = get16(ip + 2);
    int plain = ip[9] != TCP || length < header + 20u;
    unsigned all = plain ? 0 : header + (ip[header + 12] >> 4) * 4u;
    if (plain || all >= length || all > sizeof first || (ip[header + 13] & ~0x18)) {
        static struct virtio_net_hdr none;
        struct iovec whole[] = {{&none, sizeof none}, {ip, length}};
        flush();
        if (writev(tun, whole, 2) < 0 && errno != EAGAIN) die("write to the device");
        return;
    }
    size_t n = length - all;
    uint32_t sequence = get32(ip + header + 4);
    int follows = parts > 0 && parts < 64 && all == header_size && sequence == next_sequence && last == segment &&
                  n <= segment && payload + n + all <= 65535 && !memcmp(ip + 12, first + 12, 8 + 4) &&
                  !memcmp(ip + header + 8, first + header + 8, 4) && !memcmp(ip + header + 14, first + header + 14, 2) &&
                  !memcmp(ip + header + 20, first + header + 20, all - header - 20);
    if (!follows) {
        flush();
        memcpy(first, ip, all);
        header_size = all;
        segment = (unsigned)n;
        payload = 0;
    }
    first[header + 13] |= ip[header + 13];
    joined[2 + parts++] = (struct iovec){ip + all, n};
    payload += n;
    last = n;
    next_sequence = sequence + (uint32_t)n;
}

/* Strips the L2TP header (whichever fields it has) and the PPP header (whichever octets it has). */
static void message(uint8_t *m, size_t length) {
    if (length < DATA_HEADER || m[0] & 0x80) return;
    size_t at = DATA_HEADER + (m[0] & 0x40 ? 2 : 0) + (m[0] & 0x08 ? 4 : 0);
    if (m[0] & 0x02) at += at + 2 <= length ? 2u + get16(m + at) : 2u;
    if (at + 2 <= length && m[at] == 0xff && m[at + 1] == 0x03) at += 2;
    if (at + 2 <= length && m[at] == 0) at++;
    if (at + 1 > length || m[at] != 0x21) return;
    to_device(m + at + 1, length - at - 1);
}

static void from_lns(void) {
    static uint8_t in[BATCH * 4][SUPER];
    static struct iovec iov[BATCH * 4];
    static struct mmsghdr messages[BATCH * 4];
    static union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control[BATCH * 4];
    for (unsigned i = 0; i < BATCH * 4; i++) {
        iov[i] = (struct iovec){in[i], SUPER};
        messages[i].msg_hdr = (struct msghdr){
            .msg_iov = &iov[i], .msg_iovlen = 1, .msg_control = &control[i], .msg_controllen = sizeof control[i]};
    }
    int n = recvmmsg(udp, messages, BATCH * 4, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        size_t length = messages[i].msg_len, step = length;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&messages[i].msg_hdr); c; c = CMSG_NXTHDR(&messages[i].msg_hdr, c)) {
            int size;
            if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO) continue;
            memcpy(&size, CMSG_DATA(c), sizeof size);
            step = (size_t)size;
        }
        for (size_t at = 0; at < length; at += step) message(in[i] + at, length - at < step ? length - at : step);
    }
    flush();
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: relay DEVICE LOCAL LNS TUNNEL SESSION\n");
        return 1;
    }
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    int on = 1;
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", argv[1]);
    tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) < 0) die("/dev/net/tun");
    if (ioctl(tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0) die("TUNSETOFFLOAD");
    udp = open_socket(argv[2]);
    if (setsockopt(udp, SOL_UDP, UDP_GRO, &on, sizeof on)) die("UDP_GRO");
    lns = parse_address(argv[3]);
    put16(head + 2, (uint16_t)atoi(argv[4]));
    put16(head + 4, (uint16_t)atoi(argv[5]));
    puts("ready");
    fflush(stdout);
    struct pollfd p[] = {{.fd = tun, .events = POLLIN}, {.fd = udp, .events = POLLIN}};
    for (;;) {
        if (poll(p, 2, -1) < 0 && errno != EINTR) die("poll");
        if (p[0].revents & POLLIN) from_device();
        if (p[1].revents & POLLIN) from_lns();
    }
}
