"""Calls between a client of one era and a server that speaks only the other."""

from gateway.mcp.bridge.long_calls import LastingCalls
from gateway.mcp.bridge.to_legacy import Parking
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.upstream.server import UpstreamServer


class Bridge:
    """Chooses the direction."""

    def __init__(self, lasting: LastingCalls, parking: Parking) -> None:
        self._lasting = lasting
        self._parking = parking

    async def call(self, exchange: Exchange, server: UpstreamServer, params: Document) -> Document | None:
        """The result, or None when it went out already. Raises `AgentNetError`, `InputRequired`."""
        if exchange.era is Era.LEGACY:
            return await self._lasting.call(exchange, server, params)
        return await self._parking.call(exchange, server, params)
