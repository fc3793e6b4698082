// What Carbon does with lines of text, without keeping them: reads each connection to its end, then closes it.
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS 64

static int listen_at(int port) {
    int one = 1, door = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(door, (struct sockaddr *)&address, sizeof address) || listen(door, CONNECTIONS)) fail("listen");
    return door;
}

static long count_lines(const char *bytes, size_t count) {
    long lines = 0;
    for (const char *end = bytes + count; (bytes = memchr(bytes, '\n', (size_t)(end - bytes))); bytes++) lines++;
    return lines;
}

int main(int count, char **arguments) {
    static char buffer[256 << 10];
    static struct pollfd sockets[CONNECTIONS + 1];
    struct task task = read_task(count, arguments);
    nfds_t used = 1;
    long left = task.count;
    uint64_t start = 0, end = 0;
    sockets[0] = (struct pollfd){.fd = listen_at(task.port), .events = POLLIN};
    say_ready();
    // Whoever waits for the end of the last connection is served after the last line.
    while (left > 0 || used > 1) {
        sockets[0].events = used <= CONNECTIONS ? POLLIN : 0;
        if (poll(sockets, used, left > 0 ? -1 : 1000) <= 0) break;
        for (nfds_t place = used; place-- > 1;) {
            if (!sockets[place].revents) continue;
            ssize_t got = read(sockets[place].fd, buffer, sizeof buffer);
            if (got > 0) {
                if (!start) start = now();
                left -= count_lines(buffer, (size_t)got);
                if (left <= 0 && !end) end = now();
            } else {
                close(sockets[place].fd);
                sockets[place] = sockets[--used];
            }
        }
        if (sockets[0].revents) {
            int accepted = accept(sockets[0].fd, NULL, NULL);
            if (accepted >= 0) sockets[used++] = (struct pollfd){.fd = accepted, .events = POLLIN};
        }
    }
    report(&task, end - start, NULL);
    return 0;
}
