// The limit on MQTT: one thread on libmosquitto, which reads and writes where it can, and does nothing else.
//
// `flood` is not a limit but a source: prepared packets in large writes, faster than any client reads.
#include "peer.h"

#include <mosquitto.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOPIC "bench/topic"
#define REQUESTS "bench/requests"
#define REPLIES "bench/replies"
// CONNECT, clean, with an identifier of four bytes.
#define HELLO_BYTES 18

static struct task task;
static struct mosquitto *client;
static bool is_connected, is_subscribed;
static long sent, in_flight, done;
static uint64_t start, end;
static uint64_t *started, *latencies;

static void on_connect(struct mosquitto *_client, void *_context, int code) {
    if (code) fail("CONNECT");
    is_connected = true;
}

static void on_subscribe(struct mosquitto *_client, void *_context, int _id, int _count, const int *_granted) {
    is_subscribed = true;
}

static void on_publish(struct mosquitto *_client, void *_context, int _id) {
    in_flight--;
    done++;
}

static void publish(const char *topic, const void *body, size_t bytes, int quality) {
    if (mosquitto_publish(client, NULL, topic, (int)bytes, body, quality, false)) fail("publish");
}

static void request(void) {
    memcpy(task.body, &sent, sizeof sent);
    started[sent++] = now();
    publish(REQUESTS, task.body, task.bytes, 0);
}

static void on_message(struct mosquitto *_client, void *_context, const struct mosquitto_message *message) {
    if (is(&task, "echo")) {
        publish(REPLIES, message->payload, (size_t)message->payloadlen, 0);
        return;
    }
    if (is(&task, "call")) {
        long number;
        memcpy(&number, message->payload, sizeof number);
        latencies[done] = now() - started[number];
        if (sent < task.count) request();
    } else if (done == 0) {
        start = now();
    }
    if (++done == task.count) end = now();
}

static void step(int milliseconds) {
    if (mosquitto_loop(client, milliseconds, 1)) fail("loop");
}

static void subscribe(const char *topic) {
    is_subscribed = false;
    mosquitto_subscribe(client, NULL, topic, 0);
    while (!is_subscribed) step(100);
}

/// As many as the window; all messages are for one of them.
static void subscribe_to_all(void) {
    char topic[32];
    for (long number = 1; number < task.window; number++) {
        snprintf(topic, sizeof topic, "bench/other/%ld", number);
        subscribe(topic);
    }
    subscribe(TOPIC);
}

/// Reads as many bytes as are expected.
static void read_all(int socket, size_t count) {
    unsigned char bytes[64];
    for (ssize_t got; count > 0; count -= (size_t)got)
        if ((got = read(socket, bytes, count < sizeof bytes ? count : sizeof bytes)) <= 0) fail("an answer");
}

/// A session without the library.
static int connect_session(unsigned number) {
    unsigned char hello[HELLO_BYTES] = {0x10, 16, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 4};
    for (int place = 0; place < 4; place++, number /= 26) hello[14 + place] = (unsigned char)('a' + number % 26);
    int broker = connect_plain(&task);
    write_all(broker, hello, sizeof hello);
    read_all(broker, 4);
    return broker;
}

/// The bytes of a message of QoS 0 on the topic.
static size_t packet_bytes(void) {
    size_t rest = 2 + strlen(TOPIC) + task.bytes, bytes = 1 + rest;
    do { bytes++; } while ((rest /= 128) > 0);
    return bytes;
}

/// As many subscribers as the window, which look at nothing but the count of bytes. A delivery counts for each of them.
static void fan(void) {
    static unsigned char buffer[256 << 10];
    struct pollfd *subscribers = calloc((size_t)task.window, sizeof *subscribers);
    for (long number = 0; number < task.window; number++) {
        unsigned char filter[] = {0x82, 5 + sizeof TOPIC - 1, 0, 1, 0, sizeof TOPIC - 1};
        int subscriber = connect_session((unsigned)number + 1);
        write_all(subscriber, filter, sizeof filter);
        write_all(subscriber, TOPIC, sizeof TOPIC - 1);
        write_all(subscriber, "", 1);
        read_all(subscriber, 5);
        subscribers[number] = (struct pollfd){.fd = subscriber, .events = POLLIN};
    }
    task.count *= task.window;
    say_ready();
    for (size_t left = (size_t)task.count * packet_bytes(); left > 0;) {
        if (poll(subscribers, (nfds_t)task.window, -1) < 0) fail("poll");
        if (start == 0) start = now();
        for (long number = 0; number < task.window; number++) {
            if (!subscribers[number].revents) continue;
            ssize_t got = read(subscribers[number].fd, buffer, sizeof buffer);
            if (got <= 0 || (size_t)got > left) fail("a subscriber");
            left -= (size_t)got;
        }
    }
    end = now();
    report(&task, end - start, NULL);
}

static void flood(void) {
    static unsigned char buffer[256 << 10];
    static const unsigned char goodbye[] = {0xe0, 0};
    size_t rest = 2 + strlen(TOPIC) + task.bytes, used = 0;
    if (rest > 200 << 10) fail("a packet of that size");
    int broker = connect_session(0);
    start = now();
    for (long number = 0; number < task.count; number++) {
        buffer[used++] = 0x30;
        size_t left = rest;
        do {
            buffer[used++] = (unsigned char)(left % 128 + (left > 127 ? 128 : 0));
            left /= 128;
        } while (left > 0);
        buffer[used++] = 0;
        buffer[used++] = (unsigned char)strlen(TOPIC);
        memcpy(buffer + used, TOPIC, strlen(TOPIC));
        used += strlen(TOPIC);
        memcpy(buffer + used, task.body, task.bytes);
        used += task.bytes;
        if (used + rest + 8 > sizeof buffer || used > 64 << 10) {
            write_all(broker, buffer, used);
            used = 0;
        }
    }
    write_all(broker, buffer, used);
    write_all(broker, goodbye, sizeof goodbye);
    // The broker closes when it has read all.
    while (read(broker, buffer, sizeof buffer) > 0) {}
    end = now();
    report(&task, end - start, NULL);
}

int main(int count, char **arguments) {
    task = read_task(count, arguments);
    if (is(&task, "flood")) {
        flood();
        return 0;
    }
    if (is(&task, "fan")) {
        fan();
        return 0;
    }
    // A request carries its number.
    if (is(&task, "call") && task.bytes < sizeof sent) fail("a request of that size");
    started = calloc((size_t)task.count, sizeof *started);
    latencies = calloc((size_t)task.count, sizeof *latencies);
    mosquitto_lib_init();
    client = mosquitto_new(NULL, true, NULL);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_message_callback_set(client, on_message);
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    if (mosquitto_connect(client, "127.0.0.1", task.port, 60)) fail("connect");
    while (!is_connected) step(100);

    if (is(&task, "publish")) {
        start = now();
        for (long number = 0; number < task.count; number++) publish(TOPIC, task.body, task.bytes, 0);
        // What the broker answers after them, it answers when it has taken them.
        subscribe("bench/none");
        end = now();
        report(&task, end - start, NULL);
    } else if (is(&task, "confirmed")) {
        mosquitto_max_inflight_messages_set(client, (unsigned)task.window);
        mosquitto_publish_callback_set(client, on_publish);
        start = now();
        while (done < task.count) {
            for (; sent < task.count && in_flight < task.window; sent++, in_flight++)
                publish(TOPIC, task.body, task.bytes, 1);
            step(100);
        }
        end = now();
        report(&task, end - start, NULL);
    } else if (is(&task, "subscribe")) {
        subscribe_to_all();
        say_ready();
        while (done < task.count) step(1000);
        report(&task, end - start, NULL);
    } else if (is(&task, "echo")) {
        subscribe(REQUESTS);
        say_ready();
        for (;;) step(1000);
    } else if (is(&task, "call")) {
        subscribe(REPLIES);
        start = now();
        while (sent < task.window && sent < task.count) request();
        while (done < task.count) step(1000);
        report(&task, end - start, latencies);
    } else {
        fail("an unknown workload");
    }
    mosquitto_disconnect(client);
    return 0;
}
