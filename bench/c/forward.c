/*
 * The limit that the switch is measured against: a forwarder of L2TPv2 data between two tunnels, in C.
 *
 *   forward MODE LOCAL WEST EAST SESSIONS
 *
 * It does what the switch does and nothing else: one unconnected UDP socket for both tunnels, tunnel and session looked up
 * by the ids in the header, source address checked, both ids rewritten in place, frames and bytes counted on both sessions.
 *
 *   mmsg    recvmmsg and sendmmsg of up to 64 datagrams
 *   gro     the same with UDP_GRO and UDP_SEGMENT, up to 16 times 64 KiB
 *   single  poll, then recvfrom and sendto until there is no more: one datagram per system call, as daemons mostly do
 */
#define _GNU_SOURCE
#include "common.h"
#include <poll.h>

struct counters { uint64_t packets, bytes; };

struct session {
    struct tunnel *onward_tunnel;
    struct session *onward;
    uint16_t peer_tunnel, peer_session; /* as on the wire */
    struct counters received, sent;
};

struct tunnel {
    struct sockaddr_in peer;
    struct session sessions[65536];
};

static struct tunnel *tunnels[65536];
static uint64_t dropped;

static struct tunnel *add_tunnel(uint16_t id, const char *peer) {
    struct tunnel *t = calloc(1, sizeof *t);
    if (!t) die("calloc");
    t->peer = parse_address(peer);
    return tunnels[id] = t;
}

static void bridge(struct session *a, struct session *b, struct tunnel *onward, uint16_t peer_tunnel, uint16_t peer_session) {
    *a = (struct session){.onward_tunnel = onward, .onward = b,
                          .peer_tunnel = htons(peer_tunnel), .peer_session = htons(peer_session)};
}

/* Readdresses one message in place. Answers the tunnel it leaves through; NULL: it is to be dropped. */
static inline struct tunnel *readdress(uint8_t *m, size_t length, const struct sockaddr_in *from) {
    if (length < DATA_HEADER) return NULL;
    unsigned flags = get16(m);
    if ((flags & (FLAG_TYPE | VERSION_MASK)) != VERSION) return NULL;
    uint8_t *ids = m + (flags & FLAG_LENGTH ? 4 : 2);
    if (ids + 4 > m + length) return NULL;

    struct tunnel *t = tunnels[get16(ids)];
    if (!t || t->peer.sin_addr.s_addr != from->sin_addr.s_addr || t->peer.sin_port != from->sin_port) return NULL;
    struct session *s = &t->sessions[get16(ids + 2)];
    if (!s->onward) return NULL;
    s->received.packets++;
    s->received.bytes += length - DATA_HEADER;
    s->onward->sent.packets++;
    s->onward->sent.bytes += length - DATA_HEADER;
    memcpy(ids, &s->peer_tunnel, 2);
    memcpy(ids + 2, &s->peer_session, 2);
    return s->onward_tunnel;
}

static void wait_readable(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, -1) < 0 && errno != EINTR) die("poll");
}

static void send_all(int fd, struct mmsghdr *m, unsigned n) {
    for (unsigned k = 0; k < n;) {
        int sent = sendmmsg(fd, m + k, n - k, 0);
        if (sent > 0) k += (unsigned)sent;
        else { dropped++; k++; }
    }
}

static void run_single(int fd) {
    static uint8_t buffer[2048];
    for (;;) {
        wait_readable(fd);
        for (;;) {
            struct sockaddr_in from;
            socklen_t length = sizeof from;
            ssize_t n = recvfrom(fd, buffer, sizeof buffer, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
            if (n < 0) break;
            struct tunnel *to = readdress(buffer, (size_t)n, &from);
            if (!to || sendto(fd, buffer, (size_t)n, 0, (struct sockaddr *)&to->peer, sizeof to->peer) < 0) dropped++;
        }
    }
}

enum { BATCH = 64, FRAME = 2048 };

static void run_mmsg(int fd) {
    static uint8_t buffers[BATCH][FRAME];
    static struct sockaddr_in from[BATCH];
    static struct iovec in_iov[BATCH], out_iov[BATCH];
    static struct mmsghdr in[BATCH], out[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        in_iov[i] = (struct iovec){buffers[i], FRAME};
        in[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_iov = &in_iov[i], .msg_iovlen = 1};
        out[i].msg_hdr = (struct msghdr){.msg_namelen = sizeof from[0], .msg_iov = &out_iov[i], .msg_iovlen = 1};
    }
    for (;;) {
        for (unsigned i = 0; i < BATCH; i++) in[i].msg_hdr.msg_namelen = sizeof from[i];
        int n = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0) { wait_readable(fd); continue; }
        unsigned k = 0;
        for (int i = 0; i < n; i++) {
            struct tunnel *to = readdress(buffers[i], in[i].msg_len, &from[i]);
            if (!to) { dropped++; continue; }
            out_iov[k] = (struct iovec){buffers[i], in[i].msg_len};
            out[k++].msg_hdr.msg_name = &to->peer;
        }
        send_all(fd, out, k);
    }
}

/* A super-packet leaves as one for as long as consecutive segments go to the same peer. */
enum { SUPER_BATCH = 16, SUPER = 65536, RUNS = 1024 };

static struct iovec run_iov[RUNS];
static struct mmsghdr runs[RUNS];
static union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(uint16_t))]; } run_segment[RUNS];

static void end_run(unsigned k, uint8_t *start, size_t length, size_t segment, struct tunnel *to) {
    run_iov[k] = (struct iovec){start, length};
    runs[k].msg_hdr.msg_name = &to->peer;
    if (length > segment) {
        uint16_t size = (uint16_t)segment;
        memcpy(CMSG_DATA(&run_segment[k].header), &size, sizeof size);
        runs[k].msg_hdr.msg_controllen = sizeof run_segment[k];
    } else {
        runs[k].msg_hdr.msg_controllen = 0;
    }
}

static size_t segment_size(struct msghdr *m, size_t length) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO) continue;
        int size;
        memcpy(&size, CMSG_DATA(c), sizeof size);
        return (size_t)size;
    }
    return length;
}

static void run_gro(int fd) {
    static uint8_t buffers[SUPER_BATCH][SUPER];
    static struct sockaddr_in from[SUPER_BATCH];
    static struct iovec in_iov[SUPER_BATCH];
    static struct mmsghdr in[SUPER_BATCH];
    static union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control[SUPER_BATCH];
    int on = 1;
    if (setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on)) die("UDP_GRO");
    for (unsigned i = 0; i < SUPER_BATCH; i++) {
        in_iov[i] = (struct iovec){buffers[i], SUPER};
        in[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_iov = &in_iov[i], .msg_iovlen = 1, .msg_control = &control[i]};
    }
    for (unsigned k = 0; k < RUNS; k++) {
        run_segment[k].header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(uint16_t)), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT};
        runs[k].msg_hdr = (struct msghdr){.msg_namelen = sizeof from[0], .msg_iov = &run_iov[k], .msg_iovlen = 1,
                                          .msg_control = &run_segment[k]};
    }
    for (;;) {
        for (unsigned i = 0; i < SUPER_BATCH; i++) {
            in[i].msg_hdr.msg_namelen = sizeof from[i];
            in[i].msg_hdr.msg_controllen = sizeof control[i];
        }
        int n = recvmmsg(fd, in, SUPER_BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0) { wait_readable(fd); continue; }
        unsigned k = 0;
        for (int i = 0; i < n; i++) {
            size_t length = in[i].msg_len, segment = segment_size(&in[i].msg_hdr, length), start = 0;
            struct tunnel *run = NULL;
            for (size_t at = 0; at < length; at += segment) {
                size_t size = length - at < segment ? length - at : segment;
                struct tunnel *to = readdress(buffers[i] + at, size, &from[i]);
                if (!to) dropped++;
                if (to == run) continue;
                if (run) end_run(k++, buffers[i] + start, at - start, segment, run);
                if (k == RUNS) { send_all(fd, runs, k); k = 0; }
                run = to;
                start = at;
            }
            if (run) end_run(k++, buffers[i] + start, length - start, segment, run);
            if (k == RUNS) { send_all(fd, runs, k); k = 0; }
        }
        send_all(fd, runs, k);
    }
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: forward mmsg|gro|single LOCAL WEST EAST SESSIONS\n");
        return 1;
    }
    struct tunnel *west = add_tunnel(WEST_TUNNEL, argv[3]), *east = add_tunnel(EAST_TUNNEL, argv[4]);
    for (unsigned id = 1, sessions = (unsigned)atoi(argv[5]); id <= sessions; id++) {
        bridge(&west->sessions[id], &east->sessions[id], east, EAST_PEER_TUNNEL, onward_session((uint16_t)id));
        bridge(&east->sessions[id], &west->sessions[id], west, WEST_PEER_TUNNEL, onward_session((uint16_t)id));
    }
    int fd = open_socket(argv[2]);
    puts("ready");
    fflush(stdout);
    if (!strcmp(argv[1], "mmsg")) run_mmsg(fd);
    else if (!strcmp(argv[1], "gro")) run_gro(fd);
    else if (!strcmp(argv[1], "single")) run_single(fd);
    fprintf(stderr, "unknown mode %s\n", argv[1]);
    return 1;
}
