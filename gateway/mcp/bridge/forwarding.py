"""A request that only another replica of the gateway can serve, sent there as the same caller's."""

from agentnet.errors import UnavailableError
from agentnet.identity.tokens import Tokens
from gateway.http.transport import Outgoing, Transport
from gateway.mcp.messages.errors import McpError
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.upstream.http import passed_on
from gateway.mcp.upstream.relay import pass_on

FORWARDED = b"x-agentnet-forwarded"
AUDIENCE = "gateway"
GONE = -32000


class Forwarding:
    """`address` is this replica's own, as the others reach it."""

    def __init__(self, transport: Transport, tokens: Tokens, address: str) -> None:
        self.address = address
        self._transport = transport
        self._tokens = tokens

    async def forward(self, exchange: Exchange, address: str) -> None:
        """Have the replica at `address` answer. Raises `McpError` when it has gone."""
        # It came from a replica already: the one that is named has gone, and another answers at its address.
        if any(name == FORWARDED for name, _ in exchange.headers):
            raise _gone()
        token = self._tokens.mint(exchange.principal, AUDIENCE)
        headers = [*passed_on(exchange.headers), (b"authorization", f"Bearer {token}".encode()), (FORWARDED, b"1")]
        try:
            incoming = await self._transport.send(
                Outgoing("POST", f"{address}/mcp/{exchange.profile.name}", headers, exchange.body)
            )
        except UnavailableError:
            raise _gone() from None
        try:
            await pass_on(exchange.reply, incoming, "gateway")
        finally:
            await incoming.close()


def _gone() -> McpError:
    return McpError(GONE, "The gateway replica that held this call has gone; call again without requestState.")
