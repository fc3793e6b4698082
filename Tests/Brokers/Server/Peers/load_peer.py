"""Clients by Eclipse Paho that go on whatever happens to their broker.

publish PORT QOS STOP: publishes numbers until the file STOP is there, and says each that is acknowledged.
subscribe PORT QOS [FILTER NAME]: says each number that it gets. To a client of MQTT 3.1.1 what a queue delivers again comes in an
envelope, which counts its deliveries.
"""

import collections
import json
import os
import sys
import time

import paho.mqtt.client as mqtt

role, port, qos = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
topic, name = sys.argv[4:] if role == "subscribe" and len(sys.argv) > 4 else (f"load/{qos}", f"{role}-{qos}")
client = mqtt.Client(client_id=name, clean_session=False, protocol=mqtt.MQTTv311)


reset = client._messages_reconnect_reset_out


def reset_once():
    """After two attempts to connect Paho 1.6 has forgotten that PUBREL is owed for a message, and would publish it again."""
    for message in client._out_messages.values():
        if message.state == mqtt.mqtt_ms_resend_pubrel:
            message.state = mqtt.mqtt_ms_wait_for_pubcomp
    reset()


client._messages_reconnect_reset_out = reset_once


def number_in(message):
    return message["data"] if isinstance(message, dict) else message


def until_done(connect):
    while True:
        try:
            return connect()
        except OSError:
            time.sleep(0.02)


def connect():
    until_done(lambda: client.connect("127.0.0.1", port, keepalive=5))


def go_on():
    """Does what is to be done, and comes back to the broker at once when it has gone."""
    if client.loop(timeout=0.02) != mqtt.MQTT_ERR_SUCCESS:
        until_done(client.reconnect)


if role == "subscribe":
    client.on_connect = lambda *_: client.subscribe(topic, qos)
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.on_message = lambda _, __, message: print(number_in(json.loads(message.payload)), flush=True)
    connect()
    while True:
        go_on()

done = collections.deque()
client.on_publish = lambda _, __, mid: done.append(mid)
client.max_inflight_messages_set(20)
numbers = {}
number = 0
connect()
while not os.path.exists(sys.argv[4]) or numbers:
    while client.is_connected() and len(numbers) < 20 and not os.path.exists(sys.argv[4]):
        number += 1
        numbers[client.publish(topic, str(number), qos).mid] = number
    go_on()
    while done:
        print(numbers.pop(done.popleft()), flush=True)
print("end", flush=True)
