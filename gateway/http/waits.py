"""Calls in some seconds that nearly always are taken back: of all that wait equally long, the loop has one timer.

A timer of its own for each is set and taken back in vain, and a relayed call had four.
"""

import asyncio
from collections.abc import Callable

_lines: "dict[float, _Line]" = {}
"""By the seconds that is waited in them; those of the loop that asked last."""


class Wait:
    """One of them."""

    __slots__ = ("_call", "_is_over", "_line", "due")

    def __init__(self, line: "_Line", call: Callable[[], object], due: float) -> None:
        self._line = line
        self._call = call
        self._is_over = False
        self.due = due

    def cancel(self) -> None:
        """Take it back, if it is not over."""
        self._is_over = True
        self._line.waits.pop(self, None)

    def end(self) -> None:
        """It is due."""
        if not self._is_over:
            self._is_over = True
            self._call()


class _Line:
    """Those that wait equally long, and so are due in the order in which they began."""

    __slots__ = ("_seconds", "loop", "waits")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self.loop = loop
        self.waits: dict[Wait, None] = {}
        self._seconds = seconds
        loop.call_later(seconds, self._look)

    def _look(self) -> None:
        now = self.loop.time()
        while self.waits:
            wait = next(iter(self.waits))
            if wait.due > now:
                self.loop.call_at(wait.due, self._look)
                return
            del self.waits[wait]
            self.loop.call_soon(wait.end)  # one that fails takes nothing from the others
        if _lines.get(self._seconds) is self:
            del _lines[self._seconds]


def call_in(seconds: float, call: Callable[[], object]) -> Wait:
    """Call `call` in `seconds`, unless it is taken back before."""
    loop = asyncio.get_running_loop()
    line = _lines.get(seconds)
    if line is None or line.loop is not loop:
        line = _lines[seconds] = _Line(loop, seconds)
    wait = Wait(line, call, loop.time() + seconds)
    line.waits[wait] = None
    return wait
