"""Calls of legacy clients on their way to servers of their own era that keep no events: a client that loses its
connection cancels nothing, and comes back for the answer with GET and `Last-Event-ID`, at any replica (2025-11-25,
transports: resumability and redelivery).

Nothing can hand a stream over to another task, so such a call goes on in the task of its request when the client has
left it. It ends with its replica, which the client is told: nobody knows whether it happened.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agentnet.errors import UnavailableError
from gateway.mcp.messages.errors import Document, McpError, said
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import request
from gateway.mcp.messages.session import Session
from gateway.mcp.resumption.event_ids import PRIMING_VERSION
from gateway.mcp.resumption.log import CallLog, ended
from gateway.mcp.resumption.logged_reply import MAX_LEFT, OPEN_SECONDS, STOP_SECONDS
from gateway.mcp.resumption.relayed_reply import RelayedReply
from gateway.mcp.sessions.cancellation import REQUEST_CANCELLED
from gateway.mcp.upstream.provider import UpstreamServer

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Call:
    """One call, in the task of the request that began it."""

    exchange: Exchange
    reply: RelayedReply
    task: "asyncio.Task[object]"
    is_ended: bool = False
    """Whether it is this process that ends it."""

    def end(self) -> None:
        """End it."""
        self.is_ended = True
        self.task.cancel()

    def error(self) -> McpError:
        """Why it is cancelled."""
        if self.exchange.is_cancelled:
            return McpError(REQUEST_CANCELLED, "The request was cancelled.")
        return self.exchange.deadline.error() if self.exchange.deadline.has_passed else ended()


class RelayedCalls:
    """Those of this process that their clients may come back to."""

    def __init__(self, log: CallLog) -> None:
        self._log = log
        self._calls: dict[str, Call] = {}
        self._works: set[asyncio.Task[None]] = set()
        log.listen(self._heard)

    async def relay(
        self, exchange: Exchange, session: Session, server: UpstreamServer, work: Callable[[], Awaitable[None]]
    ) -> None:
        """Have `work` relay the call of `exchange`, whose reply is another one from here on. Raises `AgentNetError`."""
        task, live = asyncio.current_task(), exchange.reply
        assert task is not None

        def describe() -> Document:
            return {"message": request(exchange.id, exchange.method, exchange.params), "server": server.name}

        reply = exchange.reply = RelayedReply(self._log, session.id, describe, live)
        call = Call(exchange, reply, task)
        reply.lost, reply.opened = call.end, lambda: self._calls.setdefault(reply.call, call)
        live.on_left = lambda: self._goes_on(call)
        timer = asyncio.get_running_loop().call_later(OPEN_SECONDS, self._open, call)
        try:
            await work()
            if not reply.is_complete:
                raise UnavailableError(f"The MCP server {server.name!r} ended its answer without a result.")
        except asyncio.CancelledError:
            await reply.end_with(call.error().document(exchange.id))
            if not call.is_ended:
                raise
            task.uncancel()
            raise ended() from None
        except Exception as error:
            await reply.end_with(said(error).document(exchange.id))
            raise
        finally:
            timer.cancel()
            reply.release()
            self._calls.pop(reply.call, None)
            exchange.reply, live.on_left = live, None  # no circle keeps the request's body until garbage is collected

    async def stop(self) -> None:
        """Let them end if they are quick."""
        tasks = [call.task for call in self._calls.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        for call in [*self._calls.values()]:
            call.end()

    def _open(self, call: Call) -> None:
        self._work(call.reply.open(primes=call.exchange.version >= PRIMING_VERSION))

    def _goes_on(self, call: Call) -> bool:
        """The client has left: whether it may come back, and not too many calls wait for that."""
        reply, principal = call.reply, call.exchange.principal
        reply.live = None
        if not reply.outlives_client:
            return False
        left = [one for one in self._calls.values() if one.reply.live is None and one.exchange.principal == principal]
        if len(left) > MAX_LEFT:
            logger.info("a relayed call is ended: its client left too many")
        return len(left) <= MAX_LEFT

    def _heard(self, identifier: str) -> None:
        """The client has come back, and is served elsewhere: what it had open here ends."""
        call = self._calls.get(identifier)
        if call is not None and call.reply.live is not None:
            live, call.reply.live = call.reply.live, None
            self._work(live.end_stream())

    def _work(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            try:
                await work
            except Exception:  # the boundary of a task that nobody awaits
                logger.exception("the stream of a relayed call")

        task = asyncio.create_task(run())
        self._works.add(task)
        task.add_done_callback(self._works.discard)
