"""What a relayed call leaves in memory."""

import gc
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.types import Message

from agentnet.database import Database
from agentnet.identity import Principal
from agentnet.signals import LocalSignals
from gateway.mcp.messages.deadline import Deadline, TimeLimit
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.exchange import Answering, Exchange
from gateway.mcp.messages.profile import Profile
from gateway.mcp.messages.reply import Reply
from gateway.mcp.messages.session import Session
from gateway.mcp.resumption.log import CallLog
from gateway.mcp.resumption.relayed import RelayedCalls
from gateway.mcp.sessions.running import RunningCalls
from gateway.mcp.upstream.server import Source, UpstreamServer

pytestmark = pytest.mark.anyio

SERVER = UpstreamServer(
    name="alpha", urls=("http://alpha",), tenant="*", description="", document={}, source=cast(Source, None)
)


def calls_of_a_process() -> RelayedCalls:
    """Their log is not asked: they are over before."""
    running = RunningCalls(cast(Database, SimpleNamespace(pool=None)), LocalSignals())
    return RelayedCalls(cast(CallLog, None), running)


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def nowhere(_: Message) -> None: ...


class Watched(Exchange):
    """One that a weak reference may lead to."""


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("error", [None, McpError(-31999, "The disk is full.")])
async def test_a_call_that_is_over_is_gone_without_the_collector(error: McpError | None) -> None:
    calls = calls_of_a_process()
    left: list[weakref.ref[Any]] = []

    async def call() -> None:
        live = Reply(nowhere, may_stream=True)
        exchange = Watched(
            Era.LEGACY, "2025-11-25", 1, "tools/call", {}, Principal("t", "s"), Profile(name="p"), live,
            cast(Answering, None), Deadline(TimeLimit(9.0, "here")),
        )  # fmt: skip
        left.append(weakref.ref(exchange))

        async def work() -> None:
            await exchange.reply.finish_with(b'{"jsonrpc":"2.0","id":1,"result":{}}')
            if error is not None:
                raise error

        if error is None:
            await calls.relay(exchange, Session("s", "2025-11-25"), SERVER, work)
            return
        with pytest.raises(McpError, match="disk"):
            await calls.relay(exchange, Session("s", "2025-11-25"), SERVER, work)
        error.__traceback__ = None

    await call()
    assert [reference() for reference in left] == [None]
