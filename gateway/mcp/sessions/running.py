"""Calls of legacy sessions that run in this process: the one place that knows them, whoever drives them.

A client can cancel one through any replica. A cancellation is stored for the replica that serves the call, and a signal
tells of it; without the signal it is found a little later.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hashlib import sha256

from agentnet.database import Database
from agentnet.database.retry import DATABASE_AWAY
from agentnet.identity import Principal
from agentnet.signals import LOOK_SECONDS, Signal, Signals, Topic
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import RequestId, write
from gateway.mcp.messages.session import Session
from gateway.mcp.sessions import sql

logger = logging.getLogger(__name__)

KEPT_SECONDS = 60.0
"""How long a cancellation stays for the replica that serves the call."""
MAX_CANCELS = 256
"""Of one session that are kept."""
STOP_SECONDS = 3.0
"""How long calls that are at their server may go on when the process stops."""


Request = tuple[str, RequestId]
"""Session and id."""


def nothing() -> None:
    """Of a call that its client cannot come back to."""


@dataclass(slots=True, eq=False)
class RunningCall:
    """One that this process serves, in `task`."""

    exchange: Exchange
    session: str
    task: "asyncio.Task[object]"
    id: str = ""
    """In the log of calls, from when the client may come back to it."""
    outlives_client: bool = False
    """Whether it goes on without its client; when the process stops it may come to its end first."""
    waits: bool = False
    """Whether the client is to answer: then any replica can go on."""
    is_stopping: bool = False
    """Whether this process stops."""
    is_ended: bool = False
    """Whether it is this process that ends it."""
    on_followed: Callable[[], object] = nothing
    """Called when the client is served elsewhere from now on."""

    def cancel(self) -> None:
        """End it: its client wants no answer any more."""
        self.exchange.is_cancelled = True
        self.task.cancel()

    def end(self) -> None:
        """End it: it is another process's by now, or this one stops."""
        self.is_ended = True
        self.task.cancel()


class RunningCalls:
    """Knows the calls of this process; hears of cancellations, and of clients that came back, in all."""

    def __init__(self, database: Database, signals: Signals) -> None:
        self._pool = database.pool
        self._signals = signals
        self._calls: dict[Request, RunningCall] = {}
        self._logged: dict[str, RunningCall] = {}
        """Those that clients may come back to, by their ids."""
        self._looking: asyncio.Task[None] | None = None
        signals.listen(Topic.MCP_CANCELLED, self._cancelled)
        signals.listen(Topic.MCP_FOLLOWED, self._followed)

    def call(self, exchange: Exchange) -> AbstractContextManager[None]:
        """A block in which the current task serves `exchange`."""
        task = asyncio.current_task()
        if exchange.session is None or task is None:
            return nullcontext()
        return self.serving(RunningCall(exchange, exchange.session.id, task))

    def serving(self, call: RunningCall) -> AbstractContextManager[None]:
        """A block in which `call` runs. One that is resumed here, or has a task of its own, takes the place of the
        request that began it."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._keep_looking(), name="mcp cancellations")
        return _Serving(self._calls, call)

    def log(self, call: RunningCall, identifier: str) -> None:
        """The client may come back to the call, under this id."""
        call.id = identifier
        self._logged[identifier] = call

    def release(self, call: RunningCall) -> None:
        """The call is over here, as far as clients that come back are concerned."""
        if self._logged.get(call.id) is call:
            del self._logged[call.id]

    def logged(self) -> list[str]:
        """The ids of the calls that clients may come back to."""
        return [*self._logged]

    def serves(self, identifier: str) -> bool:
        """Whether a call in the log is this process's, though it may be late to say so."""
        return identifier in self._logged

    def lose(self, identifier: str) -> None:
        """A call in the log is another process's by now, or its session has ended."""
        call = self._logged.pop(identifier, None)
        if call is not None:
            call.end()

    def count_left(self, principal: Principal) -> int:
        """How many calls of a caller go on here without their client."""
        return sum(call.exchange.reply.is_left and call.exchange.principal == principal for call in self._outliving())

    async def cancel(self, session: Session, identifier: str | int) -> None:
        """The client cancels its request, wherever it runs."""
        key = _key(session.id, identifier)
        try:
            await self._pool.execute(sql.PUT_CANCEL, session.id, key, KEPT_SECONDS, MAX_CANCELS)
        except DATABASE_AWAY as error:
            logger.info("a cancellation is told by signal only: %r", error)
        self._signals.publish(Signal(Topic.MCP_CANCELLED, key))

    def follow(self, identifier: str) -> None:
        """Tell the process that serves the call that its client is served elsewhere from now on."""
        self._signals.publish(Signal(Topic.MCP_FOLLOWED, identifier))

    async def stop(self) -> None:
        """Give the calls that wait to the other replicas; let the others end if they are quick."""
        if self._looking is not None:
            self._looking.cancel()
        calls = self._outliving()
        for call in calls:
            call.is_stopping = True
        working = [call.task for call in calls if not call.waits]
        if working:
            await asyncio.wait(working, timeout=STOP_SECONDS)
        left = [call for call in calls if not call.task.done()]
        for call in left:
            call.end()
        if left:
            await asyncio.wait([call.task for call in left], timeout=STOP_SECONDS)

    def _outliving(self) -> set[RunningCall]:
        """The calls that go on without their clients. One that is resumed here stands under its id only."""
        return {call for call in (*self._calls.values(), *self._logged.values()) if call.outlives_client}

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._look()
            except DATABASE_AWAY as error:
                logger.info("cancellations are not looked for: %r", error)
            except Exception:  # the boundary of a task that nobody awaits
                logger.exception("cancellations are not looked for")

    async def _look(self) -> None:
        """Cancel what was cancelled since it came: a client may use the id of an ended call again."""
        if not self._calls:
            return
        sessions = list({call.session for call in self._calls.values()})
        asked = time.monotonic()  # an answer that comes late makes no call older than a cancellation before it
        cancels = await self._pool.fetch(sql.GET_CANCELS, sessions)
        calls = {_key(*request): call for request, call in self._calls.items()} if cancels else {}
        for row in cancels:
            call = calls.get(row["call"])
            if call is not None and asked - call.exchange.arrived > row["age"]:
                call.cancel()

    def _cancelled(self, key: str) -> None:
        # Seldom is a call cancelled: the keys of those that run are made when one is.
        session = key.partition(" ")[0]
        for request, call in [*self._calls.items()]:
            if call.session == session and _key(*request) == key:
                call.cancel()

    def _followed(self, identifier: str) -> None:
        call = self._logged.get(identifier)
        if call is not None:
            call.on_followed()


class _Serving:
    """No generator: two are made for each call of a session."""

    __slots__ = ("_call", "_calls", "_request")

    def __init__(self, calls: dict[Request, RunningCall], call: RunningCall) -> None:
        self._calls = calls
        self._call = call
        self._request = (call.session, call.exchange.id)

    def __enter__(self) -> None:
        self._calls[self._request] = self._call

    def __exit__(self, *_: object) -> None:
        if self._calls.get(self._request) is self._call:
            del self._calls[self._request]


def _key(session: str, identifier: RequestId) -> str:
    """Short whatever id the client made, for signals and indexes have limits; JSON keeps numbers and texts apart."""
    return f"{session} {sha256(write(identifier)).hexdigest()}"
