"""What peers do that use pika as it is, without commlib-py. Each role is a function of a stage, as in roles.py."""

import datetime
import decimal
import time

import pika

# A queue that Martlet has made, as its documentation says.
MARTLETS_QUEUE = {"durable": True, "arguments": {"x-queue-type": "quorum", "x-delivery-limit": 2147483647}}

PROPERTIES = (
    "content_type",
    "content_encoding",
    "delivery_mode",
    "priority",
    "correlation_id",
    "reply_to",
    "expiration",
    "message_id",
    "timestamp",
    "type",
    "user_id",
    "app_id",
    "cluster_id",
)


def open_channel(stage):
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", stage.port)).channel()


def literal(value):
    """A value as Python writes it, its type included; the fields of a table in their order."""
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%r: %s" % (name, literal(value[name])) for name in sorted(value))
    if isinstance(value, list):
        return "[%s]" % ", ".join(literal(element) for element in value)
    return repr(value)


def literals(values):
    return {name: literal(value) for name, value in values.items()}


def echo(stage):
    """Sends each message on as pika has understood it."""
    channel = open_channel(stage)
    stage.tell("ready")
    for method, properties, body in channel.consume(stage.source):
        channel.basic_publish("", stage.target, body, properties)
        channel.basic_ack(method.delivery_tag)


def write_properties(stage):
    """Sends one message with every property, and with every type of header that pika writes."""
    headers = {
        "text": "caf\u00e9",
        "bytes": b"\x00\xff",
        "yes": True,
        "no": False,
        "small": -5,
        "large": 2**40,
        "decimal": decimal.Decimal("12.34"),
        "time": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        "nothing": None,
        "list": [1, "two", [None], {"three": 3}],
        "table": {"inner": {"innermost": "x"}, "empty": {}},
    }
    properties = pika.BasicProperties(
        content_type="text/plain",
        content_encoding="utf8",
        headers=headers,
        delivery_mode=2,
        priority=7,
        correlation_id="correlation",
        reply_to="reply",
        expiration="60000",
        message_id="message",
        timestamp=1700000000,
        type="type",
        user_id="guest",
        app_id="app",
        cluster_id="cluster",
    )
    channel = open_channel(stage)
    channel.confirm_delivery()
    channel.basic_publish("", stage.target, "caf\u00e9".encode(), properties, mandatory=True)
    stage.tell("sent")


def read_properties(stage):
    """Tells what is in each message, and of which type pika takes it to be."""
    channel = open_channel(stage)
    for method, properties, body in channel.consume(stage.source):
        present = {name: getattr(properties, name) for name in PROPERTIES if getattr(properties, name) is not None}
        stage.tell(
            "message",
            properties=literals(present),
            headers=None if properties.headers is None else literals(properties.headers),
            body=literal(body),
        )
        channel.basic_ack(method.delivery_tag)


def take(stage):
    """Takes so many messages of a queue of Martlet's, acknowledges the first ones, and keeps the others unsettled."""
    channel = open_channel(stage)
    channel.queue_declare(stage.source, **MARTLETS_QUEUE)
    channel.basic_qos(prefetch_count=stage.count)
    taken = 0
    for method, properties, body in channel.consume(stage.source):
        taken += 1
        if taken <= stage.settled:
            channel.basic_ack(method.delivery_tag)
        stage.tell(
            "message",
            body=body.decode(),
            headers=properties.headers,
            content_type=properties.content_type,
            delivery_mode=properties.delivery_mode,
        )
        if taken == stage.count:
            break
    # The answer to this says that the broker has read what was acknowledged before.
    channel.queue_declare(stage.source, passive=True)
    stage.tell("holding")
    time.sleep(3600)


def give(stage):
    """Puts messages into a queue of Martlet's; tells when the broker has confirmed them."""
    channel = open_channel(stage)
    channel.queue_declare(stage.target, **MARTLETS_QUEUE)
    channel.confirm_delivery()
    for body in stage.messages:
        properties = pika.BasicProperties(content_type="text/plain", delivery_mode=2, headers={"from": "pika"})
        channel.basic_publish("", stage.target, body.encode(), properties, mandatory=True)
    stage.tell("sent")


ROLES = {
    "pika_echo": echo,
    "pika_write_properties": write_properties,
    "pika_read_properties": read_properties,
    "pika_take": take,
    "pika_give": give,
}
