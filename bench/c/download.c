/*
 * The internet that sends to subscribers: UDP datagrams to each address in turn, as fast as it goes. Prints how many.
 *
 *   download SESSIONS-FILE SIZE SEGMENTS LIMIT
 *
 * SIZE is that of the IP packet; SEGMENTS datagrams to one subscriber leave as one super-packet (UDP_SEGMENT).
 */
#define _GNU_SOURCE
#include "packets.h"

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: download SESSIONS-FILE SIZE SEGMENTS SECONDSs|PACKETS\n");
        return 1;
    }
    struct session *sessions;
    unsigned n = read_sessions(argv[1], &sessions), size = (unsigned)atoi(argv[2]), segments = (unsigned)atoi(argv[3]);
    unsigned length = size - IP_HEADER - UDP_HEADER;
    if (size < 29 || size > 1500 || segments < 1 || length * segments > 65507) {
        fprintf(stderr, "download: parameter out of range\n");
        return 1;
    }
    int fd = open_socket("0.0.0.0:9"), cut = (int)length;
    if (segments > 1 && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &cut, sizeof cut)) die("UDP_SEGMENT");

    static uint8_t payload[65536];
    for (size_t i = 0; i < sizeof payload; i++) payload[i] = (uint8_t)(i * 7);
    struct iovec iov = {payload, (size_t)length * segments};
    unsigned messages = (n + BATCH - 1) / BATCH * BATCH;
    struct sockaddr_in *to = calloc(messages, sizeof *to);
    struct mmsghdr *m = calloc(messages, sizeof *m);
    if (!to || !m) die("malloc");
    for (unsigned i = 0; i < messages; i++) {
        to[i] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = sessions[(size_t)i * STEP % n].address};
        m[i].msg_hdr = (struct msghdr){.msg_name = &to[i], .msg_namelen = sizeof to[i], .msg_iov = &iov, .msg_iovlen = 1};
    }
    printf("%lu\n", send_all(fd, m, messages, segments, argv[4]));
    return 0;
}
