"""Makes JSON Web Tokens by joserfc, and connects with them by paho-mqtt.

    token_peer.py make SPECIFICATION
    token_peer.py connect PORT VERSION CLIENT TOKEN

A specification is JSON: `keys`, a kind (RSA, P-256, …, Ed25519, oct) for each identifier, and `tokens`, a list of a key's identifier,
a header and claims each. Printed is JSON: `set`, the public keys with their identifiers, and the secrets; `pem`, each public key as
PEM; and `tokens`. `connect` prints the reason of the CONNACK, as a number, for 3.1.1 or 5.
"""

import json
import sys


def make(specification):
    from joserfc import jws
    from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

    def generate(kind, name):
        parameters = {"kid": name}
        if kind == "RSA":
            return RSAKey.generate_key(2048, parameters)
        if kind == "oct":
            return OctKey.generate_key(512, parameters)
        if kind == "Ed25519":
            return OKPKey.generate_key(kind, parameters)
        return ECKey.generate_key(kind, parameters)

    keys = {name: generate(kind, name) for name, kind in specification["keys"].items()}
    result = {"set": {"keys": []}, "pem": {}, "tokens": []}
    for name, key in keys.items():
        result["set"]["keys"].append(key.as_dict(private=isinstance(key, OctKey)))
        if not isinstance(key, OctKey):
            result["pem"][name] = key.as_pem(private=False).decode()
    for name, header, claims in specification["tokens"]:
        payload = json.dumps(claims).encode()
        result["tokens"].append(jws.serialize_compact(header, payload, keys[name], algorithms=[header["alg"]]))
    print(json.dumps(result))


def connect(port, version, client, token):
    import paho.mqtt.client as mqtt

    protocol = mqtt.MQTTv5 if version == "5" else mqtt.MQTTv311
    peer = mqtt.Client(client, protocol=protocol)
    peer.username_pw_set("somebody", token)
    reasons = []

    def answered(peer, data, flags, reason, properties=None):
        reasons.append(reason.value if version == "5" else reason)
        peer.disconnect()

    peer.on_connect = answered
    peer.connect("127.0.0.1", int(port))
    while not reasons:
        peer.loop(0.1)
    print(reasons[0])


if sys.argv[1] == "make":
    make(json.loads(sys.argv[2]))
else:
    connect(*sys.argv[2:])
