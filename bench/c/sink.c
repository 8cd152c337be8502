/*
 * Receives what a forwarder delivers and checks each frame: ids as the onward leg has them, payload as it was sent.
 *
 *   sink LOCAL SIZE
 *
 * Ends when nothing has come for half a second and prints how many frames were right and how many were wrong.
 */
#define _GNU_SOURCE
#include "common.h"
#include <sys/time.h>

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: sink LOCAL SIZE\n");
        return 1;
    }
    int fd = open_socket(argv[1]);
    size_t size = (size_t)atoi(argv[2]);
    struct timeval patience = {.tv_usec = 500000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience)) die("SO_RCVTIMEO");
    puts("ready");
    fflush(stdout);

    static uint8_t frame[2048], expected[2048];
    unsigned long right = 0, wrong = 0;
    for (;;) {
        ssize_t n = recv(fd, frame, sizeof frame, 0);
        if (n < 0) break;
        uint16_t session = onward_session(get16(frame + 4));
        put16(expected, VERSION);
        put16(expected + 2, EAST_PEER_TUNNEL);
        put16(expected + 4, onward_session(session));
        fill_payload(expected + DATA_HEADER, size - DATA_HEADER, session);
        if ((size_t)n == size && !memcmp(frame, expected, size)) right++;
        else wrong++;
    }
    printf("%lu %lu\n", right, wrong);
    return 0;
}
