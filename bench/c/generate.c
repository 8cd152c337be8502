/*
 * Sends L2TPv2 data to a forwarder as fast as it can and prints how many frames it sent.
 *
 *   generate LOCAL REMOTE SESSIONS SIZE SEGMENTS LIMIT
 *
 * SIZE is the UDP payload in bytes. SEGMENTS frames make one UDP_SEGMENT super-packet (1: no segmentation offload). Sessions
 * take turns frame by frame in an order without locality. LIMIT ends it: 0.5s is seconds, a bare number is frames, which then
 * leave slowly enough for a receiver to keep up.
 */
#define _GNU_SOURCE
#include "common.h"
#include <time.h>

enum { BATCH = 64, STEP = 40503 /* odd, coprime with the numbers of sessions in use */ };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
    if (argc != 7) {
        fprintf(stderr, "usage: generate LOCAL REMOTE SESSIONS SIZE SEGMENTS SECONDSs|FRAMES\n");
        return 1;
    }
    unsigned sessions = (unsigned)atoi(argv[3]), size = (unsigned)atoi(argv[4]), segments = (unsigned)atoi(argv[5]);
    double limit = atof(argv[6]);
    int timed = argv[6][strlen(argv[6]) - 1] == 's';
    if (sessions < 1 || sessions > 65535 || size < DATA_HEADER + 8 || segments < 1 || size * segments > 65507) {
        fprintf(stderr, "generate: parameter out of range\n");
        return 1;
    }

    int fd = open_socket(argv[1]);
    struct sockaddr_in to = parse_address(argv[2]);
    int segment = (int)size;
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) die("connect");
    if (segments > 1 && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment)) die("UDP_SEGMENT");

    unsigned messages = (sessions + segments - 1) / segments;
    if (messages < BATCH) messages = BATCH;
    uint8_t *frames = malloc((size_t)messages * segments * size);
    struct iovec *iov = calloc(messages, sizeof *iov);
    struct mmsghdr *m = calloc(messages, sizeof *m);
    if (!frames || !iov || !m) die("malloc");
    for (size_t f = 0; f < (size_t)messages * segments; f++) {
        uint8_t *frame = frames + f * size;
        uint16_t session = (uint16_t)(1 + f * STEP % sessions);
        put16(frame, VERSION);
        put16(frame + 2, WEST_TUNNEL);
        put16(frame + 4, session);
        fill_payload(frame + DATA_HEADER, size - DATA_HEADER, session);
    }
    for (unsigned i = 0; i < messages; i++) {
        iov[i] = (struct iovec){frames + (size_t)i * segments * size, (size_t)segments * size};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
    }

    unsigned long sent = 0;
    double start = now();
    for (unsigned at = 0; timed ? now() - start < limit : (double)sent < limit;) {
        unsigned n = messages - at < BATCH ? messages - at : BATCH;
        if (!timed) n = 1;
        int k = sendmmsg(fd, m + at, n, 0);
        if (k > 0) sent += (unsigned long)k * segments;
        at = at + n == messages ? 0 : at + n;
        if (!timed) usleep(200);
    }
    printf("%lu\n", sent);
    return 0;
}
