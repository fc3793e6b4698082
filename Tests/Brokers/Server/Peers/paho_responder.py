"""A responder by Eclipse Paho: adds the two numbers of each request, as MQTT 5 has requests (4.10), until one says that it is the last."""

import json
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def on_connect(client, userdata, flags, reason, properties=None):
    client.subscribe(sys.argv[2], qos=1)


def on_subscribe(client, userdata, mid, granted, properties=None):
    print("ready", flush=True)


def on_message(client, userdata, message):
    request = json.loads(message.payload)
    answer = Properties(PacketTypes.PUBLISH)
    answer.CorrelationData = message.properties.CorrelationData
    client.publish(message.properties.ResponseTopic, json.dumps(request["a"] + request["b"]), properties=answer)
    if request["a"] < 0:
        client.disconnect()


client = mqtt.Client(client_id="responder", protocol=mqtt.MQTTv5)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.connect("127.0.0.1", int(sys.argv[1]), keepalive=10)
client.loop_forever()
