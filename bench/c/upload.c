/*
 * Subscribers that send: L2TPv2 data messages with an IPv4/UDP packet in PPP to an LNS, as fast as it goes. Prints how many.
 *
 *   upload LOCAL|FD LNS SESSIONS-FILE SIZE SEGMENTS DESTINATION LIMIT
 *
 * SIZE is that of the IP packet. SEGMENTS messages leave as one super-packet (UDP_SEGMENT). Sessions take turns message by
 * message in an order without locality. A bare number in place of LOCAL is an open descriptor: the socket of the tunnel.
 */
#define _GNU_SOURCE
#include "packets.h"

int main(int argc, char **argv) {
    if (argc != 8) {
        fprintf(stderr, "usage: upload LOCAL|FD LNS SESSIONS-FILE SIZE SEGMENTS DESTINATION SECONDSs|PACKETS\n");
        return 1;
    }
    struct session *sessions;
    unsigned n = read_sessions(argv[3], &sessions), size = (unsigned)atoi(argv[4]), segments = (unsigned)atoi(argv[5]);
    unsigned length = DATA_HEADER + PPP_HEADER + size;
    int fd = strchr(argv[1], ':') ? open_socket(argv[1]) : atoi(argv[1]), none = 0;
    struct sockaddr_in to = parse_address(argv[2]);
    struct in_addr destination;
    if (inet_pton(AF_INET, argv[6], &destination) != 1 || size < 28 || segments < 1 || length * segments > 65507) {
        fprintf(stderr, "upload: parameter out of range\n");
        return 1;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsockopt(fd, SOL_UDP, UDP_SEGMENT, &none, sizeof none);

    unsigned messages = (n + segments - 1) / segments;
    messages = messages < BATCH ? BATCH : (messages + BATCH - 1) / BATCH * BATCH;
    uint8_t *bytes = malloc((size_t)messages * segments * length);
    struct iovec *iov = calloc(messages, sizeof *iov);
    struct mmsghdr *m = calloc(messages, sizeof *m);
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(uint16_t))]; } segment = {
        .header = {.cmsg_len = CMSG_LEN(sizeof(uint16_t)), .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT}};
    uint16_t cut = (uint16_t)length;
    if (!bytes || !iov || !m) die("malloc");
    memcpy(CMSG_DATA(&segment.header), &cut, sizeof cut);
    for (size_t i = 0; i < (size_t)messages * segments; i++) {
        uint8_t *p = bytes + i * length;
        struct session *s = &sessions[i * STEP % n];
        put16(p, VERSION);
        put16(p + 2, (uint16_t)s->tunnel);
        put16(p + 4, (uint16_t)s->id);
        memcpy(p + DATA_HEADER, (uint8_t[]){0xff, 0x03, 0x00, 0x21}, PPP_HEADER);
        put_packet(p + DATA_HEADER + PPP_HEADER, size, s->address, destination);
    }
    for (unsigned i = 0; i < messages; i++) {
        iov[i] = (struct iovec){bytes + (size_t)i * segments * length, (size_t)segments * length};
        m[i].msg_hdr = (struct msghdr){.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov[i], .msg_iovlen = 1};
        if (segments > 1) {
            m[i].msg_hdr.msg_control = &segment;
            m[i].msg_hdr.msg_controllen = sizeof segment;
        }
    }
    printf("%lu\n", send_all(fd, m, messages, segments, argv[7]));
    return 0;
}
