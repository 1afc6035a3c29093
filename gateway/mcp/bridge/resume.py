"""Clients of the legacy era that come back for a call, at any replica: its events are sent again, and an orphan is gone
on with. 2025-11-25, transports: resumability and redelivery.
"""

import logging

from mcp_types.jsonrpc import INVALID_PARAMS

from agentnet.errors import AgentNetError
from gateway.mcp.bridge.long_calls import LongCalls
from gateway.mcp.messages.deadline import Deadline, TimeLimit
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.exchange import Answering
from gateway.mcp.messages.inbound import Inbound
from gateway.mcp.messages.jsonrpc import RequestId
from gateway.mcp.messages.said import said
from gateway.mcp.messages.session import Session
from gateway.mcp.resumption.log import CallLog, ended, event_id, event_of
from gateway.mcp.sessions.running import RunningCalls
from gateway.mcp.upstream.servers import Servers

logger = logging.getLogger(__name__)


class Returning:
    """Serves GET requests that name an event of such a call."""

    def __init__(
        self, log: CallLog, running: RunningCalls, calls: LongCalls, servers: Servers, ceiling: TimeLimit
    ) -> None:
        self._log = log
        self._running = running
        self._calls = calls
        self._servers = servers
        self._ceiling = ceiling

    async def follow(self, inbound: Inbound, session: Session, answering: Answering, last: str) -> None:
        """Send what came behind the event `last`, and what comes, until the answer. Raises `McpError`."""
        named = event_of(last)
        standing = named and await self._log.standing(named[0], session.id)
        if named is None or standing is None:
            raise McpError(INVALID_PARAMS, "Last-Event-ID is not one of this session, or is too old.", http=400)
        identifier, number = named
        await inbound.reply.open_stream()
        self._running.follow(identifier)
        with self._log.news(identifier) as news:
            while standing is not None:
                number = await self._send(inbound, session, identifier, number)
                if standing.is_over:
                    return
                if standing.is_orphan and not self._running.serves(identifier):
                    await self._take_over(identifier, inbound, session, answering)
                else:
                    await news.wait()
                standing = await self._log.standing(identifier, session.id)

    async def answered(self, session: Session, question: RequestId) -> None:
        """The client answers a question of a relayed call: it is not asked again when it comes back."""
        await self._log.answered(session.id, question)

    async def _send(self, inbound: Inbound, session: Session, identifier: str, number: int) -> int:
        """Send the events after `number`, but for questions that have been answered; the last one's number."""
        while events := await self._log.events(identifier, number):
            # Looked for after the events: before, the call may not yet have waited for an answer to them.
            standing = await self._log.standing(identifier, session.id)
            open_ids = frozenset(((standing and standing.waiting) or {}).get("ids", ()))
            for number, body in events:
                if "method" not in body or "id" not in body or body["id"] in open_ids:
                    await inbound.reply.send_event(body, event_id(identifier, number))
        return number

    async def _take_over(self, identifier: str, inbound: Inbound, session: Session, answering: Answering) -> None:
        """Go on with a call whose replica has gone, if it waits for the client, or tell that it ended."""
        claim = await self._log.claim(identifier)
        if claim is None:
            return
        message = claim.request["message"]
        try:
            if claim.waiting is None or "asked" not in claim.waiting:  # it was at its server
                raise ended()
            server = await self._servers.get(inbound.principal, claim.request["server"])
        except AgentNetError as error:
            await self._log.end(identifier, claim.last + 1, said(error).document(message["id"]))
            return
        logger.info("a call of %s is gone on with: its replica has gone", server.name)
        exchange = inbound.legacy(message, answering, Deadline(self._ceiling), session)
        exchange.schema = claim.request["schema"]
        self._calls.go_on(identifier, exchange, session, server, claim)
