"""A server that was away: tasks do not wait for it anew, and it is looked for beside them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import Context

from mcp import types

AGAIN_SECONDS = 5.0
"""Between two looks for a server that is away."""
WAIT_SECONDS = 1.0
"""How long a task waits for such a look: a server that is back answers sooner."""

Tools = list[types.Tool]
Look = Callable[[], Awaitable[Tools | str]]


class Absence:
    """Of one server; `reason` is why its tools are not there. `on_end` is called when they are."""

    def __init__(self, reason: str, on_end: Callable[[], object]) -> None:
        self._reason = reason
        self._on_end = on_end
        self._again_at = time.monotonic() + AGAIN_SECONDS
        self._looking: asyncio.Task[Tools | str] | None = None

    async def over(self, look: Look) -> Tools | str:
        """The tools, if the server is back by now, else the reason. It is looked for once at a time."""
        if self._looking is None:
            if time.monotonic() < self._again_at:
                return self._reason
            self._looking = asyncio.create_task(
                self._look(look),
                name="look for a tool server",
                context=Context(),  # what it logs is about no task
            )
        looking = self._looking
        await asyncio.wait([looking], timeout=WAIT_SECONDS)
        return looking.result() if looking.done() and not looking.cancelled() else self._reason

    def end(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self, look: Look) -> Tools | str:
        try:
            found = await look()
        finally:
            self._looking = None
            self._again_at = time.monotonic() + AGAIN_SECONDS
        if isinstance(found, str):
            self._reason = found
        else:
            self._on_end()
        return found
