/*
 * A RADIUS server that costs next to nothing, so that the LNS under test and not its server is what is busy.
 *
 *   radius ADDRESS SECRET PASSWORD
 *
 * It accepts whoever has PASSWORD by PAP (RFC 2865 section 5.2) and rejects the rest; accounting requests must have the right
 * authenticator (RFC 2866 section 3), and so must the Message-Authenticators that requests have (RFC 3579 section 3.2). Answers to
 * authentication have one, first of all. On port 1812 authentication, on 1813 accounting. For each line on stdin it prints what it
 * has been asked since the last one, and ends when its stdin does:
 *
 *   accepted rejected started stopped interim bad
 */
#define _GNU_SOURCE
#include "common.h"
#include "md5.h"
#include <poll.h>

enum { ACCESS_REQUEST = 1, ACCESS_ACCEPT, ACCESS_REJECT, ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE };
enum { USER_PASSWORD = 2, ACCT_STATUS_TYPE = 40, MESSAGE_AUTHENTICATOR = 80 };
enum { HEADER = 20, BATCH = 64, LONGEST = 4096 };

static const char *secret, *password;
static unsigned long accepted, rejected, started, stopped, interim, bad;

static const uint8_t *find(const uint8_t *p, size_t length, unsigned type) {
    for (size_t at = HEADER; at + 2 <= length && p[at + 1] >= 2 && at + p[at + 1] <= length; at += p[at + 1])
        if (p[at] == type) return p + at;
    return NULL;
}

static void digest(const uint8_t *packet, const uint8_t *authenticator, size_t length, uint8_t out[16]) {
    struct md5 m;
    md5_start(&m);
    md5_add(&m, packet, 4);
    md5_add(&m, authenticator, 16);
    md5_add(&m, packet + HEADER, length - HEADER);
    md5_add(&m, secret, strlen(secret));
    md5_end(&m, out);
}

static int authentic(uint8_t *p, size_t length, const uint8_t *authenticator) {
    uint8_t *value = (uint8_t *)find(p, length, MESSAGE_AUTHENTICATOR), claimed[16], own[16], kept[16];
    if (!value) return 1;
    if (value[1] != 18) return 0;
    memcpy(claimed, value + 2, 16);
    memset(value + 2, 0, 16);
    memcpy(kept, p + 4, 16);
    memcpy(p + 4, authenticator, 16);
    hmac_md5(secret, p, length, own);
    memcpy(p + 4, kept, 16);
    memcpy(value + 2, claimed, 16);
    return !memcmp(claimed, own, 16);
}

static int knows_password(const uint8_t *p, size_t length) {
    const uint8_t *a = find(p, length, USER_PASSWORD), *before = p + 4;
    uint8_t clear[129] = {0}, key[16];
    if (!a || a[1] > 130 || (a[1] - 2) % 16) return 0;
    for (unsigned at = 0; at < a[1] - 2u; at += 16) {
        struct md5 m;
        md5_start(&m);
        md5_add(&m, secret, strlen(secret));
        md5_add(&m, before, 16);
        md5_end(&m, key);
        for (unsigned i = 0; i < 16; i++) clear[at + i] = a[2 + at + i] ^ key[i];
        before = a + 2 + at;
    }
    return !strcmp((char *)clear, password);
}

/* Writes the answer; 0: none. */
static size_t answer(uint8_t *p, size_t received, uint8_t *out) {
    static const uint8_t zero[16];
    size_t length = received < HEADER ? 0 : get16(p + 2);
    if (length < HEADER || length > received) return bad++, 0;
    size_t size = HEADER;
    if (p[0] == ACCESS_REQUEST) {
        if (!authentic(p, length, p + 4)) return bad++, 0;
        int yes = knows_password(p, length);
        *(yes ? &accepted : &rejected) += 1;
        out[0] = yes ? ACCESS_ACCEPT : ACCESS_REJECT;
        out[size] = MESSAGE_AUTHENTICATOR;
        out[size + 1] = 18;
        memset(out + size + 2, 0, 16);
        size += 18;
    } else if (p[0] == ACCOUNTING_REQUEST) {
        uint8_t own[16];
        digest(p, zero, length, own);
        if (memcmp(own, p + 4, 16) || !authentic(p, length, zero)) return bad++, 0;
        const uint8_t *status = find(p, length, ACCT_STATUS_TYPE);
        unsigned kind = status && status[1] == 6 ? status[5] : 0;
        *(kind == 1 ? &started : kind == 2 ? &stopped : &interim) += 1;
        out[0] = ACCOUNTING_RESPONSE;
    } else {
        return bad++, 0;
    }
    out[1] = p[1];
    put16(out + 2, (uint16_t)size);
    if (size > HEADER) {
        memcpy(out + 4, p + 4, 16);
        hmac_md5(secret, out, size, out + HEADER + 2);
    }
    digest(out, p + 4, size, out + 4);
    return size;
}

static void serve(int fd) {
    static uint8_t in[BATCH][LONGEST], out[BATCH][64];
    static struct sockaddr_in from[BATCH];
    struct iovec in_iov[BATCH], out_iov[BATCH];
    struct mmsghdr requests[BATCH], answers[BATCH];
    for (unsigned i = 0; i < BATCH; i++) {
        in_iov[i] = (struct iovec){in[i], LONGEST};
        requests[i].msg_hdr = (struct msghdr){
            .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &in_iov[i], .msg_iovlen = 1};
    }
    int n = recvmmsg(fd, requests, BATCH, MSG_DONTWAIT, NULL);
    unsigned k = 0;
    for (int i = 0; i < n; i++) {
        size_t size = answer(in[i], requests[i].msg_len, out[k]);
        if (!size) continue;
        out_iov[k] = (struct iovec){out[k], size};
        answers[k].msg_hdr = (struct msghdr){
            .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &out_iov[k], .msg_iovlen = 1};
        k++;
    }
    for (unsigned sent = 0; sent < k;) {
        int m = sendmmsg(fd, answers + sent, k - sent, 0);
        sent += m > 0 ? (unsigned)m : 1;
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: radius ADDRESS SECRET PASSWORD\n");
        return 1;
    }
    secret = argv[2];
    password = argv[3];
    char address[2][40];
    snprintf(address[0], sizeof address[0], "%s:1812", argv[1]);
    snprintf(address[1], sizeof address[1], "%s:1813", argv[1]);
    struct pollfd p[3] = {{.fd = 0, .events = POLLIN},
                          {.fd = open_socket(address[0]), .events = POLLIN},
                          {.fd = open_socket(address[1]), .events = POLLIN}};
    puts("ready");
    fflush(stdout);
    for (;;) {
        char line[64];
        if (poll(p, 3, -1) < 0 && errno != EINTR) die("poll");
        for (unsigned i = 1; i < 3; i++) if (p[i].revents & POLLIN) serve(p[i].fd);
        if (!p[0].revents) continue;
        if (read(0, line, sizeof line) <= 0) return 0;
        printf("%lu %lu %lu %lu %lu %lu\n", accepted, rejected, started, stopped, interim, bad);
        fflush(stdout);
        accepted = rejected = started = stopped = interim = bad = 0;
    }
}
