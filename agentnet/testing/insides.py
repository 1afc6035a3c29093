"""What cannot be seen from outside and tests have to: who was heard of, what waits, how often the log was read.

The one place that looks into these parts for tests; it is not part of what `agentnet.testing` promises to others.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from agentnet.http.sse import Reader
from agentnet.signals import Signal, Watch
from agentnet.signals.postgres import PostgresSignals
from agentnet.signals.redis import RedisSignals
from agentnet.tasks.feeds import Feeds
from agentnet.tasks.log import LogEvent


def heard_of(signals: PostgresSignals) -> frozenset[str]:
    """The other processes that this one knows of: with none it tells nobody anything."""
    return frozenset(signals._others)


def unsent(signals: PostgresSignals) -> tuple[Signal, ...]:
    """What other processes are still to be told."""
    return tuple(signals._outbox)


def is_over_redis(signals: RedisSignals) -> bool:
    """Whether Redis carries, and not PostgreSQL in its place."""
    return signals._connected


def waited_for(watch: Watch) -> frozenset[str]:
    """The keys that somebody waits for."""
    return frozenset(watch._waiting)


@contextmanager
def reads_of_log(feeds: Feeds) -> Iterator[list[UUID]]:
    """The tasks whose log was read, one for each read, by feeds that are made while the block runs."""
    read_log, reads = feeds._read_log, list[UUID]()

    async def noted(task_id: UUID, after: int, limit: int) -> list[LogEvent]:
        reads.append(task_id)
        return await read_log(task_id, after, limit)

    feeds._read_log = noted
    try:
        yield reads
    finally:
        feeds._read_log = read_log


def keep_data_in(reader: Reader, lines: list[bytes]) -> None:
    """Have `reader` keep the data lines of the event that it reads in `lines`."""
    reader._data = lines
