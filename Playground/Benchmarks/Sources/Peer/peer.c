#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct task read_task(int count, char **arguments) {
    const char *port = getenv("BROKER_PORT");
    if (count < 4 || !port) {
        fprintf(stderr, "usage: BROKER_PORT=N %s WORKLOAD COUNT BYTES [WINDOW]\n", arguments[0]);
        exit(2);
    }
    struct task task = {arguments[1], atol(arguments[2]), (size_t)atol(arguments[3]), 1, atoi(port), NULL};
    if (count > 4) task.window = atol(arguments[4]);
    task.body = malloc(task.bytes + 1);
    memset(task.body, 'x', task.bytes);
    task.body[task.bytes] = 0;
    const char *ending = getenv("BENCH_ENDING");
    if (ending && strlen(ending) <= task.bytes)
        memcpy(task.body + task.bytes - strlen(ending), ending, strlen(ending));
    return task;
}

int is(const struct task *task, const char *workload) { return strcmp(task->workload, workload) == 0; }

void fail(const char *what) {
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void say_ready(void) {
    puts("READY");
    fflush(stdout);
}

static int ascending(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

void report(const struct task *task, uint64_t nanoseconds, uint64_t *latencies) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    double seconds = (double)nanoseconds / 1e9;
    printf("{\"rate\":%.1f,\"seconds\":%.6f,\"cpuSeconds\":%.6f", (double)task->count / seconds, seconds, cpu);
    if (latencies) {
        qsort(latencies, (size_t)task->count, sizeof *latencies, ascending);
        printf(
            ",\"median\":%.3f,\"p99\":%.3f",
            (double)latencies[task->count / 2] / 1e3,
            (double)latencies[task->count * 99 / 100] / 1e3
        );
    }
    puts("}");
    fflush(stdout);
}

int connect_plain(const struct task *task) {
    int one = 1, plain = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)task->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (plain < 0 || connect(plain, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(plain, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return plain;
}

void write_all(int socket, const void *bytes, size_t count) {
    const char *next = bytes;
    while (count > 0) {
        ssize_t written = write(socket, next, count);
        if (written < 0 && errno == EAGAIN) {
            // A library's socket may be one that does not wait by itself.
            struct pollfd room = {.fd = socket, .events = POLLOUT};
            poll(&room, 1, -1);
        } else if (written < 0 && errno != EINTR) {
            fail("write");
        }
        if (written > 0) {
            next += written;
            count -= (size_t)written;
        }
    }
}
