"""Bridged calls of legacy clients: one that loses its connection cancels nothing, and comes back for the answer with
GET and `Last-Event-ID`, at any replica (2025-11-25, transports: resumability and redelivery).

A call that waits for the client when its replica goes is gone on with where the client comes back. One that is at the
server then has ended in the middle, which the client is told: nobody knows whether it happened.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field

from mcp_types.jsonrpc import INTERNAL_ERROR
from starlette.types import Message

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import AgentNetError
from gateway.mcp.bridge.to_modern import Hold, Rounds
from gateway.mcp.messages.errors import Document, McpError, cancelled
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import object_or_empty, request, result
from gateway.mcp.messages.reply import Reply
from gateway.mcp.messages.said import said
from gateway.mcp.messages.session import Session
from gateway.mcp.resumption.event_ids import PRIMING_VERSION
from gateway.mcp.resumption.keeper import OPEN_SECONDS, Keeper
from gateway.mcp.resumption.log import CallLog, Claim, ended
from gateway.mcp.sessions.client_requests import question_id
from gateway.mcp.sessions.running import RunningCall, RunningCalls
from gateway.mcp.upstream.server import UpstreamServer

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class LongCall:
    """One call, with the client coming and going."""

    exchange: Exchange
    server: UpstreamServer
    kept: Document
    """What the log is to hold of it."""
    outcome: "asyncio.Future[Document]"
    moved: "asyncio.Future[None]"
    """The client is served elsewhere now."""
    running: RunningCall = field(init=False)
    keeper: Keeper = field(init=False)

    def follow(self) -> None:
        """The client is served elsewhere from now on."""
        self.exchange.reply.leave()
        if not self.moved.done():
            self.moved.set_result(None)


class LongCalls:
    """Drives them, each in a task of its own."""

    def __init__(self, rounds: Rounds, log: CallLog, running: RunningCalls) -> None:
        self._rounds = rounds
        self._log = log
        self._running = running

    async def call(self, exchange: Exchange, server: UpstreamServer, params: Document) -> Document | None:
        """The result; None when the client is served elsewhere by now. Raises `AgentNetError`."""
        if exchange.session is None or not exchange.reply.may_stream:
            return await self._rounds.call(exchange, server, params)
        message = request(exchange.id, exchange.method, exchange.params)
        kept = {"message": message, "server": server.name, "params": params, "schema": exchange.schema}
        call = self._start(exchange, exchange.session, server, kept)
        try:
            return await self._attend(call)
        finally:
            if call.outcome.done():
                exchange.reply.keeper = None
            elif not call.keeper.leave():
                call.running.task.cancel()

    def go_on(
        self, identifier: str, exchange: Exchange, session: Session, server: UpstreamServer, claim: Claim
    ) -> None:
        """Drive a call that was taken over, from where it waits for the client."""
        exchange.reply = Reply(_nowhere, may_stream=True)
        exchange.reply.leave()
        call = self._start(exchange, session, server, claim.request, claim.waiting)
        call.keeper.go_on(identifier, claim.last, frozenset((claim.waiting or {}).get("ids", ())))
        self._log.beat()

    def _start(
        self,
        exchange: Exchange,
        session: Session,
        server: UpstreamServer,
        kept: Document,
        held: Document | None = None,
    ) -> LongCall:
        call = LongCall(exchange, server, kept, *_futures())
        task = asyncio.create_task(self._run(call, held), name="mcp call")
        call.running = RunningCall(exchange, session.id, task, outlives_client=True, on_followed=call.follow)
        call.keeper = Keeper(self._log, self._running, call.running, lambda: kept, has_own_task=True)
        exchange.reply.keeper = call.keeper
        return call

    async def _attend(self, call: LongCall) -> Document | None:
        """Wait with the client; from some time on it may leave and come back."""
        ends: set[asyncio.Future[Document] | asyncio.Future[None]] = {call.outcome, call.moved}
        # Most calls are done by then: they cost no row.
        await asyncio.wait(ends, timeout=OPEN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not call.outcome.done() and not call.moved.done():
            await call.keeper.open(primes=call.exchange.version >= PRIMING_VERSION)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        return call.outcome.result() if call.outcome.done() else None

    async def _run(self, call: LongCall, held: Document | None) -> None:
        """Drive a call to its end, whether the client is there or not."""
        exchange, running = call.exchange, call.running
        error: Exception | None = None
        value: Document = {}
        try:
            with self._running.serving(running):
                async with exchange.deadline.anew():
                    value = await self._rounds.call(
                        exchange, call.server, call.kept["params"], self._holder(call), held
                    )
        except asyncio.CancelledError:
            if running.is_stopping and running.waits:
                await self._leave(call)
                return
            error = cancelled() if exchange.is_cancelled else ended()
        except AgentNetError as failure:
            error = failure
        except Exception as failure:  # the boundary of a task: whoever waits is told
            logger.exception("a bridged call of %s failed", call.server.name)
            error = failure
        try:
            await call.keeper.end_with(said(error).document(exchange.id) if error else result(exchange.id, value))
        finally:
            call.keeper.release()
            _settle(call.outcome, value, error)

    async def _leave(self, call: LongCall) -> None:
        with suppress(*DATABASE_AWAY):
            # Where that fails its lease runs out, and another replica takes it a little later.
            await self._log.leave(call.running.id)
        call.keeper.release()
        if not call.moved.done():
            call.moved.set_result(None)

    def _holder(self, call: LongCall) -> Hold:
        async def hold(held: Document | None) -> None:
            keeper = call.keeper
            if held is not None:
                await keeper.open(primes=False)
                held = held | {"ids": _ids(call.exchange, held)}
            if keeper.is_logged and not await keeper.hold(held):
                raise McpError(INTERNAL_ERROR, "The session has ended, or another replica goes on with the call.")
            call.running.waits = held is not None and keeper.is_logged

        return hold


def _ids(exchange: Exchange, held: Document) -> list[str]:
    """The ids of the questions that the client is asked."""
    if exchange.session is None:
        return []
    state = {"asked": held["asked"]}
    keys = object_or_empty(held["result"].get("inputRequests"))
    return [question_id(exchange, exchange.session, state, key) for key in keys]


def _futures() -> "tuple[asyncio.Future[Document], asyncio.Future[None]]":
    loop = asyncio.get_running_loop()
    return loop.create_future(), loop.create_future()


def _settle(outcome: "asyncio.Future[Document]", value: Document, error: Exception | None) -> None:
    if error is None:
        outcome.set_result(value)
        return
    outcome.set_exception(error)
    outcome.exception()  # asyncio would complain of an error that nobody saw when the client has left


async def _nowhere(_: Message) -> None:
    """The client of a call that was taken over hears of it through the requests that it makes."""
