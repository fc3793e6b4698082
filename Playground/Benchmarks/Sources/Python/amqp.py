"""What aio-pika does of the benchmark's workloads: amqp.py WORKLOAD COUNT BYTES [WINDOW]."""

import asyncio
import os
import time

import aio_pika

import peer

TOPIC, REQUESTS = "bench.topic", "bench.requests"
REPLIES = "amq.rabbitmq.reply-to"


async def main():
    async with await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{peer.PORT}/") as connection:
        channel = await connection.channel(publisher_confirms=False)
        if peer.WORKLOAD == "publish":
            exchange = await channel.get_exchange("amq.topic")
            watch = peer.Stopwatch()
            for _ in range(peer.COUNT):
                await exchange.publish(aio_pika.Message(peer.BODY), TOPIC)
            # The broker answers when it has taken those before.
            await channel.declare_queue(exclusive=True)
            watch.report()
        elif peer.WORKLOAD == "subscribe":
            queue = await channel.declare_queue(exclusive=True)
            await queue.bind("amq.topic", TOPIC)
            async with queue.iterator(no_ack=True) as messages:
                peer.say_ready()
                await peer.count_all(messages)
        elif peer.WORKLOAD == "consume":
            await channel.set_qos(prefetch_count=1000)
            queue = await channel.declare_queue(os.environ["BENCH_QUEUE"], durable=False)
            async with queue.iterator() as messages:
                peer.say_ready()
                await peer.count_all(messages, lambda message: message.ack())
        elif peer.WORKLOAD == "echo":
            queue = await channel.declare_queue(REQUESTS, auto_delete=True)
            async with queue.iterator(no_ack=True) as messages:
                peer.say_ready()
                async for request in messages:
                    reply = aio_pika.Message(request.body, correlation_id=request.correlation_id)
                    await channel.default_exchange.publish(reply, request.reply_to)
        else:
            replies = asyncio.Queue()
            answers = await channel.get_queue(REPLIES, ensure=False)
            await answers.consume(replies.put, no_ack=True)
            watch = peer.Stopwatch()
            for number in range(peer.COUNT):
                begin = time.monotonic()
                request = aio_pika.Message(peer.BODY, reply_to=REPLIES, correlation_id=str(number))
                await channel.default_exchange.publish(request, REQUESTS)
                await replies.get()
                watch.took(begin)
            watch.report()


asyncio.run(main())
