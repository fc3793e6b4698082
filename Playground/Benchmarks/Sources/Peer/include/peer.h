// What the C programs of the benchmark share: arguments, the clock, and the line that each prints at its end.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// What to do, from the command line: PROGRAM WORKLOAD COUNT BYTES [WINDOW]. The broker's port is in BROKER_PORT.
struct task {
    const char *workload;
    long count;
    size_t bytes;
    /// How many messages or calls are under way at a time.
    long window;
    int port;
    /// `bytes` bytes of text, which end with what BENCH_ENDING says.
    char *body;
};

struct task read_task(int count, char **arguments);

int is(const struct task *task, const char *workload);

/// Says why, and ends the program.
_Noreturn void fail(const char *what);

/// Nanoseconds of a clock that only goes forward.
uint64_t now(void);

/// Says that whoever sends may begin.
void say_ready(void);

/// Prints what came out as one JSON object.
///
/// `latencies` are nanoseconds, as many as the task's count; NULL where none were taken.
void report(const struct task *task, uint64_t nanoseconds, uint64_t *latencies);

/// A connected socket to the broker that sends at once.
int connect_plain(const struct task *task);

/// Writes all of it.
void write_all(int socket, const void *bytes, size_t count);
