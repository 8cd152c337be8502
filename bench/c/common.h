/* What the benchmark's C programs share: sockets, and the frames that `generate` sends, `forward` rewrites and `sink` checks. */
#ifndef COMMON_H
#define COMMON_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signal.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/*
 * L2TPv2 data header (RFC 2661 section 3.1), as short as it gets: no length, sequence or offset field.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-------------------------------+
 *   |T|L|x|x|S|x|O|P|x|x|x|x|  Ver  |           Tunnel ID           |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-------------------------------+
 *   |           Session ID          |
 *   +-------------------------------+
 */
enum { DATA_HEADER = 6, FLAG_TYPE = 0x8000, FLAG_LENGTH = 0x4000, VERSION_MASK = 0x000f, VERSION = 2 };

/* The ids on either side of the switch; harness/layout.ts has the same. */
enum { WEST_TUNNEL = 1, EAST_PEER_TUNNEL = 4, EAST_TUNNEL = 2, WEST_PEER_TUNNEL = 3 };
static inline uint16_t onward_session(uint16_t session) { return (uint16_t)(65536 - session); }

static inline uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline void put16(uint8_t *p, uint16_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }

/* The payload: PPP address, control and protocol (IPv4), the west session id, and a pattern. */
static inline void fill_payload(uint8_t *p, size_t length, uint16_t session) {
    static const uint8_t ppp[] = {0xff, 0x03, 0x00, 0x21};
    memcpy(p, ppp, sizeof ppp);
    for (size_t i = 4; i < length; i++) p[i] = (uint8_t)(i * 7 + session);
    p[4] = 0x45; /* an IPv4 packet, so that programs have something to look up */
    put16(p + 6, (uint16_t)(length - sizeof ppp));
    put16(p + 8, session);
}

static inline void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* Reads A.B.C.D:PORT. */
static inline struct sockaddr_in parse_address(const char *text) {
    char host[32];
    unsigned port;
    struct sockaddr_in a = {.sin_family = AF_INET};
    if (sscanf(text, "%31[^:]:%u", host, &port) != 2 || inet_pton(AF_INET, host, &a.sin_addr) != 1) {
        fprintf(stderr, "not an address: %s\n", text);
        exit(1);
    }
    a.sin_port = htons((uint16_t)port);
    return a;
}

/* A UDP socket bound to `local`, with the buffers that the switch asks for too. It dies with the benchmark. */
static inline int open_socket(const char *local) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), receive = 8 << 20, send = 4 << 20;
    struct sockaddr_in a = parse_address(local);
    if (fd < 0) die("socket");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive, sizeof receive)) die("SO_RCVBUFFORCE");
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send, sizeof send)) die("SO_SNDBUFFORCE");
    if (bind(fd, (struct sockaddr *)&a, sizeof a)) die(local);
    return fd;
}

#endif
