"""Calls of legacy clients: one that loses its connection cancels nothing, and comes back for the answer with GET and
`Last-Event-ID`, at any replica (2025-11-25, transports: resumability and redelivery).

A bridged call that waits for the client when its replica goes is gone on with where the client comes back. One that is
at the server then has ended in the middle, which the client is told: nobody knows whether it happened.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from mcp_types.jsonrpc import INTERNAL_ERROR

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import AgentNetError, UnavailableError
from agentnet.signals import Signal
from gateway.mcp.call_log import FOLLOWED, LEASE_SECONDS, CallLog, Claim
from gateway.mcp.callbacks import question_id
from gateway.mcp.envelope import object_or_empty
from gateway.mcp.errors import Document, McpError, said
from gateway.mcp.event_ids import PRIMING_VERSION
from gateway.mcp.exchange import Exchange
from gateway.mcp.logged_reply import LoggedReply
from gateway.mcp.provider import UpstreamServer
from gateway.mcp.relayed_reply import RelayedReply
from gateway.mcp.rounds import Hold, Rounds
from gateway.mcp.running import REQUEST_CANCELLED, Running
from gateway.mcp.session import Session
from gateway.mcp.wire import request, result

logger = logging.getLogger(__name__)

OPEN_SECONDS = 0.5
"""A call that takes longer can be resumed from then on; quicker ones cost nothing."""
BEAT_SECONDS = LEASE_SECONDS / 3
STOP_SECONDS = 3.0
"""How long calls that are at their server may go on when the process stops."""
MAX_LEFT = 64
"""Calls of one key in one replica whose client is not there; more are ended."""


@dataclass(slots=True, eq=False)
class Call:
    """One call, with the client coming and going."""

    id: str
    exchange: Exchange
    """With a reply of its own."""
    server: UpstreamServer
    work: "Work"
    reply: LoggedReply
    outcome: "asyncio.Future[Document | None]"
    moved: "asyncio.Future[None]"
    """The client is served elsewhere now."""
    waits: bool = False
    """Whether the client is to answer: then any replica can go on."""
    is_stopping: bool = False


Work = Callable[[Call, Document | None], Awaitable[Document | None]]
"""Makes the call, from where it waited for the client if it did; its result, or None where that went out already."""


class LastingCalls:
    """Those that this process drives."""

    def __init__(self, rounds: Rounds, log: CallLog, running: Running) -> None:
        self._rounds = rounds
        self._log = log
        self._running = running
        self._calls: dict[str, tuple[Call, asyncio.Task[None]]] = {}
        self._beating: asyncio.Task[None] | None = None
        log.listen(self._heard)

    async def call(self, exchange: Exchange, server: UpstreamServer, params: Document) -> Document | None:
        """The result of a bridged call; None when the client is served elsewhere by now. Raises `AgentNetError`."""
        if exchange.session is None or not exchange.reply.may_stream:
            return await self._rounds.call(exchange, server, params)
        work = self._in_rounds(params)
        return await self._served(exchange, self._begin(exchange, exchange.session, server, params, LoggedReply, work))

    async def relay(
        self,
        exchange: Exchange,
        session: Session,
        server: UpstreamServer,
        params: Document,
        work: Callable[[Exchange], Awaitable[None]],
    ) -> None:
        """Have `work` relay a call into a reply that outlives the client's. Raises `AgentNetError`."""

        async def relayed(call: Call, _: Document | None) -> None:
            await work(call.exchange)
            if not call.reply.is_complete:
                raise UnavailableError(f"The MCP server {server.name!r} ended its answer without a result.")

        await self._served(exchange, self._begin(exchange, session, server, params, RelayedReply, relayed))

    def drives(self, identifier: str) -> bool:
        """Whether a call is this process's, though it may be late to say so."""
        return identifier in self._calls

    def go_on(
        self, identifier: str, exchange: Exchange, session: Session, server: UpstreamServer, claim: Claim
    ) -> None:
        """Drive a call that was taken over, from where it waits for the client."""
        reply = LoggedReply(self._log, identifier, session.id, claim.request, None)
        reply.go_on(claim.last, frozenset((claim.waiting or {}).get("ids", ())))
        exchange.reply = reply
        work = self._in_rounds(claim.request["params"])
        self._start(Call(identifier, exchange, server, work, reply, *_futures()), claim.waiting)

    async def stop(self) -> None:
        """Give the calls that wait to the other replicas; let the others end if they are quick."""
        calls = [call for call, _ in self._calls.values()]
        for call in calls:
            call.is_stopping = True
        tasks = [task for call, task in self._calls.values() if not call.waits]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        left = [task for _, task in self._calls.values()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if self._beating is not None:
            self._beating.cancel()

    def _in_rounds(self, params: Document) -> Work:
        return lambda call, held: self._rounds.call(call.exchange, call.server, params, self._holder(call), held)

    def _begin(
        self,
        exchange: Exchange,
        session: Session,
        server: UpstreamServer,
        params: Document,
        kind: type[LoggedReply],
        work: Work,
    ) -> Call:
        message = request(exchange.id, exchange.method, exchange.params)
        kept = {"message": message, "server": server.name, "params": params, "schema": exchange.schema}
        identifier = secrets.token_urlsafe(16)
        reply = kind(self._log, identifier, session.id, kept, exchange.reply)
        own = replace(exchange, reply=reply, deadline=exchange.deadline.anew())
        return self._start(Call(identifier, own, server, work, reply, *_futures()), None)

    def _start(self, call: Call, held: Document | None) -> Call:
        task = asyncio.create_task(self._run(call, held), name=f"mcp call {call.id}")
        self._calls[call.id] = (call, task)
        task.add_done_callback(lambda _: self._calls.pop(call.id, None))
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat())
        return call

    async def _served(self, exchange: Exchange, call: Call) -> Document | None:
        try:
            return await self._attend(call)
        finally:
            call.reply.live = None
            if not call.outcome.done() and not exchange.deadline.has_passed:  # then the call's own ends it
                self._left(call)

    async def _attend(self, call: Call) -> Document | None:
        """Wait with the client; from some time on it may leave and come back."""
        ends: set[asyncio.Future[Document | None] | asyncio.Future[None]] = {call.outcome, call.moved}
        await asyncio.wait(ends, timeout=OPEN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not call.outcome.done() and not call.moved.done():
            await call.reply.open(primes=call.exchange.version >= PRIMING_VERSION)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        return call.outcome.result() if call.outcome.done() else None

    def _left(self, call: Call) -> None:
        """The client is not there any more; it may come back, unless too many calls wait for that."""
        if call.id in self._calls and not call.reply.outlives_client:
            self._calls[call.id][1].cancel()
            return
        principal = call.exchange.principal
        left = [
            one for one, _ in self._calls.values() if one.reply.live is None and one.exchange.principal == principal
        ]
        if len(left) > MAX_LEFT and call.id in self._calls:
            logger.info("a call of %s is ended: its client left too many", call.server.name)
            self._calls[call.id][1].cancel()

    async def _run(self, call: Call, held: Document | None) -> None:
        """Drive a call to its end, whether the client is there or not."""
        exchange = call.exchange
        error: Exception | None = None
        value: Document | None = None
        try:
            with self._running.call(exchange):
                async with exchange.deadline:
                    value = await call.work(call, held)
        except asyncio.CancelledError:
            if call.is_stopping and call.waits:
                await self._leave(call)
                return
            error = McpError(REQUEST_CANCELLED, "The request was cancelled.") if exchange.is_cancelled else ended()
        except AgentNetError as failure:
            error = failure
        except Exception as failure:  # the boundary of a task: whoever waits is told
            logger.exception("a call of %s failed", call.server.name)
            error = failure
        try:
            if error is not None:
                await call.reply.end_with(said(error).document(exchange.id))
            elif value is not None:
                await call.reply.end_with(result(exchange.id, value))
        finally:
            _settle(call.outcome, value, error)

    async def _leave(self, call: Call) -> None:
        with suppress(*DATABASE_AWAY):
            await self._log.leave(call.id)
        if not call.moved.done():
            call.moved.set_result(None)

    def _holder(self, call: Call) -> Hold:
        async def hold(held: Document | None) -> None:
            if held is not None:
                await call.reply.open(primes=False)
                held = held | {"ids": _ids(call.exchange, held)}
            if call.reply.is_logged and not await self._log.hold(call.id, held):
                raise McpError(INTERNAL_ERROR, "The session has ended, or another replica goes on with the call.")
            call.waits = held is not None and call.reply.is_logged

        return hold

    async def _beat(self) -> None:
        """Say that this process is there; end calls whose session has ended, or that another replica took over."""
        while self._calls:
            await asyncio.sleep(BEAT_SECONDS)
            logged = [identifier for identifier, (call, _) in self._calls.items() if call.reply.is_logged]
            try:
                kept = await self._log.beat(logged) if logged else set[str]()
            except DATABASE_AWAY as error:
                logger.info("calls are not noted to be alive: %s", error)
                continue
            for identifier in set(logged) - kept:
                if identifier in self._calls:
                    self._calls[identifier][1].cancel()

    def _heard(self, signal: Signal) -> None:
        identifier = signal.id.removeprefix(FOLLOWED)
        if signal.topic == "mcp" and signal.id != identifier and identifier in self._calls:
            call, _ = self._calls[identifier]
            call.reply.live = None
            if not call.moved.done():
                call.moved.set_result(None)


def ended() -> McpError:
    """What became of a call whose replica has gone while it was at its server."""
    return McpError(
        INTERNAL_ERROR,
        "The gateway replica that made this call has gone in the middle of it, and the call may have had effects: "
        "look whether it had, and call again if it had not.",
    )


def _ids(exchange: Exchange, held: Document) -> list[str]:
    """The ids of the questions that the client is asked."""
    if exchange.session is None:
        return []
    state = {"asked": held["asked"]}
    keys = object_or_empty(held["result"].get("inputRequests"))
    return [question_id(exchange, exchange.session, state, key) for key in keys]


def _futures() -> "tuple[asyncio.Future[Document | None], asyncio.Future[None]]":
    loop = asyncio.get_running_loop()
    return loop.create_future(), loop.create_future()


def _settle(outcome: "asyncio.Future[Document | None]", value: Document | None, error: Exception | None) -> None:
    if error is None:
        outcome.set_result(value)
        return
    outcome.set_exception(error)
    outcome.exception()  # asyncio would complain of an error that nobody saw when the client has left
