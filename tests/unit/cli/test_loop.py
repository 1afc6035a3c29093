"""The event loop of a command ends with its main coroutine or a signal, and with nothing else."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from agentnet.cli.command import loop
from agentnet.cli.command.exits import Interrupted
from tests.patience import PATIENCE_SECONDS


async def exits() -> None:
    sys.exit(3)


async def interrupts() -> None:
    raise KeyboardInterrupt


def in_a_callback() -> None:
    asyncio.get_running_loop().call_soon(sys.exit, 3)


ATTEMPTS: dict[str, Callable[[], object]] = {
    "a task that exits": lambda: asyncio.ensure_future(exits()),
    "a task that interrupts": lambda: asyncio.ensure_future(interrupts()),
    "a callback that exits": in_a_callback,
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_code_that_tries_to_end_the_process_ends_its_own_task(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> str:
        kept = ATTEMPTS[name]()
        for _ in range(3):
            await asyncio.sleep(0)
        del kept
        return "went on"

    assert loop.run(main()) == "went on"
    assert "tried to end it" in caplog.text


def test_a_signal_still_stops_a_process_that_code_tried_to_end() -> None:
    async def main() -> None:
        kept = asyncio.ensure_future(exits())
        await asyncio.wait([kept])
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    with pytest.raises(Interrupted):
        loop.run(main())


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


async def minds_nothing() -> str:
    """As what closes whole, whatever happens meanwhile."""
    interrupt()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(PATIENCE_SECONDS)
    return "done"


async def leaves_a_task() -> str:
    async def ends_late() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            interrupt()
            await asyncio.sleep(0)

    kept.append(asyncio.ensure_future(ends_late()))
    await asyncio.sleep(0)
    return "done"


async def leaves_a_generator() -> str:
    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            interrupt()
            await asyncio.sleep(0)

    kept.append(generator := endless())
    await anext(generator)
    return "done"


async def leaves_a_thread() -> str:
    asyncio.get_running_loop().run_in_executor(None, interrupt)
    return "done"


async def is_done() -> str:
    interrupt()
    return "done"


kept: list[Any] = []
LATE: list[Callable[[], Coroutine[Any, Any, str]]] = [
    is_done,
    minds_nothing,
    leaves_a_task,
    leaves_a_generator,
    leaves_a_thread,
]


@pytest.mark.parametrize("main", LATE, ids=lambda main: main.__name__)
def test_a_signal_counts_until_all_is_closed_whatever_is_going_on(main: Callable[[], Coroutine[Any, Any, str]]) -> None:
    with pytest.raises((Interrupted, KeyboardInterrupt)):
        loop.run(main())


def test_the_main_coroutine_may_exit() -> None:
    with pytest.raises(SystemExit):
        loop.run(exits())


def test_code_that_does_not_end_does_not_keep_the_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def endless() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    def main(work: Callable[[], Coroutine[Any, Any, None]]) -> Coroutine[Any, Any, str]:
        async def begin() -> str:
            asyncio.get_running_loop().create_task(work(), name="endless")
            await asyncio.sleep(0)
            return "done"

        return begin()

    monkeypatch.setattr(loop, "END_SECONDS", 0.01)
    assert loop.run(main(endless)) == "done"
    assert "left running at the end of the process: endless" in caplog.text


def test_a_command_that_a_signal_came_before_is_not_told_of_as_never_awaited(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    async def main() -> None: ...

    monkeypatch.setattr("uvloop.new_event_loop", interrupted)
    with pytest.raises(KeyboardInterrupt):
        loop.run(main())
    gc.collect()
    assert [str(each.message) for each in recwarn] == []
