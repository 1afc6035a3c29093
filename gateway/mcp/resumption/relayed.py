"""Calls of legacy clients on their way to servers of their own era that keep no events: a client that loses its
connection cancels nothing, and comes back for the answer with GET and `Last-Event-ID`, at any replica (2025-11-25,
transports: resumability and redelivery).

Nothing can hand a stream over to another task, so such a call goes on in the task of its request when the client has
left it. It ends with its replica, which the client is told: nobody knows whether it happened.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agentnet.errors import UnavailableError
from gateway.http.waits import call_in
from gateway.mcp.messages.errors import Document, McpError, cancelled
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import request
from gateway.mcp.messages.said import said
from gateway.mcp.messages.session import Session
from gateway.mcp.resumption.event_ids import PRIMING_VERSION
from gateway.mcp.resumption.keeper import OPEN_SECONDS, Keeper
from gateway.mcp.resumption.log import CallLog, ended
from gateway.mcp.sessions.running import RunningCall, RunningCalls, nothing
from gateway.mcp.upstream.server import UpstreamServer

logger = logging.getLogger(__name__)


class RelayedCalls:
    """Relays them."""

    def __init__(self, log: CallLog, running: RunningCalls) -> None:
        self._log = log
        self._running = running
        self._works: set[asyncio.Task[None]] = set()

    async def relay(
        self, exchange: Exchange, session: Session, server: UpstreamServer, work: Callable[[], Awaitable[None]]
    ) -> None:
        """Have `work` relay the call of `exchange`. Raises `AgentNetError`."""
        task = asyncio.current_task()
        assert task is not None

        def describe() -> Document:
            return {"message": request(exchange.id, exchange.method, exchange.params), "server": server.name}

        reply = exchange.reply
        call = RunningCall(exchange, session.id, task)
        keeper = reply.keeper = Keeper(self._log, self._running, call, describe)
        call.on_followed = lambda: self._followed(call)
        timer = call_in(OPEN_SECONDS, lambda: self._open(exchange, keeper))
        try:
            with self._running.serving(call):
                await work()
            if not keeper.is_complete:
                raise UnavailableError(f"The MCP server {server.name!r} ended its answer without a result.")
        except asyncio.CancelledError:
            await keeper.end_with(reason_of(call).document(exchange.id))
            if not call.is_ended:
                raise
            task.uncancel()
            raise ended() from None
        except Exception as error:
            await keeper.end_with(said(error).document(exchange.id))
            raise
        finally:
            timer.cancel()
            keeper.release()
            # No circle keeps the request's body until garbage is collected.
            reply.keeper, call.on_followed = None, nothing

    def _open(self, exchange: Exchange, keeper: Keeper) -> None:
        self._work(keeper.open(primes=exchange.version >= PRIMING_VERSION))

    def _followed(self, call: RunningCall) -> None:
        """The client has come back, and is served elsewhere: what it had open here ends."""
        if not call.exchange.reply.is_left:
            call.exchange.reply.leave()
            self._work(call.exchange.reply.end_stream())

    def _work(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            try:
                await work
            except Exception:  # the boundary of a task that nobody awaits
                logger.exception("the stream of a relayed call")

        task = asyncio.create_task(run())
        self._works.add(task)
        task.add_done_callback(self._works.discard)


def reason_of(call: RunningCall) -> McpError:
    """Why a call is cancelled."""
    if call.exchange.is_cancelled:
        return cancelled()
    return call.exchange.deadline.error() if call.exchange.deadline.has_passed else ended()
