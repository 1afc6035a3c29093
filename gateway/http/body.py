"""A request's body on its way through: the beginning is at hand, the rest is passed on as it arrives."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.types import Receive

from agentnet.http.presence import Presence

KEPT_BYTES = 64 * 1024
"""A body up to this size is read before it is sent on, so that it can be sent again to another instance."""
UNWATCHED_SECONDS = 0.05
"""For so long nobody looks whether the client is still there, where its connection does not tell."""


class ClientGoneError(Exception):
    """The client left before its request was complete."""


class Body:
    """Make with `Body.begin`."""

    def __init__(self, receive: Receive, start: bytes, complete: bool, presence: Presence | None = None) -> None:
        self._receive = receive
        self.start = start
        self.complete = complete
        """Whether `start` is all of it."""
        self.is_read = complete
        self.presence = presence
        """Tells when the client leaves; None: it has to be waited for."""
        self._has_read: asyncio.Event | None = None

    @classmethod
    async def begin(cls, receive: Receive, presence: Presence | None = None) -> "Body":
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
                return cls(receive, b"".join(parts), True, presence)
        return cls(receive, b"".join(parts), False, presence)

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
        self.is_read = True
        if self._has_read is not None:
            self._has_read.set()

    async def until_gone(self) -> None:
        """Returns when the client has left after its whole request was read."""
        # The body and the end come through the same receive: who waits for the end too early swallows a part of the
        # body.
        if not self.is_read:
            self._has_read = asyncio.Event()
            await self._has_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def run_until_gone(
    body: Body,
    work: Awaitable[None],
    goes_on: Callable[[], bool] = lambda: False,
    unwatched_seconds: float = UNWATCHED_SECONDS,
) -> None:
    """Await `work`, and cancel it when the client leaves, unless it `goes_on` without one.

    Runs in the caller's task. Where the connection does not tell that the client leaves, a second task looks after it,
    and only when the work takes longer: one for each request costs a tenth of a relayed call.
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
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._is_over = False
        if body.presence is None:
            self._timer = asyncio.get_running_loop().call_later(unwatched_seconds, self._begin)
            return
        body.presence.on_leaving = self._left
        if body.presence.is_gone:  # not now: a task that cancels itself is cancelled at its next wait, whatever that is
            asyncio.get_running_loop().call_soon(self._left)

    def end(self) -> None:
        """The work is done: nothing is cancelled any more."""
        self._is_over = True
        if self._body.presence is not None:
            self._body.presence.on_leaving = None
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def _begin(self) -> None:
        self._watcher = asyncio.create_task(self._body.until_gone())
        self._watcher.add_done_callback(lambda _: self._gone())

    def _left(self) -> None:
        if self._body.is_read:  # who reads it finds out, and says it
            self._gone()

    def _gone(self) -> None:
        if not self._is_over and not self._goes_on():
            self.has_cancelled = True
            self.task.cancel()
