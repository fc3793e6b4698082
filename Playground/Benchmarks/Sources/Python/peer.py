"""What the programs of the benchmark in Python share: arguments, the clock, and the line that each prints at its end."""

import json
import os
import sys
import time

#: What to do, how often, and how many bytes a message has.
WORKLOAD, COUNT, BYTES = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
PORT = int(os.environ["BROKER_PORT"])
BODY = b"x" * BYTES


def say_ready():
    print("READY", flush=True)


class Stopwatch:
    """The time from the first message to the last one, or of each call."""

    def __init__(self):
        self.start = time.monotonic()
        self.latencies = []

    def took(self, begin):
        self.latencies.append(time.monotonic() - begin)

    def report(self):
        seconds = time.monotonic() - self.start
        figures = {"rate": COUNT / seconds, "seconds": seconds, "cpuSeconds": time.process_time()}
        if self.latencies:
            self.latencies.sort()
            figures["median"] = self.latencies[COUNT // 2] * 1e6
            figures["p99"] = self.latencies[COUNT * 99 // 100] * 1e6
        print(json.dumps(figures), flush=True)


async def count_all(messages, take=None):
    """Reads as many messages as are expected, and reports from the first one on."""
    watch, left = None, COUNT
    async for message in messages:
        watch = watch or Stopwatch()
        if take:
            await take(message)
        left -= 1
        if left == 0:
            watch.report()
            return
