"""One-row selects by psycopg 3, asynchronous, on one connection: sql.py select COUNT BYTES [WINDOW]."""

import asyncio
import json
import os
import sys
import time

import psycopg
from psycopg.rows import class_row

ROWS = 1000


class User:
    def __init__(self, id, name):
        self.id = id
        self.name = name


async def main(count):
    target = f"host=127.0.0.1 port={os.environ['BROKER_PORT']} user=martlet password='open sesame' dbname=postgres"
    async with await psycopg.AsyncConnection.connect(target, autocommit=True) as connection:
        await connection.execute("SET client_min_messages = warning")
        await connection.execute("CREATE TABLE IF NOT EXISTS bench_users (id INT PRIMARY KEY, name TEXT NOT NULL)")
        await connection.execute(
            "INSERT INTO bench_users SELECT n, 'user ' || n FROM generate_series(0, 999) AS n ON CONFLICT DO NOTHING"
        )
        start = time.monotonic()
        for number in range(count):
            async with connection.cursor(row_factory=class_row(User)) as cursor:
                await cursor.execute("SELECT id, name FROM bench_users WHERE id = %s", (number % ROWS,))
                user = await cursor.fetchone()
            assert user.id == number % ROWS
        seconds = time.monotonic() - start
    print(json.dumps({"rate": count / seconds, "seconds": seconds, "cpuSeconds": time.process_time()}))


asyncio.run(main(int(sys.argv[2])))
