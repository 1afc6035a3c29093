"""A request's body on its way through: the beginning is at hand, the rest is passed on as it arrives."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.types import Receive

KEPT_BYTES = 64 * 1024
"""A body up to this size is read before it is sent on, so that it can be sent again to another instance."""
UNWATCHED_SECONDS = 0.05
"""For so long nobody looks whether the client is still there."""


class ClientGoneError(Exception):
    """The client left before its request was complete."""


class Body:
    """Make with `Body.begin`."""

    def __init__(self, receive: Receive, start: bytes, complete: bool) -> None:
        self._receive = receive
        self._read = asyncio.Event()
        self.start = start
        self.complete = complete
        """Whether `start` is all of it."""
        if complete:
            self._read.set()

    @classmethod
    async def begin(cls, receive: Receive) -> "Body":
        """Read what fits into `KEPT_BYTES`. Raises `ClientGoneError`."""
        parts: list[bytes] = []
        size = 0
        while size < KEPT_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if not message.get("more_body", False):
                return cls(receive, b"".join(parts), True)
        return cls(receive, b"".join(parts), False)

    @property
    def content(self) -> bytes | AsyncIterator[bytes]:
        """What to send on: bytes when all is there, else a stream that can be read once."""
        return self.start if self.complete else self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        yield self.start
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            more = message.get("more_body", False)
            yield message.get("body", b"")
        self._read.set()

    async def until_gone(self) -> None:
        """Returns when the client has left after its whole request was read."""
        # The body and the end come through the same receive: who waits for the end too early swallows a part of the
        # body.
        await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def run_until_gone(
    body: Body,
    work: Awaitable[None],
    goes_on: Callable[[], bool] = lambda: False,
    unwatched_seconds: float = UNWATCHED_SECONDS,
) -> None:
    """Await `work`, and cancel it when the client leaves, unless it `goes_on` without one.

    Runs in the caller's task, and looks after the client only when the work takes longer: a task for each request costs
    a tenth of a relayed call.
    """
    watch = _Watch(body, goes_on, unwatched_seconds)
    try:
        await work
    except asyncio.CancelledError:
        # More than one cancellation: the caller was cancelled too, and has to hear of it.
        if not watch.has_cancelled or watch.task.uncancel() > 0:
            raise
    finally:
        watch.end()


class _Watch:
    """Looks after the client of the current task."""

    __slots__ = ("_body", "_goes_on", "_is_over", "_timer", "_watcher", "has_cancelled", "task")

    def __init__(self, body: Body, goes_on: Callable[[], bool], unwatched_seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self.has_cancelled = False
        self._body = body
        self._goes_on = goes_on
        self._watcher: asyncio.Task[None] | None = None
        self._is_over = False
        self._timer = asyncio.get_running_loop().call_later(unwatched_seconds, self._begin)

    def end(self) -> None:
        """The work is done: nothing is cancelled any more."""
        self._is_over = True
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def _begin(self) -> None:
        self._watcher = asyncio.create_task(self._body.until_gone())
        self._watcher.add_done_callback(self._gone)

    def _gone(self, _: object) -> None:
        if not self._is_over and not self._goes_on():
            self.has_cancelled = True
            self.task.cancel()
