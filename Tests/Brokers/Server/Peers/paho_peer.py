"""A client by Eclipse Paho: says what it sees, a line of JSON each, until it has seen its own end."""

import json
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

port, version, transport = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
protocol = mqtt.MQTTv5 if version == 5 else mqtt.MQTTv311


def say(**what):
    print(json.dumps(what), flush=True)


def on_connect(client, userdata, flags, reason, properties=None):
    say(event="connected", code=int(getattr(reason, "value", reason)))
    client.subscribe([("paho/+", 2), ("kept/#", 1)] if version < 5 else [
        ("paho/+", mqtt.SubscribeOptions(qos=2)),
        ("kept/#", mqtt.SubscribeOptions(qos=1, retainAsPublished=True)),
    ])


def on_subscribe(client, userdata, mid, granted, properties=None):
    say(event="subscribed", granted=[int(getattr(code, "value", code)) for code in granted])
    for qos in range(3):
        sent = None
        if version == 5:
            sent = Properties(PacketTypes.PUBLISH)
            sent.UserProperty = [("a", "1"), ("a", "2")]
            sent.ContentType = "text/plain"
        client.publish(f"paho/{qos}", f"ümlaut {qos}", qos=qos, properties=sent)
    client.publish("paho/end", "end", qos=2)


def on_message(client, userdata, message):
    properties = getattr(message, "properties", None)
    say(
        event="message",
        topic=message.topic,
        text=message.payload.decode(),
        qos=message.qos,
        retain=bool(message.retain),
        pairs=[list(pair) for pair in getattr(properties, "UserProperty", [])],
        type=getattr(properties, "ContentType", ""),
    )
    if message.topic == "paho/end":
        client.disconnect()


def on_disconnect(client, userdata, reason, properties=None):
    say(event="disconnected", code=int(getattr(reason, "value", reason)))


client = mqtt.Client(client_id="paho", protocol=protocol, transport="tcp" if transport == "tcp" else "websockets")
if transport == "wss":
    client.tls_set(ca_certs=sys.argv[4])
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.on_disconnect = on_disconnect
client.will_set("paho/gone", "gone")
client.connect("127.0.0.1", port, keepalive=10)
client.loop_forever()
