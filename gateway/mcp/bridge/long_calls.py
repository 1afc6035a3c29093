"""Bridged calls of legacy clients: one that loses its connection cancels nothing, and comes back for the answer with
GET and `Last-Event-ID`, at any replica (2025-11-25, transports: resumability and redelivery).

A call that waits for the client when its replica goes is gone on with where the client comes back. One that is at the
server then has ended in the middle, which the client is told: nobody knows whether it happened.
"""

import asyncio
import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace

from mcp_types.jsonrpc import INTERNAL_ERROR

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import AgentNetError
from gateway.mcp.bridge.to_modern import Hold, Rounds
from gateway.mcp.messages.envelope import object_or_empty
from gateway.mcp.messages.errors import Document, McpError, said
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import request, result
from gateway.mcp.messages.session import Session
from gateway.mcp.resumption.event_ids import PRIMING_VERSION
from gateway.mcp.resumption.log import CallLog, Claim, ended
from gateway.mcp.resumption.logged_reply import MAX_LEFT, OPEN_SECONDS, STOP_SECONDS, LoggedReply
from gateway.mcp.sessions.cancellation import REQUEST_CANCELLED, Running
from gateway.mcp.sessions.client_requests import question_id
from gateway.mcp.upstream.provider import UpstreamServer

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Call:
    """One call, with the client coming and going."""

    id: str
    exchange: Exchange
    """With a reply of its own."""
    server: UpstreamServer
    params: Document
    reply: LoggedReply
    outcome: "asyncio.Future[Document]"
    moved: "asyncio.Future[None]"
    """The client is served elsewhere now."""
    waits: bool = False
    """Whether the client is to answer: then any replica can go on."""
    is_stopping: bool = False


class LastingCalls:
    """Those that this process drives."""

    def __init__(self, rounds: Rounds, log: CallLog, running: Running) -> None:
        self._rounds = rounds
        self._log = log
        self._running = running
        self._calls: dict[str, tuple[Call, asyncio.Task[None]]] = {}
        log.listen(self._heard)

    async def call(self, exchange: Exchange, server: UpstreamServer, params: Document) -> Document | None:
        """The result; None when the client is served elsewhere by now. Raises `AgentNetError`."""
        if exchange.session is None or not exchange.reply.may_stream:
            return await self._rounds.call(exchange, server, params)
        call = self._begin(exchange, exchange.session, server, params)
        try:
            return await self._attend(call)
        finally:
            call.reply.live = None
            if not call.outcome.done():
                self._left(call)

    def go_on(
        self, identifier: str, exchange: Exchange, session: Session, server: UpstreamServer, claim: Claim
    ) -> None:
        """Drive a call that was taken over, from where it waits for the client."""
        reply = LoggedReply(self._log, identifier, session.id, claim.request, None)
        reply.go_on(claim.last, frozenset((claim.waiting or {}).get("ids", ())))
        exchange.reply = reply
        call = Call(identifier, exchange, server, claim.request["params"], reply, *_futures())
        self._log.drive(identifier, self._start(call, claim.waiting).reply.lost)

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

    def _begin(self, exchange: Exchange, session: Session, server: UpstreamServer, params: Document) -> Call:
        message = request(exchange.id, exchange.method, exchange.params)
        kept = {"message": message, "server": server.name, "params": params, "schema": exchange.schema}
        identifier = secrets.token_urlsafe(16)
        reply = LoggedReply(self._log, identifier, session.id, kept, exchange.reply)
        return self._start(Call(identifier, replace(exchange, reply=reply), server, params, reply, *_futures()), None)

    def _start(self, call: Call, held: Document | None) -> Call:
        task = asyncio.create_task(self._run(call, held), name=f"mcp call {call.id}")
        self._calls[call.id] = (call, task)
        task.add_done_callback(lambda _: self._forget(call))
        call.reply.lost = task.cancel
        return call

    def _forget(self, call: Call) -> None:
        self._calls.pop(call.id, None)
        call.reply.release()

    async def _attend(self, call: Call) -> Document | None:
        """Wait with the client; from some time on it may leave and come back."""
        ends: set[asyncio.Future[Document] | asyncio.Future[None]] = {call.outcome, call.moved}
        await asyncio.wait(ends, timeout=OPEN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not call.outcome.done() and not call.moved.done():
            await call.reply.open(primes=call.exchange.version >= PRIMING_VERSION)
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        return call.outcome.result() if call.outcome.done() else None

    def _left(self, call: Call) -> None:
        """The client is not there any more; it may come back, unless too many calls wait for that."""
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
        value: Document = {}
        try:
            with self._running.call(exchange):
                async with exchange.deadline.anew():
                    value = await self._rounds.call(exchange, call.server, call.params, self._holder(call), held)
        except asyncio.CancelledError:
            if call.is_stopping and call.waits:
                await self._leave(call)
                return
            error = McpError(REQUEST_CANCELLED, "The request was cancelled.") if exchange.is_cancelled else ended()
        except AgentNetError as failure:
            error = failure
        except Exception as failure:  # the boundary of a task: whoever waits is told
            logger.exception("a bridged call of %s failed", call.server.name)
            error = failure
        try:
            await call.reply.end_with(said(error).document(exchange.id) if error else result(exchange.id, value))
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

    def _heard(self, identifier: str) -> None:
        if identifier in self._calls:
            call, _ = self._calls[identifier]
            call.reply.live = None
            if not call.moved.done():
                call.moved.set_result(None)


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
