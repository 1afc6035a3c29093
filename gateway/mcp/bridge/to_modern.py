"""A legacy client's call of a server that is modern only: its questions (MRTR) are asked on the stream, then it is
called again with the answers."""

import itertools
import secrets
from collections.abc import Awaitable, Callable

from mcp_types import (
    LOG_LEVEL_META_KEY,
)
from mcp_types.jsonrpc import INTERNAL_ERROR

from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Exchange, Question
from gateway.mcp.messages.hops import via_of
from gateway.mcp.messages.input_required import CAPABILITY_OF
from gateway.mcp.messages.jsonrpc import object_or_empty, request, write
from gateway.mcp.upstream.addressing import NAMED_BY, encoded, with_arguments
from gateway.mcp.upstream.client import JSON_OR_STREAM, envelope, modern_headers
from gateway.mcp.upstream.http import UpstreamHttp
from gateway.mcp.upstream.results import result_of
from gateway.mcp.upstream.server import UpstreamServer
from gateway.mcp.upstream.sieve import MAX_QUESTIONS, is_progress_of_another

MAX_ROUNDS = 16
"""Times that a server may ask in one call."""
MODERN_ONLY = frozenset({"resultType", "requestState", "inputRequests", "ttlMs", "cacheScope"})


Hold = Callable[[Document | None], Awaitable[None]]
"""Keeps what is needed to go on when the client has answered; None: nothing is asked any more."""


async def in_hand(_: Document | None) -> None:
    """Of a call that nobody else can go on with."""


class Rounds:
    """Drives a call to its end."""

    def __init__(self, http: UpstreamHttp) -> None:
        self._http = http
        self._ids = itertools.count(1)

    async def call(
        self,
        exchange: Exchange,
        server: UpstreamServer,
        params: Document,
        hold: Hold = in_hand,
        held: Document | None = None,
    ) -> Document:
        """The result; `held` is what another replica put on `hold` when the client was asked.

        Raises `McpError`, `UnavailableError`.
        """
        given: Document = {}
        for _ in range(MAX_ROUNDS):
            if held is None:
                result = await self._once(exchange, server, params | given)
                if result.get("resultType") != "input_required":
                    return {key: value for key, value in result.items() if key not in MODERN_ONLY}
                held = {"asked": secrets.token_urlsafe(12), "result": result}
                await hold(held)
            given = await self._given(exchange, server, held)
            held = None
            await hold(None)
        raise McpError(INTERNAL_ERROR, f"The MCP server {server.name!r} asked more than {MAX_ROUNDS} times.")

    async def _given(self, exchange: Exchange, server: UpstreamServer, held: Document) -> Document:
        """What the client answers, as parameters of the next round."""
        result = held["result"]
        given: Document = {
            "inputResponses": await exchange.ask(questions_in(result, server.name), {"asked": held["asked"]})
        }
        return given | ({"requestState": result["requestState"]} if "requestState" in result else {})

    async def _once(self, exchange: Exchange, server: UpstreamServer, params: Document) -> Document:
        # Each round is a request of its own, with another id (2026-07-28, MRTR).
        identifier = f"agentnet-{next(self._ids)}"
        named = NAMED_BY.get(exchange.method)
        message = request(identifier, exchange.method, params | {"_meta": exchange.meta | envelope_of(exchange)})
        name = encoded(str(params.get(named, ""))) if named else None
        headers = [*JSON_OR_STREAM, *modern_headers(exchange.method, name), *exchange.trace, *via_of(exchange.headers)]
        headers = with_arguments(headers, exchange.schema, params.get("arguments"))
        incoming, _ = await self._http.open(server, exchange.principal, "POST", headers, write(message))
        try:
            return await result_of(incoming, server.name, identifier, lambda told: pass_notification(exchange, told))
        finally:
            await incoming.close()


async def pass_notification(exchange: Exchange, message: Document) -> None:
    """Give the client a notification that the server sent before its result. Raises `NoiseError`."""
    exchange.reply.tell_nobody()
    if is_progress_of_another(message, exchange.progress_token):
        return
    await exchange.notify(message["method"], object_or_empty(message.get("params")))


def envelope_of(exchange: Exchange) -> Document:
    """What a modern request says of a legacy client."""
    said = envelope(exchange.capabilities, exchange.client_info)
    level = exchange.session.log_level if exchange.session else None
    return said | ({LOG_LEVEL_META_KEY: level} if level else {})


def questions_in(result: Document, server: str) -> dict[str, Question]:
    """The questions of an `input_required` result. Raises `McpError` for one of no known kind, and for too many."""
    requests = object_or_empty(result.get("inputRequests"))
    if len(requests) > MAX_QUESTIONS:
        raise McpError(INTERNAL_ERROR, f"The MCP server {server!r} asks more than {MAX_QUESTIONS} questions at once.")
    questions: dict[str, Question] = {}
    for key, asked in requests.items():
        method = object_or_empty(asked).get("method")
        if not isinstance(method, str) or method not in CAPABILITY_OF:
            raise McpError(INTERNAL_ERROR, f"The MCP server {server!r} asks something that is not known here.")
        questions[key] = Question(method, object_or_empty(asked.get("params")))
    return questions
