"""Signals over LISTEN/NOTIFY, for several processes on one PostgreSQL.

Notifications are sent in batches on a connection of their own, after the commit that they tell of: NOTIFY inside a
transaction would make all such commits wait for one another. What no other process hears is not sent at all.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress

import asyncpg

from agentnet.signals.local import Listener, LocalSignals, Signal, Topic
from agentnet.signals.others import PRESENCE_SECONDS, Others

logger = logging.getLogger(__name__)

CHANNEL = "agentnet"
NOTIFY = "SELECT pg_notify($1, $2)"
BATCH_SECONDS = 0.002
HEARS = "hears"
"""In the place of a topic: what a process listens to. Releases before take it for a topic that they do not know."""
PAYLOAD_BYTES = 7000
"""PostgreSQL takes less than 8,000."""
RECONNECT_SECONDS = 0.5
TOPICS = {topic.value: topic for topic in Topic}
TIMEOUT_SECONDS = 5.0
"""How long one notification may take before its connection counts as lost."""


class PostgresSignals:
    """Local listeners are called at once, other processes are told by NOTIFY. `origin` names this process."""

    def __init__(self, url: str, origin: str) -> None:
        self._url = url
        self._origin = origin
        self._local = LocalSignals()
        self._outbox: dict[Signal, None] = {}  # in order, and each signal once: ten events of a task are one hint
        self._ready = asyncio.Event()
        self._others = Others()
        self._said: frozenset[Topic] = frozenset()
        """What the others were told that is heard here."""
        self._greet = False
        self._carrier: asyncio.Task[None] | None = None

    def publish(self, signal: Signal) -> None:
        """Call local listeners now, tell other processes within milliseconds."""
        self.tell_local(signal)
        self.tell_others(signal)

    def tell_local(self, signal: Signal) -> None:
        """Call the listeners of this process."""
        self._local.publish(signal)

    def tell_others(self, signal: Signal) -> None:
        """Tell other processes, soon, if any of them hears it."""
        if self._others.hear(signal.topic):
            self._outbox[signal] = None
            self._ready.set()

    def listen(self, topic: Topic, listener: Listener) -> Callable[[], None]:
        """Add a listener."""
        if topic not in self._said:
            self._introduce()
        return self._local.listen(topic, listener)

    async def start(self) -> None:
        """Begin to listen and to send; returns at once, a lost connection is made again."""
        self._carrier = asyncio.create_task(self._carry(), name="signals")

    async def close(self) -> None:
        """Stop."""
        if self._carrier:
            self._carrier.cancel()
            with suppress(asyncio.CancelledError):
                await self._carrier

    async def _carry(self) -> None:
        while True:
            try:
                await self._carry_over_one_connection()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                logger.warning("signals: connection lost, trying again: %s", error)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _carry_over_one_connection(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=10)  # not of a pool: LISTEN holds for one connection
        try:
            connection.add_termination_listener(lambda _: self._ready.set())
            await connection.add_listener(CHANNEL, self._notified)
            while not connection.is_closed():
                self._greet = False
                for payload in self._hello():
                    await connection.execute(NOTIFY, CHANNEL, payload, timeout=TIMEOUT_SECONDS)
                said = time.monotonic()
                while not self._greet and time.monotonic() < said + PRESENCE_SECONDS / 3 and not connection.is_closed():
                    await self._carry_batch(connection)
        finally:
            await connection.close(timeout=1)

    def _introduce(self) -> None:
        """Say soon that this process is there, and what it hears."""
        self._greet = True
        self._ready.set()

    def _hello(self) -> tuple[str, str]:
        """The first alone is understood by releases before."""
        self._said = self._local.topics
        return listed(self._origin, []), listed(
            self._origin, [json.dumps([HEARS, topic]) for topic in ("", *self._said)]
        )

    async def _carry_batch(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """What is there to tell within a while, in one batch."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PRESENCE_SECONDS / 3):
                await self._ready.wait()
        if self._outbox:
            await asyncio.sleep(BATCH_SECONDS)  # for company: NOTIFY makes commits that notify wait for one another
        self._ready.clear()
        batch, self._outbox = self._outbox, {}
        try:
            for payload in payloads(self._origin, list(batch)):
                await connection.execute(NOTIFY, CHANNEL, payload, timeout=TIMEOUT_SECONDS)
        except BaseException:
            self._outbox = batch | self._outbox  # over the next connection
            self._ready.set()
            raise

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self.received(str(payload))

    def received(self, payload: str | bytes) -> None:
        """Tell this process's listeners what another process sent."""
        origin, *pairs = json.loads(payload)
        if origin == self._origin:  # told here already; PostgreSQL notifies the sender too
            return
        hears = None
        if pairs and pairs[0][0] == HEARS:
            hears, pairs = frozenset(TOPICS[key] for _, key in pairs if key in TOPICS), []
        if self._others.seen(origin, hears) and not pairs:
            self._introduce()  # a newcomer does not know yet that it is not alone
        for name, key in pairs:
            topic = TOPICS.get(name)
            if topic is not None:  # another release of a rolling update may have more
                self._local.publish(Signal(topic, key))


def payloads(origin: str, signals: list[Signal]) -> list[str]:
    """The signals as JSON lists that each fit into a notification. One that fits into none is left out: it is a hint,
    and would keep all others back."""
    payloads: list[str] = []
    batch: list[str] = []
    size = 0
    for signal in signals:
        pair = json.dumps([signal.topic, signal.key])
        if len(pair) > PAYLOAD_BYTES:
            logger.warning("signals: one of %d bytes is too long to be told", len(pair))
            continue
        if size + len(pair) > PAYLOAD_BYTES:
            payloads.append(listed(origin, batch))
            batch, size = [], 0
        batch.append(pair)
        size += len(pair) + 1
    return [*payloads, listed(origin, batch)] if batch else payloads


def listed(origin: str, pairs: list[str]) -> str:
    """A JSON list of the sender and what is in JSON already."""
    return f"[{','.join([json.dumps(origin), *pairs])}]"
