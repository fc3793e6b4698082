"""What asyncio-mqtt (aiomqtt's name in Debian 12) does of the benchmark's workloads: mqtt.py WORKLOAD COUNT BYTES [WINDOW]."""

import asyncio
import logging
import time

from asyncio_mqtt import Client, ProtocolVersion

import peer

TOPIC, REQUESTS, REPLIES = "bench/topic", "bench/requests", "bench/replies"


async def main():
    # It warns of each publish of which many are under way.
    logging.disable(logging.WARNING)
    async with Client("127.0.0.1", peer.PORT, protocol=ProtocolVersion.V311) as client:
        if peer.WORKLOAD == "publish":
            watch = peer.Stopwatch()
            for _ in range(peer.COUNT):
                await client.publish(TOPIC, peer.BODY)
            # The broker answers when it has taken those before.
            await client.publish("bench/none", b"", qos=1)
            watch.report()
            return
        async with client.messages() as messages:
            if peer.WORKLOAD == "subscribe":
                await client.subscribe(TOPIC)
                peer.say_ready()
                await peer.count_all(messages)
            elif peer.WORKLOAD == "echo":
                await client.subscribe(REQUESTS)
                peer.say_ready()
                async for request in messages:
                    await client.publish(REPLIES, request.payload)
            else:
                await client.subscribe(REPLIES)
                watch = peer.Stopwatch()
                for _ in range(peer.COUNT):
                    begin = time.monotonic()
                    await client.publish(REQUESTS, peer.BODY)
                    await anext(messages)
                    watch.took(begin)
                watch.report()


asyncio.run(main())
