/* What the generators of the LNS benchmark share: sessions, IPv4/UDP packets, and sending as fast as it goes. */
#ifndef PACKETS_H
#define PACKETS_H

#include "common.h"
#include <time.h>

enum { IP_HEADER = 20, UDP_HEADER = 8, PPP_HEADER = 4, BATCH = 64, STEP = 40503 /* coprime with the numbers of sessions in use */ };

struct session { unsigned tunnel, id; struct in_addr address; };

/* Reads lines of `TUNNEL SESSION ADDRESS`, ids as the LNS has them. */
static inline unsigned read_sessions(const char *file, struct session **out) {
    FILE *f = fopen(file, "r");
    char address[32];
    unsigned n = 0;
    struct session s, *all = malloc(65536 * sizeof *all);
    if (!f || !all) die(file);
    while (n < 65536 && fscanf(f, "%u %u %31s", &s.tunnel, &s.id, address) == 3) {
        if (inet_pton(AF_INET, address, &s.address) != 1) die(address);
        all[n++] = s;
    }
    fclose(f);
    if (n == 0) { fprintf(stderr, "%s: no sessions\n", file); exit(1); }
    *out = all;
    return n;
}

/* An IPv4 packet of `size` bytes with a UDP datagram to port 9. */
static inline void put_packet(uint8_t *p, size_t size, struct in_addr from, struct in_addr to) {
    uint32_t sum = 0;
    memset(p, 0, IP_HEADER + UDP_HEADER);
    p[0] = 0x45;
    put16(p + 2, (uint16_t)size);
    p[6] = 0x40;
    p[8] = 64;
    p[9] = IPPROTO_UDP;
    memcpy(p + 12, &from, 4);
    memcpy(p + 16, &to, 4);
    for (unsigned i = 0; i < IP_HEADER; i += 2) sum += get16(p + i);
    sum = (sum & 0xffff) + (sum >> 16);
    put16(p + 10, (uint16_t)~((sum & 0xffff) + (sum >> 16)));
    put16(p + 20, 9);
    put16(p + 22, 9);
    put16(p + 24, (uint16_t)(size - IP_HEADER));
    for (size_t i = IP_HEADER + UDP_HEADER; i < size; i++) p[i] = (uint8_t)(i * 7);
}

static inline double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Sends `messages` of `segments` packets each over and over; LIMIT: 0.5s is seconds, a bare number is packets, which then leave slowly. */
static inline unsigned long send_all(int fd, struct mmsghdr *m, unsigned messages, unsigned segments, const char *limit) {
    double most = atof(limit), start = now();
    int timed = limit[strlen(limit) - 1] == 's';
    unsigned long sent = 0;
    for (unsigned at = 0; timed ? now() - start < most : (double)sent < most;) {
        unsigned n = messages - at < BATCH ? messages - at : BATCH;
        if (!timed) n = 1;
        int k = sendmmsg(fd, m + at, n, 0);
        if (k > 0) sent += (unsigned long)k * segments;
        at = at + n == messages ? 0 : at + n;
        if (!timed) usleep(200 + 20 * segments);
    }
    return sent;
}

#endif
