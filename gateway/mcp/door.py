"""The MCP door: an ASGI app for `/mcp` and `/mcp/{profile}`, both eras of the protocol at one address."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from mcp_types.jsonrpc import INVALID_REQUEST
from starlette.types import Receive, Scope, Send

from agentnet.errors import AgentNetError, TooLargeError
from agentnet.identity import Principal
from gateway.body import Body, ClientGoneError, run_until_gone
from gateway.limits import StreamLimit
from gateway.mcp.aggregate import Aggregate, stamped
from gateway.mcp.envelope import BATCH_VERSION, check_modern_notification
from gateway.mcp.errors import Document, McpError, said
from gateway.mcp.exchange import Era, Exchange, InputRequired
from gateway.mcp.inbound import Inbound, accepts, check_form, read_body
from gateway.mcp.profile import Profile
from gateway.mcp.profiles import Profiles
from gateway.mcp.provider import Provider, UpstreamServer
from gateway.mcp.reply import Reply
from gateway.mcp.retry import Retries
from gateway.mcp.upstreams import Upstreams
from gateway.mcp.wire import MAX_BATCH, is_notification, is_request, is_response, read, result

logger = logging.getLogger(__name__)

BROKEN_OFF = TooLargeError("The request body broke off, or is over the limit.")
NOT_ONE_MESSAGE = McpError(INVALID_REQUEST, "The body must be one JSON-RPC request or notification.", http=400)

METHODS: dict[Era, dict[str, bytes]] = {
    Era.MODERN: {"POST": b"POST"},
    Era.LEGACY: {"GET": b"GET", "POST": b"POST", "DELETE": b"DELETE"},
}

Providers = Callable[[Principal, Profile], Awaitable[list[Provider]]]
"""Everything that a caller sees under a profile."""


class Door:
    """Takes requests apart and puts answers together; what is answered is the relay's or the aggregate's."""

    def __init__(
        self, profiles: Profiles, upstreams: Upstreams, providers: Providers, retries: Retries, limit: StreamLimit
    ) -> None:
        self._profiles = profiles
        self._upstreams = upstreams
        self._providers = providers
        self._aggregate = Aggregate()
        self._retries = retries
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        headers, method = scope["headers"], scope["method"]
        reply = Reply(send, may_stream=accepts(headers, b"text/event-stream"))
        try:
            principal = self._profiles.principal_of(scope)
            profile = await self._profiles.of(principal, scope["path_params"].get("profile"))
            body = Body(receive, await read_body(receive) if method == "POST" else b"", True)
            inbound = Inbound(headers, body.start, principal, profile, reply)
            await run_until_gone(body, self._handle(method, inbound))
        except AgentNetError as error:
            await refuse(reply, error)
        except ClientGoneError:
            await refuse(reply, BROKEN_OFF)
        finally:
            reply.close()

    async def _handle(self, method: str, inbound: Inbound) -> None:
        if method not in METHODS[inbound.era]:
            await inbound.reply.whole(405, [(b"allow", b", ".join(METHODS[inbound.era].values()))], b"")
            return
        message = read_message(inbound) if method == "POST" else None
        server = await self._upstreams.straight(inbound)
        if server is not None:
            await self._relay(method, inbound, server, message)
        elif message is not None:
            await self._post(inbound, message)
        else:
            await inbound.reply.whole(405, [(b"allow", b"POST")], b"")

    async def _relay(self, method: str, inbound: Inbound, server: UpstreamServer, message: Any) -> None:
        """Pass everything to the one server of the profile."""
        identifier = message["id"] if is_request(message) else None
        try:
            with self._limit.stream(inbound.principal):
                if identifier is not None or method == "GET":
                    inbound.reply.keep_alive()
                await self._upstreams.relay.relay(method, inbound, server, message)
        except AgentNetError as error:
            if identifier is None:
                raise
            await finish_with(inbound.reply, inbound.era, identifier, error)

    async def _post(self, inbound: Inbound, message: Any) -> None:
        if is_request(message):
            await self._serve(inbound, message)
        else:
            if inbound.era is Era.MODERN:
                check_modern_notification(inbound.version)
            await inbound.reply.whole(202, [], b"")

    async def _serve(self, inbound: Inbound, message: Document) -> None:
        """Answer one request, whatever comes."""
        reply = inbound.reply
        try:
            exchange = await self._exchange(inbound, message)
            with self._limit.stream(inbound.principal):
                reply.keep_alive()
                answer = await self._answer(exchange)
        except AgentNetError as error:
            await finish_with(reply, inbound.era, message["id"], error)
        except Exception as error:  # the boundary to the client: nobody above could answer it
            logger.exception("mcp %s failed", message["method"])
            await finish_with(reply, inbound.era, message["id"], error)
        else:
            if answer is not None:
                await reply.finish(result(exchange.id, stamped(exchange, answer)))

    async def _exchange(self, inbound: Inbound, message: Document) -> Exchange:
        if inbound.era is Era.MODERN:
            return inbound.modern(message, self._retries)
        return inbound.legacy(message, self._retries, None)

    async def _answer(self, exchange: Exchange) -> Document | None:
        providers = await self._providers(exchange.principal, exchange.profile)
        try:
            return await self._aggregate.handle(exchange, providers)
        except InputRequired as required:
            return self._retries.close(exchange, required)


def read_message(inbound: Inbound) -> Any:
    """The message in the body, or the batch where the version has batches. Raises `McpError`."""
    check_form(inbound.headers)
    message = read(inbound.body)
    modern = inbound.era is Era.MODERN
    is_one = is_request(message) or (is_notification(message) and "id" not in message)
    if is_one or (not modern and (is_response(message) or is_batch(message, inbound.version))):
        return message
    raise NOT_ONE_MESSAGE


def is_batch(message: Any, version: str) -> bool:
    """Whether it is a batch in the one revision that has them."""
    if version != BATCH_VERSION or not isinstance(message, list) or not 0 < len(message) <= MAX_BATCH:
        return False
    return all(is_notification(one) or is_response(one) for one in message)


async def finish_with(reply: Reply, era: Era, identifier: str | int, error: Exception) -> None:
    """Answer a request with an error, in the way of its era."""
    told = said(error)
    status = told.status_code if era is Era.MODERN else told.http or 200
    await reply.finish(told.document(identifier), status)


async def refuse(reply: Reply, error: Exception) -> None:
    """Answer an HTTP request that holds no message that could be answered."""
    if not reply.is_done:
        told = said(error)
        await reply.finish(told.document(None), told.http or told.status_code)
