/*
 * Bulk transfer by TCP.
 *
 *   bulk serve PORT            serves one connection after the other; prints `ready`
 *   bulk get|put HOST:PORT SECONDS   receives or sends for so long, prints the bytes that arrived where they were to
 */
#define _GNU_SOURCE
#include "common.h"
#include <time.h>

static char buffer[1 << 18];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static unsigned long receive_all(int fd, double until) {
    unsigned long sum = 0;
    ssize_t n;
    while ((until == 0 || now() < until) && (n = recv(fd, buffer, sizeof buffer, 0)) > 0) sum += (unsigned long)n;
    return sum;
}

static void send_until(int fd, double until) {
    while ((until == 0 || now() < until) && send(fd, buffer, sizeof buffer, MSG_NOSIGNAL) > 0);
}

static void serve(const char *port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) || listen(fd, 8)) die("listen");
    puts("ready");
    fflush(stdout);
    for (;;) {
        int c = accept(fd, NULL, NULL);
        char what;
        if (c < 0 || recv(c, &what, 1, 0) != 1) { close(c); continue; }
        if (what == 'g') send_until(c, 0);
        else {
            unsigned long n = receive_all(c, 0);
            if (send(c, &n, sizeof n, MSG_NOSIGNAL) < 0) perror("send");
        }
        close(c);
    }
}

int main(int argc, char **argv) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc == 3 && !strcmp(argv[1], "serve")) serve(argv[2]);
    if (argc != 4 || (argv[1][0] != 'g' && argv[1][0] != 'p')) {
        fprintf(stderr, "usage: bulk serve PORT | bulk get|put HOST:PORT SECONDS\n");
        return 1;
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = parse_address(argv[2]);
    unsigned long n = 0;
    double until;
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) die("connect");
    if (send(fd, argv[1], 1, 0) != 1) die("send");
    until = now() + atof(argv[3]);
    if (argv[1][0] == 'g') n = receive_all(fd, until);
    else {
        send_until(fd, until);
        shutdown(fd, SHUT_WR);
        if (recv(fd, &n, sizeof n, MSG_WAITALL) != sizeof n) die("recv");
    }
    printf("%lu\n", n);
    return 0;
}
