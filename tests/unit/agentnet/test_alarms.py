"""Alarms ring as the loop's own timers do, in their order and in the context that set them."""

import asyncio
from contextvars import ContextVar

import pytest

from agentnet.signals.alarms import FEW, Alarms, alarms_of
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio

SET_BY: ContextVar[str] = ContextVar("set_by", default="nobody")


async def test_they_ring_in_the_order_of_their_moments_and_not_when_taken_back() -> None:
    rang: list[int] = []
    done = asyncio.Event()
    alarms = Alarms(asyncio.get_running_loop())
    now = asyncio.get_running_loop().time()
    set_ = {number: alarms.at(now + number / 200, rang.append, number) for number in (4, 2, 5, 1, 3)}
    alarms.after(0.05, done.set)
    alarms.after(-1, rang.append, 0)
    for number in (1, 4):
        set_[number].cancel()
        set_[number].cancel()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await done.wait()
    assert rang == [0, 2, 3, 5]
    set_[2].cancel()  # it has rung
    assert len(alarms) == 0


async def test_each_rings_in_the_context_that_set_it() -> None:
    seen: list[str] = []
    done = asyncio.Event()
    alarms = Alarms(asyncio.get_running_loop())

    async def sets(name: str, seconds: float) -> None:
        SET_BY.set(name)
        alarms.after(seconds, lambda: seen.append(SET_BY.get()))

    for name, seconds in (("late", 0.01), ("early", 0.005)):
        await asyncio.create_task(sets(name, seconds))
    alarms.after(0.02, done.set)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await done.wait()
    assert seen == ["early", "late"]


async def test_what_one_raises_keeps_no_other_from_ringing() -> None:
    loop = asyncio.get_running_loop()
    told: list[object] = []
    loop.set_exception_handler(lambda _, what: told.append(what["exception"]))
    done = asyncio.Event()
    error = ValueError("one")

    def fails() -> None:
        raise error

    alarms = Alarms(loop)
    for call in (fails, done.set):
        alarms.after(0, call)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await done.wait()
    assert told == [error]


async def test_those_that_were_taken_back_are_forgotten() -> None:
    alarms = Alarms(asyncio.get_running_loop())
    kept = [alarms.after(600, str) for _ in range(10)]
    for _ in range(10_000):
        alarms.after(600, str).cancel()
    assert len(alarms) <= len(kept) + 2 * FEW


def test_each_loop_has_its_own() -> None:
    async def set_one() -> tuple[Alarms, asyncio.AbstractEventLoop]:
        loop = asyncio.get_running_loop()
        alarms_of(loop).after(0, str)
        await asyncio.sleep(0.005)
        return alarms_of(loop), loop

    for _ in range(3):
        alarms, loop = asyncio.run(set_one())
        assert alarms.loop is loop
        assert len(alarms) == 0
