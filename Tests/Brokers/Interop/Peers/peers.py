"""Peers that are built on commlib-py as it is, or on pika alone, for the tests that Martlet understands them and they it.

Standard input is a socket. Each line that comes is a JSON object: {"do": "start", "peer": NUMBER, "role": ..., ...} starts a
peer, {"do": "go", "peer": NUMBER} lets one go on that waits for it, {"do": "stop", "peer": NUMBER} ends it. Each line that goes is a JSON object as well, with the peer's number and an
"event"; the last one of each peer is "ended".

Every peer is a process of its own, because commlib-py shares much within one. It is forked off this one, which has loaded
everything already: that takes milliseconds where a new Python would take a second.
"""

import json
import logging
import os
import select
import signal
import socket
import sys
import traceback

# commlib-py logs to standard output unless somebody has set up the logging before. It is a file here, for who debugs.
logging.basicConfig(level=os.getenv("PEERS_LOG", "ERROR"), stream=sys.stderr)

import commlib.node  # noqa: E402, F401
import commlib.transports.amqp  # noqa: E402, F401
import commlib.transports.mqtt  # noqa: E402, F401
import commlib.transports.redis  # noqa: E402, F401

import queues  # noqa: E402
import roles  # noqa: E402

ROLES = {**roles.ROLES, **queues.ROLES}
SIGNALS = {"go": signal.SIGUSR1, "stop": signal.SIGKILL}

link = socket.socket(fileno=0)


def tell(peer, event, **fields):
    """Writes a line; a single write, so that those of several processes do not mix."""
    fields.update(peer=peer, event=event)
    link.sendall(json.dumps(fields, default=str).encode() + b"\n")


def play(command):
    """Plays a role to its end; in a process of its own."""
    peer = command["peer"]
    try:
        ROLES[command["role"]](roles.Stage(command, lambda event, **fields: tell(peer, event, **fields)))
    except BaseException as error:
        traceback.print_exc()
        tell(peer, "failed", error="%s: %s" % (type(error).__name__, error))
    sys.stdout.flush()
    sys.stderr.flush()
    # Without commlib-py's own end, which may wait for threads for ever.
    os._exit(0)


def main():
    numbers, buffer = {}, b""
    while True:
        readable, _, _ = select.select([link], [], [], 0.02)
        if readable:
            data = link.recv(65536)
            if not data:
                return
            buffer += data
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                command = json.loads(line)
                if command["do"] == "start":
                    child = os.fork()
                    if child == 0:
                        play(command)
                    numbers[child] = command["peer"]
                else:
                    number = SIGNALS[command["do"]]
                    for child, peer in numbers.items():
                        if peer == command["peer"]:
                            os.kill(child, number)
        while numbers:
            child, _ = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                break
            tell(numbers.pop(child), "ended")


main()
