"""What redis-py, asynchronous, does of the benchmark's workloads: resp.py WORKLOAD COUNT BYTES [WINDOW]."""

import asyncio
import time

from redis.asyncio import Redis

import peer

TOPIC, REQUESTS, REPLIES = "bench.topic", "bench.requests", "bench.replies"


async def messages_of(subscription):
    async for message in subscription.listen():
        if message["type"] == "message":
            yield message


async def main():
    async with Redis(port=peer.PORT) as redis:
        if peer.WORKLOAD == "publish":
            watch = peer.Stopwatch()
            for _ in range(peer.COUNT):
                await redis.publish(TOPIC, peer.BODY)
            watch.report()
        elif peer.WORKLOAD == "subscribe":
            async with redis.pubsub() as subscription:
                await subscription.subscribe(TOPIC)
                await subscription.get_message(timeout=10)
                peer.say_ready()
                await peer.count_all(messages_of(subscription))
        elif peer.WORKLOAD == "echo":
            peer.say_ready()
            while True:
                _, request = await redis.blpop(REQUESTS)
                name, _, body = request.partition(b" ")
                await redis.rpush(name, body)
        else:
            request = REPLIES.encode() + b" " + peer.BODY
            watch = peer.Stopwatch()
            for _ in range(peer.COUNT):
                begin = time.monotonic()
                await redis.rpush(REQUESTS, request)
                await redis.blpop(REPLIES)
                watch.took(begin)
            watch.report()


asyncio.run(main())
