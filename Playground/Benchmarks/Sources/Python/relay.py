"""A relay as it is written in Python: each line that comes by MQTT is written to a socket. relay.py WORKLOAD COUNT BYTES [WINDOW]."""

import os
import socket

import paho.mqtt.client

import peer

carbon = socket.create_connection(("127.0.0.1", int(os.environ["SINK_PORT"])))
client = paho.mqtt.client.Client()
client.on_connect = lambda *_: client.subscribe("bench/#")
client.on_subscribe = lambda *_: peer.say_ready()
client.on_message = lambda _client, _context, message: carbon.sendall(message.payload + b"\n")
client.connect("127.0.0.1", peer.PORT)
client.loop_forever()
