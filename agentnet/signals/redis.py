"""Signals over Redis pub/sub, for many processes: NOTIFY makes PostgreSQL tell every listener, Redis is made for it.

PostgreSQL stays as the way out: while Redis does not answer, signals go over LISTEN/NOTIFY, and listeners hear both.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from agentnet.signals.local import Listener, Signal, Topic
from agentnet.signals.postgres import BATCH_SECONDS, CHANNEL, RECONNECT_SECONDS, PostgresSignals, payloads

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 2.0


class RedisSignals:
    """Carries over Redis at `url` while it answers, else over `fallback`."""

    def __init__(self, url: str, origin: str, fallback: PostgresSignals) -> None:
        self._redis = Redis.from_url(url, socket_connect_timeout=TIMEOUT_SECONDS)
        self._origin = origin
        self._fallback = fallback
        self._outbox: dict[Signal, None] = {}
        self._ready = asyncio.Event()
        self._connected = False
        self._loops: list[asyncio.Task[None]] = []

    def publish(self, signal: Signal) -> None:
        """Call local listeners now, tell other processes within milliseconds."""
        if not self._connected:
            self._fallback.publish(signal)
            return
        self._fallback.tell_local(signal)
        self._outbox[signal] = None
        self._ready.set()

    def listen(self, topic: Topic, listener: Listener) -> Callable[[], None]:
        """Add a listener."""
        return self._fallback.listen(topic, listener)

    async def start(self) -> None:
        """Begin to carry; returns at once, a lost connection is made again."""
        await self._fallback.start()
        self._loops = [
            asyncio.create_task(self._receive(), name="signals from Redis"),
            asyncio.create_task(self._send(), name="signals to Redis"),
        ]

    async def close(self) -> None:
        """Stop."""
        for loop in self._loops:
            loop.cancel()
        for loop in self._loops:
            with suppress(asyncio.CancelledError):
                await loop
        with suppress(RedisError, OSError):
            await self._redis.aclose()
        await self._fallback.close()

    async def _receive(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(CHANNEL)
                    self._connected = True  # only who hears over Redis tells over Redis alone
                    async for message in pubsub.listen():
                        if message["type"] == "message":
                            self._fallback.received(message["data"])
            except (RedisError, OSError) as error:
                if self._connected:
                    logger.warning("Redis does not answer, signals go over PostgreSQL: %s", error)
            self._connected = False
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _send(self) -> None:
        while True:
            await self._ready.wait()
            await asyncio.sleep(BATCH_SECONDS)
            self._ready.clear()
            batch, self._outbox = self._outbox, {}
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):  # a Redis that stands still refuses nothing
                    for payload in payloads(self._origin, list(batch)):
                        await self._redis.publish(CHANNEL, payload)
            except (RedisError, OSError):
                self._connected = False  # what was told of the batch before may be told twice, which harms nobody
                for signal in batch:
                    self._fallback.tell_others(signal)
