"""Streams that clients hold open for as long as they like: they end when the process stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Endless:
    """The tasks that serve such streams."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_over = False

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """The current task serves one while the block runs; the block is left early when the process stops."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            yield
        except asyncio.CancelledError:
            # Another cancellation than that of `end`: whoever made it has to be obeyed.
            if not self._is_over or task.uncancel() > 0:
                raise
        finally:
            self._tasks.discard(task)

    def end(self) -> None:
        """End all."""
        self._is_over = True
        for task in self._tasks:
            task.cancel()
