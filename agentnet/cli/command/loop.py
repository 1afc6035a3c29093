"""The event loop of a command: uvloop where there is one; the first signal asks it to stop, the second ends it."""

import asyncio
import atexit
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

from agentnet.cli.command.exits import Interrupted

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end. SIGINT or SIGTERM cancels it, so that it closes what it opened.

    Raises `Interrupted` when that is how it ended. A second signal ends the process at once.
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_supervised(main))


async def _supervised(main: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(main)
    received: list[int] = []

    def on_signal(number: int) -> None:
        if received:
            _end_at_once(128 + number)
        received.append(number)
        task.cancel()

    if sys.platform != "win32":
        # Windows has no signal handlers of an event loop; there Ctrl-C raises KeyboardInterrupt.
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            # Cancelled by us: any other cancellation is somebody else's, and an error.
            raise Interrupted from None
        raise


def _end_at_once(code: int) -> NoReturn:
    """Leave without waiting for anybody, but never without the embedded PostgreSQL: its wheel stops it at exit."""
    atexit._run_exitfuncs()
    # Not sys.exit: what is being closed, and hangs perhaps, would be waited for.
    os._exit(code)


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
