// The limit on AMQP: one thread on librabbitmq.
//
// `flood` and `floodqueue` are not limits but sources: prepared frames in large writes.
#include "peer.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC "bench.topic"
/// Who measures has a queue of its own: two clients may want different kinds.
#define QUEUE (getenv("BENCH_QUEUE") ? getenv("BENCH_QUEUE") : "bench.queue")
#define REQUESTS "bench.requests"

static struct task task;
static amqp_connection_state_t broker;

static void check(const char *what) {
    if (amqp_get_rpc_reply(broker).reply_type != AMQP_RESPONSE_NORMAL) fail(what);
}

static void open_broker(void) {
    broker = amqp_new_connection();
    if (amqp_socket_open(amqp_tcp_socket_new(broker), "127.0.0.1", task.port)) fail("connect");
    amqp_rpc_reply_t reply = amqp_login(broker, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) fail("login");
    amqp_channel_open(broker, 1);
    check("channel.open");
}

/// A queue that messages to the topic also reach; it keeps the newest thousand.
static void bind_bounded_queue(void) {
    amqp_table_entry_t entry = {.key = amqp_cstring_bytes("x-max-length")};
    entry.value.kind = AMQP_FIELD_KIND_I32;
    entry.value.value.i32 = 1000;
    amqp_table_t arguments = {1, &entry};
    amqp_bytes_t name = amqp_cstring_bytes("bench.bounded");
    amqp_queue_declare(broker, 1, name, 0, 0, 0, 0, arguments);
    check("queue.declare");
    amqp_queue_bind(
        broker, 1, name, amqp_cstring_bytes("amq.topic"), amqp_cstring_bytes(TOPIC), amqp_empty_table
    );
    check("queue.bind");
}

/// The broker has done what it was sent before it answers this.
static void declare(const char *name, int ends_with_consumer) {
    amqp_queue_declare(broker, 1, amqp_cstring_bytes(name), 0, 0, 0, ends_with_consumer, amqp_empty_table);
    check("queue.declare");
}

static void consume(const char *queue, int without_acknowledgement) {
    amqp_basic_consume(
        broker, 1, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, without_acknowledgement, 0, amqp_empty_table
    );
    check("basic.consume");
}

/// With a queue of its own.
static void subscribe(const char *topic) {
    amqp_bytes_t name = amqp_cstring_bytes(topic);
    amqp_queue_declare(broker, 1, name, 0, 0, 1, 1, amqp_empty_table);
    check("queue.declare");
    amqp_queue_bind(broker, 1, name, amqp_cstring_bytes("amq.topic"), name, amqp_empty_table);
    check("queue.bind");
    consume(topic, 1);
}

static void publish(const char *exchange, amqp_bytes_t key, const amqp_basic_properties_t *properties, amqp_bytes_t body) {
    if (amqp_basic_publish(broker, 1, amqp_cstring_bytes(exchange), key, 0, 0, properties, body)) fail("basic.publish");
}

static amqp_envelope_t next_message(void) {
    amqp_envelope_t envelope;
    amqp_maybe_release_buffers(broker);
    if (amqp_consume_message(broker, &envelope, NULL, 0).reply_type != AMQP_RESPONSE_NORMAL) fail("a delivery");
    return envelope;
}

static unsigned char *frame(unsigned char *out, int kind, size_t length) {
    *out++ = (unsigned char)kind;
    *out++ = 0;
    *out++ = 1;
    for (int shift = 24; shift >= 0; shift -= 8) *out++ = (unsigned char)(length >> shift);
    return out;
}

static unsigned char *short_text(unsigned char *out, const char *text) {
    size_t length = strlen(text);
    *out++ = (unsigned char)length;
    memcpy(out, text, length);
    return out + length;
}

static void flood(const char *exchange, const char *key) {
    size_t room = (64 << 10) + 2 * task.bytes + 1024, used = 0;
    unsigned char *buffer = malloc(room);
    for (long number = 0; number < task.count; number++) {
        // basic.publish, a header without properties, the body.
        unsigned char *out = frame(buffer + used, AMQP_FRAME_METHOD, 9 + strlen(exchange) + strlen(key));
        memcpy(out, "\0\x3c\0\x28\0", 6);
        out = short_text(out + 6, exchange);
        out = short_text(out, key);
        *out++ = 0;
        *out++ = AMQP_FRAME_END;
        out = frame(out, AMQP_FRAME_HEADER, 14);
        memcpy(out, "\0\x3c\0\0\0\0\0\0", 8);
        for (int index = 0; index < 4; index++) out[8 + index] = (unsigned char)(task.bytes >> (24 - 8 * index));
        out[12] = out[13] = 0;
        out[14] = AMQP_FRAME_END;
        out = frame(out + 15, AMQP_FRAME_BODY, task.bytes);
        memcpy(out, task.body, task.bytes);
        out += task.bytes;
        *out++ = AMQP_FRAME_END;
        used = (size_t)(out - buffer);
        if (used > 64 << 10) {
            write_all(amqp_get_sockfd(broker), buffer, used);
            used = 0;
        }
    }
    write_all(amqp_get_sockfd(broker), buffer, used);
    declare("bench.barrier", 1);
    free(buffer);
}

static void run_confirmed(void) {
    bind_bounded_queue();
    amqp_confirm_select(broker, 1);
    check("confirm.select");
    long sent = 0, confirmed = 0;
    while (confirmed < task.count) {
        for (; sent < task.count && sent - confirmed < task.window; sent++)
            publish("amq.topic", amqp_cstring_bytes(TOPIC), NULL, (amqp_bytes_t){task.bytes, task.body});
        do {
            amqp_frame_t frame;
            if (amqp_simple_wait_frame(broker, &frame)) fail("a confirmation");
            if (frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD) {
                amqp_basic_ack_t *ack = frame.payload.method.decoded;
                confirmed = ack->multiple ? (long)ack->delivery_tag : confirmed + 1;
            }
            amqp_maybe_release_buffers(broker);
        } while (amqp_frames_enqueued(broker) || amqp_data_in_buffer(broker));
    }
}

static void delete_bounded_queue(void) {
    amqp_queue_delete(broker, 1, amqp_cstring_bytes("bench.bounded"), 0, 0);
    check("queue.delete");
}

static uint64_t receive(int acknowledges) {
    uint64_t start = 0;
    for (long number = 0; number < task.count; number++) {
        amqp_envelope_t envelope = next_message();
        if (number == 0) start = now();
        if (acknowledges) amqp_basic_ack(broker, 1, envelope.delivery_tag, 0);
        amqp_destroy_envelope(&envelope);
    }
    return start;
}

static void run_echo(void) {
    declare(REQUESTS, 1);
    consume(REQUESTS, 1);
    say_ready();
    for (;;) {
        amqp_envelope_t envelope = next_message();
        amqp_basic_properties_t properties = {0};
        properties._flags = AMQP_BASIC_CORRELATION_ID_FLAG;
        properties.correlation_id = envelope.message.properties.correlation_id;
        publish("", envelope.message.properties.reply_to, &properties, envelope.message.body);
        amqp_destroy_envelope(&envelope);
    }
}

static void run_calls(uint64_t *latencies) {
    uint64_t *started = calloc((size_t)task.count, sizeof *started);
    consume("amq.rabbitmq.reply-to", 1);
    for (long sent = 0, done = 0; done < task.count; done++) {
        for (; sent < task.count && sent - done < task.window; sent++) {
            char number[24];
            snprintf(number, sizeof number, "%ld", sent);
            amqp_basic_properties_t properties = {0};
            properties._flags = AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_REPLY_TO_FLAG;
            properties.correlation_id = amqp_cstring_bytes(number);
            properties.reply_to = amqp_cstring_bytes("amq.rabbitmq.reply-to");
            started[sent] = now();
            publish("", amqp_cstring_bytes(REQUESTS), &properties, (amqp_bytes_t){task.bytes, task.body});
        }
        amqp_envelope_t envelope = next_message();
        char number[24] = {0};
        amqp_bytes_t id = envelope.message.properties.correlation_id;
        memcpy(number, id.bytes, id.len < sizeof number ? id.len : sizeof number - 1);
        latencies[done] = now() - started[atol(number)];
        amqp_destroy_envelope(&envelope);
    }
    free(started);
}

int main(int count, char **arguments) {
    task = read_task(count, arguments);
    open_broker();
    uint64_t *latencies = NULL, start = now();
    if (is(&task, "flood")) {
        flood("amq.topic", TOPIC);
        return 0;
    } else if (is(&task, "floodqueue")) {
        flood("", QUEUE);
        return 0;
    } else if (is(&task, "publish")) {
        for (long number = 0; number < task.count; number++)
            publish("amq.topic", amqp_cstring_bytes(TOPIC), NULL, (amqp_bytes_t){task.bytes, task.body});
        declare("bench.barrier", 1);
    } else if (is(&task, "confirmed")) {
        run_confirmed();
    } else if (is(&task, "subscribe")) {
        // As many subscriptions as the window; all messages are for one of them.
        for (long number = 1; number < task.window; number++) {
            char topic[32];
            snprintf(topic, sizeof topic, "bench.other.%ld", number);
            subscribe(topic);
        }
        subscribe(TOPIC);
        say_ready();
        start = receive(0);
    } else if (is(&task, "consume")) {
        declare(QUEUE, 1);
        amqp_basic_qos(broker, 1, 0, 256, 0);
        check("basic.qos");
        consume(QUEUE, 0);
        say_ready();
        start = receive(1);
    } else if (is(&task, "echo")) {
        run_echo();
    } else if (is(&task, "call")) {
        latencies = calloc((size_t)task.count, sizeof *latencies);
        run_calls(latencies);
    } else {
        fail("an unknown workload");
    }
    report(&task, now() - start, latencies);
    if (is(&task, "confirmed")) delete_bounded_queue();
    amqp_connection_close(broker, AMQP_REPLY_SUCCESS);
    return 0;
}
