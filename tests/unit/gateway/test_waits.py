"""Calls in some seconds, on both event loops."""

import asyncio

import pytest

from gateway.http.waits import call_in
from tests.patience import PATIENCE_SECONDS

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": use}) for use in (False, True)]),
]


async def test_each_is_called_once_in_its_order() -> None:
    called: list[str] = []
    done = asyncio.Event()
    for name in ("a", "b", "c"):
        call_in(0.01, lambda name=name: called.append(name))  # type: ignore[misc]
    call_in(0.03, done.set)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await done.wait()
    assert called == ["a", "b", "c"]


async def test_one_that_is_taken_back_is_not_called_and_the_others_are() -> None:
    called: list[int] = []
    waits = [call_in(0.01, lambda number=number: called.append(number)) for number in range(6)]  # type: ignore[misc]
    for number in (0, 2, 3, 5, 5):
        waits[number].cancel()
    done = asyncio.Event()
    call_in(0.01, done.set)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await done.wait()
    assert called == [1, 4]
    waits[1].cancel()  # it is over: nothing happens


async def test_one_that_began_later_is_called_later() -> None:
    """The timer was set for one before, which was taken back."""
    loop, called = asyncio.get_running_loop(), asyncio.Event()
    call_in(0.05, lambda: None).cancel()
    await asyncio.sleep(0.03)
    began = loop.time()
    call_in(0.05, called.set)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await called.wait()
    assert loop.time() - began >= 0.045  # uvloop counts in milliseconds


async def test_one_that_fails_takes_nothing_from_those_behind_it() -> None:
    loop, failed, called = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    loop.set_exception_handler(lambda *_: failed.set())

    def fails() -> None:
        raise ValueError("on purpose")

    call_in(0.01, fails)
    call_in(0.01, called.set)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(failed.wait(), called.wait())
    loop.set_exception_handler(None)


async def test_waits_of_a_loop_go_on_after_there_were_none() -> None:
    for _ in range(3):
        called = asyncio.Event()
        call_in(0.01, called.set)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await called.wait()
        await asyncio.sleep(0.02)
