// The limit on Redis: hiredis without its event loop, on blocking sockets.
#include "peer.h"

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOPIC "bench.topic"
#define REQUESTS "bench.requests"
#define REPLIES "bench.replies"

static struct task task;
static uint64_t *latencies;
static long next_call;

static redisContext *open_broker(void) {
    int one = 1;
    redisContext *broker = redisConnect("127.0.0.1", task.port);
    if (!broker || broker->err) fail("connect");
    setsockopt(broker->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return broker;
}

static redisReply *next_reply(redisContext *broker) {
    void *reply = NULL;
    if (redisGetReply(broker, &reply)) fail("a reply");
    return reply;
}

/// Argument by argument: a format is read letter by letter, which takes longer than the rest.
static void publish(redisContext *broker) {
    const char *arguments[] = {"PUBLISH", TOPIC, task.body};
    const size_t lengths[] = {7, sizeof TOPIC - 1, task.bytes};
    redisAppendCommandArgv(broker, 3, arguments, lengths);
}

/// A thousand at a time, and then their answers.
static void run_publishes(redisContext *broker) {
    for (long left = task.count; left > 0;) {
        long batch = left < 1000 ? left : 1000;
        for (long number = 0; number < batch; number++) publish(broker);
        for (long number = 0; number < batch; number++) freeReplyObject(next_reply(broker));
        left -= batch;
    }
}

static void run_confirmed(redisContext *broker) {
    for (long sent = 0, done = 0; done < task.count;) {
        for (; sent < task.count && sent - done < task.window; sent++) publish(broker);
        freeReplyObject(next_reply(broker));
        done++;
        void *reply;
        while (redisGetReplyFromReader(broker, &reply) == REDIS_OK && reply) {
            freeReplyObject(reply);
            done++;
        }
    }
}

static uint64_t receive(redisContext *broker) {
    uint64_t start = 0;
    // As many subscriptions as the window; all messages are for one of them.
    for (long number = 1; number < task.window; number++)
        freeReplyObject(redisCommand(broker, "SUBSCRIBE bench.other.%ld", number));
    freeReplyObject(redisCommand(broker, "SUBSCRIBE " TOPIC));
    say_ready();
    for (long number = 0; number < task.count; number++) {
        redisReply *message = next_reply(broker);
        if (number == 0) start = now();
        freeReplyObject(message);
    }
    return start;
}

/// A request is the name of the list for its reply, a line feed, and the body.
static void run_echo(redisContext *broker) {
    freeReplyObject(redisCommand(broker, "DEL " REQUESTS));
    say_ready();
    redisAppendCommand(broker, "BLPOP " REQUESTS " 0");
    for (;;) {
        redisReply *request = next_reply(broker);
        char *text = request->element[1]->str, *body = memchr(text, '\n', request->element[1]->len);
        if (!body) fail("a request");
        size_t name = (size_t)(body - text);
        redisAppendCommand(broker, "RPUSH %b %b", text, name, body + 1, request->element[1]->len - name - 1);
        redisAppendCommand(broker, "BLPOP " REQUESTS " 0");
        freeReplyObject(next_reply(broker));
        freeReplyObject(request);
    }
}

/// A caller that waits for its reply has its connection to itself: it takes calls until none are left.
static void *run_caller(void *_nothing) {
    redisContext *broker = open_broker();
    char *request = malloc(task.bytes + 64);
    for (;;) {
        long number = __sync_fetch_and_add(&next_call, 1);
        if (number >= task.count) break;
        int name = sprintf(request, REPLIES ".%d.%ld\n", getpid(), number);
        memcpy(request + name, task.body, task.bytes);
        uint64_t start = now();
        redisAppendCommand(broker, "RPUSH " REQUESTS " %b", request, (size_t)name + task.bytes);
        redisAppendCommand(broker, "BLPOP %b 10", request, (size_t)name - 1);
        freeReplyObject(next_reply(broker));
        redisReply *reply = next_reply(broker);
        if (reply->type != REDIS_REPLY_ARRAY) fail("a call");
        latencies[number] = now() - start;
        freeReplyObject(reply);
    }
    free(request);
    redisFree(broker);
    return NULL;
}

static void run_callers(void) {
    pthread_t *threads = calloc((size_t)task.window, sizeof *threads);
    for (long number = 0; number < task.window; number++) pthread_create(threads + number, NULL, run_caller, NULL);
    for (long number = 0; number < task.window; number++) pthread_join(threads[number], NULL);
    free(threads);
}

int main(int count, char **arguments) {
    task = read_task(count, arguments);
    redisContext *broker = open_broker();
    uint64_t start = now();
    if (is(&task, "publish") || is(&task, "flood")) {
        run_publishes(broker);
    } else if (is(&task, "confirmed")) {
        run_confirmed(broker);
    } else if (is(&task, "subscribe")) {
        start = receive(broker);
    } else if (is(&task, "echo")) {
        run_echo(broker);
    } else if (is(&task, "call")) {
        latencies = calloc((size_t)task.count, sizeof *latencies);
        if (task.window == 1) run_caller(NULL);
        else run_callers();
    } else {
        fail("an unknown workload");
    }
    report(&task, now() - start, latencies);
    redisFree(broker);
    return 0;
}
