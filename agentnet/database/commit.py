"""Group commit: what many tasks want written at one moment goes to the database in one statement."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Generic, TypeVar

from agentnet.errors import UnavailableError

Op = TypeVar("Op")
Result = TypeVar("Result")

MAX_BATCH = 256
"""Operations in one statement; more wait for the next."""
CONCURRENCY = 1
"""Statements under way at once. One: the longer a commit takes, the more of the next go out together."""


class GroupCommit(Generic[Op, Result]):
    """Collects operations while a statement is under way and writes them together when it is done.

    An operation alone waits for nothing. A failed batch is tried again one by one, so that a bad operation fails alone;
    where nothing answers, all of it fails at once.
    """

    def __init__(self, flush: Callable[[list[Op]], Awaitable[list[Result]]]) -> None:
        self._flush = flush
        self._waiting: list[tuple[Op, asyncio.Future[Result]]] = []
        self._flushing = 0
        self._running: set[asyncio.Task[None]] = set()
        self._latest = 0
        """How many operations the latest statement had."""

    async def submit(self, op: Op) -> Result:
        """Write `op` with whatever else is waiting. Raises what the database raised for it."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((op, future))
        if self._flushing < CONCURRENCY:
            self._flushing += 1
            # It begins a turn of the loop later: who is ready by then goes along. In a context of its own: it writes
            # for many tasks, and what it logs must not carry the ids of the one that came first.
            task = asyncio.create_task(self._run(), context=Context())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await future

    async def _run(self) -> None:
        try:
            await self._flush_all()
        finally:
            self._flushing -= 1  # in the same breath as the look that found nothing: who comes later starts anew

    async def _flush_all(self) -> None:
        while self._waiting:
            if self._latest > 1:
                await self._gathered()
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            self._latest = len(batch)
            try:
                results = await self._flush([op for op, _ in batch])
            except Exception as error:  # noqa: BLE001 - whatever it was, those who wait for it are told
                await self._one_by_one(batch, error)
                continue
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():  # cancelled where the client left; what it wrote stands all the same
                    future.set_result(result)

    async def _gathered(self) -> None:
        """Wait for as long as each turn of the loop brings company: who is busy anyway saves statements by that."""
        count = 0
        while count < len(self._waiting) < MAX_BATCH:
            count = len(self._waiting)
            await asyncio.sleep(0)

    async def _one_by_one(self, batch: list[tuple[Op, asyncio.Future[Result]]], error: Exception) -> None:
        alone = len(batch) == 1 or isinstance(error, UnavailableError)
        for op, future in batch:
            try:
                if alone:
                    raise error
                result = (await self._flush([op]))[0]
            except Exception as own:  # noqa: BLE001 - handed to the one who waits
                if not future.done():
                    future.set_exception(own)
            else:
                if not future.done():
                    future.set_result(result)
