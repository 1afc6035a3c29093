"""The time that a turn of a model may take, kept without a task for each of its events."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from agents import ModelTimeoutError


async def within(seconds: float | None, events: Any) -> AsyncGenerator[Any, None]:
    """The events of a model's stream. Raises `ModelTimeoutError` when the last has not come after so many seconds.

    The SDK does the same with a task that asks for each event and another that waits for it: three times the price of
    all else that it does with a word.
    """
    until = None if seconds is None else asyncio.get_running_loop().time() + seconds
    try:
        while (event := await _next(events, until, seconds)) is not None:
            yield event
    finally:
        if hasattr(events, "aclose"):  # a model need not stream by a generator
            await events.aclose()


async def _next(events: Any, until: float | None, seconds: float | None) -> Any:
    """The next event; None at the end."""
    limit = asyncio.timeout_at(until)
    try:
        async with limit:
            return await anext(events, None)
    except TimeoutError:
        if seconds is None or not limit.expired():  # one of the model's own
            raise
        raise ModelTimeoutError(seconds) from None
