"""A client of MQTT 5 that logs in by SCRAM-SHA-256 with Python's own hashing, and once more on the same connection.

It prints a line for each time that the server has shown that it knows the password, or the reason that it gave instead.
Arguments: the port, the user, the password.
"""

import base64
import hashlib
import hmac
import os
import socket
import sys

METHOD = b"SCRAM-SHA-256"


def data(value):
    return len(value).to_bytes(2, "big") + value


def counted(value):
    """With its length before it, as MQTT's numbers of up to 14 bits are."""
    length = len(value)
    return (bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])) + value


def authentication(message):
    return counted(b"\x15" + data(METHOD) + b"\x16" + data(message))


class Link:
    def __init__(self, port):
        self.file = socket.create_connection(("127.0.0.1", port)).makefile("rwb")

    def send(self, kind, body):
        self.file.write(bytes([kind]) + counted(body))
        self.file.flush()

    def length(self):
        length = shift = 0
        while True:
            byte = self.file.read(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return length

    def receive(self):
        """The kind, the reason and the Authentication Data of the next packet."""
        kind = self.file.read(1)[0]
        body = self.file.read(self.length())
        body = body[1:] if kind == 0x20 else body
        reason, place = body[0], body.find(b"\x15" + data(METHOD) + b"\x16")
        if place < 0:
            return kind, reason, b""
        rest = body[place + 4 + len(METHOD):]
        return kind, reason, rest[2:2 + int.from_bytes(rest[:2], "big")]


class Login:
    def __init__(self, user, password):
        self.password = password.encode()
        name = user.replace("=", "=3D").replace(",", "=2C")
        self.bare = f"n={name},r={base64.b64encode(os.urandom(12)).decode()}".encode()
        self.first = b"n,," + self.bare

    def final(self, challenge):
        nonce, salt, count = (part[2:] for part in challenge.split(b","))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(salt), int(count))
        key = hmac.digest(salted, b"Client Key", "sha256")
        opened = b"c=biws,r=" + nonce
        transcript = b",".join([self.bare, challenge, opened])
        signature = hmac.digest(hashlib.sha256(key).digest(), transcript, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature))
        self.expected = b"v=" + base64.b64encode(
            hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), transcript, "sha256")
        )
        return opened + b",p=" + base64.b64encode(proof)


def follow(link, login):
    while True:
        kind, reason, message = link.receive()
        if kind == 0xF0 and reason == 0x18:
            link.send(0xF0, b"\x18" + authentication(login.final(message)))
        elif reason == 0 and message == login.expected:
            return "known"
        else:
            return f"0x{reason:02X}"


def main():
    port, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    link = Link(port)
    # CONNECT: its properties come before the client's identifier.
    login = Login(user, password)
    link.send(0x10, data(b"MQTT") + b"\x05\x02\x00\x00" + authentication(login.first) + data(b"python"))
    outcome = follow(link, login)
    print(outcome, flush=True)
    if outcome == "known":
        login = Login(user, password)
        link.send(0xF0, b"\x19" + authentication(login.first))
        print(follow(link, login), flush=True)


if __name__ == "__main__":
    main()
