/* MD5 (RFC 1321) and HMAC-MD5 (RFC 2104), for what RADIUS builds on them. */
#ifndef MD5_H
#define MD5_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct md5 { uint32_t state[4]; uint64_t length; uint8_t block[64]; };

static void md5_block(struct md5 *m, const uint8_t *p) {
    static const uint32_t K[64] = {
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
        0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
        0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
        0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
        0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
        0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
        0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
    static const uint8_t S[16] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
    uint32_t w[16], a = m->state[0], b = m->state[1], c = m->state[2], d = m->state[3];
    memcpy(w, p, 64);
    for (unsigned i = 0; i < 64; i++) {
        unsigned round = i / 16, g;
        uint32_t f;
        if (round == 0) { f = (b & c) | (~b & d); g = i; }
        else if (round == 1) { f = (d & b) | (~d & c); g = (5 * i + 1) % 16; }
        else if (round == 2) { f = b ^ c ^ d; g = (3 * i + 5) % 16; }
        else { f = c ^ (b | ~d); g = (7 * i) % 16; }
        f += a + K[i] + w[g];
        a = d; d = c; c = b;
        unsigned s = S[round * 4 + i % 4];
        b += f << s | f >> (32 - s);
    }
    m->state[0] += a; m->state[1] += b; m->state[2] += c; m->state[3] += d;
}

static void md5_start(struct md5 *m) {
    *m = (struct md5){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
}

static void md5_add(struct md5 *m, const void *data, size_t length) {
    const uint8_t *p = data;
    for (size_t i = 0; i < length; i++) {
        m->block[m->length++ % 64] = p[i];
        if (m->length % 64 == 0) md5_block(m, m->block);
    }
}

static void md5_end(struct md5 *m, uint8_t digest[16]) {
    uint64_t bits = m->length * 8;
    static const uint8_t pad[64] = {0x80};
    md5_add(m, pad, 1 + (119 - m->length % 64) % 64);
    md5_add(m, &bits, 8);
    memcpy(digest, m->state, 16);
}

static void hmac_md5(const char *key, const uint8_t *data, size_t length, uint8_t digest[16]) {
    uint8_t inner[64] = {0}, outer[64];
    struct md5 m;
    memcpy(inner, key, strlen(key) > 64 ? 64 : strlen(key));
    for (unsigned i = 0; i < 64; i++) { outer[i] = inner[i] ^ 0x5c; inner[i] ^= 0x36; }
    md5_start(&m); md5_add(&m, inner, 64); md5_add(&m, data, length); md5_end(&m, digest);
    md5_start(&m); md5_add(&m, outer, 64); md5_add(&m, digest, 16); md5_end(&m, digest);
}

#endif
