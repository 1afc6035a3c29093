"""The event loop of a command: uvloop where there is one; the first signal asks it to stop, the second ends it."""

import asyncio
import atexit
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

from agentnet.cli.command.exits import Interrupted
from agentnet.cli.command.signals import SIGNALS, deaf

logger = logging.getLogger(__name__)

T = TypeVar("T")

END_SECONDS = 2.0
"""How long what still runs at the end may take to end."""
SHOW_CURSOR = "\x1b[?25h"


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end. SIGINT or SIGTERM cancels it, so that it closes what it opened.

    Raises `Interrupted` when one came, also when `main` was as good as done or did not mind it: how a command ends must
    not hang on what was just going on. A second signal ends the process at once. Only `main` itself may end it with
    SystemExit: asyncio stops the loop for that of any task or callback, also of code that users bring.
    """
    received: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            loop = runner.get_loop()
            try:
                result = _through(loop, loop.create_task(_supervised(main, received)))
            finally:
                _through(loop, loop.create_task(_end_the_rest()))
    finally:
        main.close()  # one that a signal came before never began
        # A loop leaves the system's own: the process would be gone amid what still has to be closed.
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:  # amid its last steps, or of what is closed behind it
        raise Interrupted
    return result


def _through(loop: asyncio.AbstractEventLoop, task: asyncio.Task[T]) -> T:
    while True:
        try:
            return loop.run_until_complete(task)
        except (SystemExit, KeyboardInterrupt) as error:
            if task.done() or (sys.platform == "win32" and isinstance(error, KeyboardInterrupt)):
                raise
            logger.error("code in this process tried to end it; it goes on", exc_info=error)


async def _end_the_rest() -> None:
    """Cancel what still runs, and wait for it, but not for code that does not end: the runner would, forever."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if not others:
        return
    _, endless = await asyncio.wait(others, timeout=END_SECONDS)
    for task in endless:
        logger.warning("left running at the end of the process: %s", task.get_name())
        asyncio._unregister_task(task)


async def _supervised(main: Coroutine[Any, Any, T], received: list[int]) -> T:
    task = asyncio.ensure_future(main)

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
    deaf()
    with suppress(OSError, ValueError):
        # A line that moves has hidden the cursor, and nobody else brings it back.
        sys.stderr.write(f"{SHOW_CURSOR if sys.stderr.isatty() else ''}Interrupted.\n")
        sys.stderr.flush()
    atexit._run_exitfuncs()
    # Not sys.exit: what is being closed, and hangs perhaps, would be waited for.
    os._exit(code)


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
