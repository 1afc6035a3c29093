"""Waiting for signals: by key, with a look now and then."""

import asyncio

import pytest

from agentnet.signals import LocalSignals, Signal, Topic, Watch
from agentnet.testing.insides import waited_for
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

FOREVER = 10 * PATIENCE_SECONDS


async def test_a_signal_wakes_all_who_wait_for_its_key_and_nobody_else() -> None:
    signals = LocalSignals()
    watch = Watch(signals, Topic.MCP_CALL)
    with watch.on("a") as one, watch.on("a") as two, watch.on("b") as other:
        signals.publish(Signal(Topic.MCP_CALL, "a"))
        signals.publish(Signal(Topic.MCP_FOLLOWED, "b"))
        left = asyncio.create_task(other.wait(FOREVER))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(one.wait(FOREVER), two.wait(FOREVER))
        assert not left.done()
        left.cancel()


async def test_a_signal_that_comes_during_a_look_makes_the_next_one_begin_at_once() -> None:
    signals = LocalSignals()
    with Watch(signals, Topic.MCP_CALL).on("a") as wakeup:
        await wakeup.wait(0)
        signals.publish(Signal(Topic.MCP_CALL, "a"))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await wakeup.wait(FOREVER)


async def test_without_a_signal_a_look_is_due_all_the_same() -> None:
    with Watch(LocalSignals(), Topic.MCP_CALL).on("a") as wakeup:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await wakeup.wait(0.01)


async def test_nothing_is_left_of_those_who_waited_however_they_ended() -> None:
    watch = Watch(LocalSignals(), Topic.MCP_CALL)
    with pytest.raises(ValueError, match="gone"), watch.on("a"), watch.on("a"):
        raise ValueError("gone")
    assert not waited_for(watch)


async def test_a_listener_that_goes_while_it_is_called_takes_no_other_with_it() -> None:
    signals, heard = LocalSignals(), list[str]()

    def leave(key: str) -> None:
        heard.append(f"first {key}")
        unlisten()

    unlisten = signals.listen(Topic.TASK, leave)
    signals.listen(Topic.TASK, lambda key: heard.append(f"second {key}"))
    signals.publish(Signal(Topic.TASK, "a"))
    signals.publish(Signal(Topic.TASK, "b"))
    assert heard == ["first a", "second a", "second b"]
