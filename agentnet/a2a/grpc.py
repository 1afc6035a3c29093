"""A2A over gRPC: the SDK's servicers for 1.0 and 0.3 on one port, behind the same credentials as HTTP.

There is no TLS here, as there is none on the HTTP ports: what stands in front of a service brings it.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import grpc
import grpc.aio
from a2a.compat.v0_3 import a2a_v0_3_pb2_grpc
from a2a.compat.v0_3 import types as v03
from a2a.compat.v0_3.extension_headers import LEGACY_HTTP_EXTENSION_HEADER
from a2a.compat.v0_3.grpc_handler import CompatGrpcHandler
from a2a.compat.v0_3.proto_utils import ToProto
from a2a.extensions.common import HTTP_EXTENSION_HEADER, get_requested_extensions
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers.grpc_handler import GrpcHandler, GrpcServerCallContextBuilder
from a2a.types import a2a_pb2_grpc
from a2a.utils.constants import PROTOCOL_VERSION_0_3, PROTOCOL_VERSION_1_0, VERSION_HEADER
from a2a.utils.errors import A2AError, VersionNotSupportedError
from a2a.utils.grpc_status import status_to_grpc
from google.protobuf.json_format import ParseDict
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from agentnet.a2a.errors import as_a2a, error_details, terms_of
from agentnet.a2a.files03 import given, user_agent
from agentnet.a2a.handler import DurableRequestHandler
from agentnet.a2a.parameters import call_context, spoken_version
from agentnet.a2a.protobuf_scan import BROKEN, check_protobuf
from agentnet.a2a.requests03 import Handler03, message_params, push_params
from agentnet.errors import AgentNetError, ConfigurationError
from agentnet.frame.authentication import Authenticate, credential_in
from agentnet.http.errors import CHALLENGE
from agentnet.identity import Principal
from agentnet.settings import Settings

GRACE_SECONDS = 2.0
IDLE_SECONDS = 75.0
"""As connections over HTTP."""
PORTS_TRIED = 100
MAX_STREAMS = 1000
"""Calls of one connection at once."""
PACKAGE_0_3 = "a2a.v1"
VERSIONS = {"lf.a2a.v1.A2AService": PROTOCOL_VERSION_1_0, f"{PACKAGE_0_3}.A2AService": PROTOCOL_VERSION_0_3}
"""The version that each service of the protocol's two definitions speaks."""

_caller: ContextVar[Principal] = ContextVar("caller")
_announced: ContextVar[tuple[tuple[str, str], ...]] = ContextVar("announced", default=())

Context = grpc.aio.ServicerContext[Any, Any]
Requests = AsyncIterator[bytes]
Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]]


class GrpcServer:
    """One agent's gRPC port. It is bound when made, so that the card can name it, and answers within `serving`."""

    def __init__(self, settings: Settings, authenticate: Authenticate) -> None:
        """Take the port of the settings, or the next one that is free. Raises `ConfigurationError`."""
        # With SO_REUSEPORT, gRPC's default, two agents of one process would share a port and get each other's calls.
        options = [
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", settings.max_body_bytes),
            ("grpc.max_metadata_size", settings.max_header_bytes),
            ("grpc.absolute_max_metadata_size", settings.max_header_bytes),
            ("grpc.max_concurrent_streams", MAX_STREAMS),
            ("grpc.server_handshake_timeout_ms", int(settings.header_seconds * 1000)),
            # A peer that is gone without a word is found: its streams end.
            ("grpc.keepalive_time_ms", int(settings.body_seconds * 1000)),
            # One with no call, or half the headers of one, is left: a client that comes again connects anew by itself.
            ("grpc.max_connection_idle_ms", int(IDLE_SECONDS * 1000)),
        ]
        self._server = grpc.aio.server(interceptors=[_Door(authenticate, settings.body_seconds)], options=options)
        port = _bound(self._server, settings.host, settings.grpc_port)
        self.address = f"{settings.reachable_host}:{port}"
        """Where it is reached: a bare `host:port`, as a card names it."""

    @asynccontextmanager
    async def serving(self, handler: DurableRequestHandler) -> AsyncIterator[None]:
        """Answer with `handler` for as long as the block runs."""
        own, older = _ContextBuilder(handler.activated), _OlderContextBuilder(handler.activated)
        a2a_pb2_grpc.add_A2AServiceServicer_to_server(_Handler(handler, own), self._server)
        a2a_v0_3_pb2_grpc.add_A2AServiceServicer_to_server(_CompatHandler(handler, older), self._server)
        await self._server.start()
        try:
            yield
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Take no more calls; those that run have a moment to end."""
        await self._server.stop(GRACE_SECONDS)


class _Door(grpc.aio.ServerInterceptor):
    """Admits a call with a principal and a version that its service speaks, or ends it."""

    def __init__(self, authenticate: Authenticate, seconds: float) -> None:
        self._authenticate = authenticate
        self._seconds = seconds

    async def intercept_service(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler:
        """What answers the call: the service, or a refusal."""
        metadata = _metadata(handler_call_details.invocation_metadata)
        try:
            _caller.set(
                await self._authenticate(credential_in(metadata.get("authorization"), metadata.get("x-api-key")))
            )
            _check_version(handler_call_details.method, metadata)
        except (AgentNetError, A2AError) as error:
            return _refusal(as_a2a(error))
        checked: grpc.RpcMethodHandler = _checked(await continuation(handler_call_details), self._seconds)
        return checked


class _ContextBuilder(GrpcServerCallContextBuilder):
    """Hands the caller that the door admitted to the request handler. `activated` tells a call's extensions."""

    told_in = HTTP_EXTENSION_HEADER.lower()

    def __init__(self, activated: Callable[[ServerCallContext], str]) -> None:
        self._activated = activated

    def build(self, context: Context) -> ServerCallContext:
        """The call context of a call, with its deadline."""
        metadata = _metadata(context.invocation_metadata())
        call = call_context(_caller.get(), metadata, context.time_remaining())
        if named := metadata.get(self.told_in):
            call.requested_extensions |= get_requested_extensions([named])
        if activated := self._activated(call):
            _announced.set(((self.told_in, activated),))
        return call


class _OlderContextBuilder(_ContextBuilder):
    """0.3 names extensions under a key of its own, too."""

    told_in = LEGACY_HTTP_EXTENSION_HEADER.lower()


class _Handler(GrpcHandler):
    async def abort_context(self, error: A2AError, context: Context) -> None:
        await _abort(as_a2a(error), context)


class _CompatHandler(CompatGrpcHandler):
    """The SDK's, but for what a client sends: reading that is no part of its own error handling."""

    def __init__(self, handler: DurableRequestHandler, builder: _ContextBuilder) -> None:
        super().__init__(handler, builder)
        self.handler03 = Handler03(handler)
        self._builder = builder

    async def abort_context(self, error: A2AError, context: Context) -> None:
        known = as_a2a(error)
        await _abort(
            type(known)(f"{type(known).__name__}: {known.message}", known.data), context
        )  # as 0.3 clients read it

    async def SendMessage(self, request: Any, context: Context) -> Any:  # noqa: N802 - the definition's name
        try:
            call = self._builder.build(context)
            return ToProto.task_or_message(await self.handler03.on_message_send(_sent(request, call), call))
        except A2AError as error:
            await self.abort_context(error, context)  # which raises

    async def SendStreamingMessage(self, request: Any, context: Context) -> AsyncIterator[Any]:  # noqa: N802 - as above
        try:
            call = self._builder.build(context)
            async for event in self.handler03.on_message_send_stream(_sent(request, call), call):
                yield ToProto.stream_response(event.result)
        except A2AError as error:
            await self.abort_context(error, context)

    async def CreateTaskPushNotificationConfig(self, request: Any, context: Context) -> Any:  # noqa: N802 - as above
        try:
            push_params(request)  # which gives the config its id
        except A2AError as error:
            await self.abort_context(error, context)
        return await super().CreateTaskPushNotificationConfig(request, context)


def _sent(request: Any, call: ServerCallContext) -> v03.SendMessageRequest:
    return v03.SendMessageRequest(id=0, params=message_params(request, user_agent(call.state)))


def _checked(handler: Any, seconds: float) -> Any:
    """`handler`, which builds no message before its bytes were looked over. gRPC's types name none of its parts.

    It takes a stream of requests, of which there is one: gRPC itself waits for a single one without an end.
    """
    if handler is None:  # a method that there is none of
        return None
    parse = handler.request_deserializer
    descriptor = parse.__self__.DESCRIPTOR
    older = descriptor.file.package == PACKAGE_0_3

    async def parsed(requests: Requests, context: Context) -> Any:
        body = await _received(requests, context, seconds)
        try:
            check_protobuf(body, descriptor)
            return parse(body)
        except AgentNetError as error:
            await _abort(as_a2a(error), context)
        except DecodeError:
            await _abort(as_a2a(BROKEN), context)

    def said(response: Any, context: Context) -> Any:
        return given(response, _metadata(context.invocation_metadata()).get("user-agent", "")) if older else response

    async def answer(requests: Requests, context: Context) -> Any:
        async with _refusing(context):
            response = await handler.unary_unary(await parsed(requests, context), context)
            await _announce(context)
            return said(response, context)

    async def stream(requests: Requests, context: Context) -> AsyncIterator[Any]:
        begun = False
        async with _refusing(context):
            async for event in handler.unary_stream(await parsed(requests, context), context):
                if not begun:
                    begun = True
                    await _announce(context)
                yield said(event, context)

    if handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(stream, response_serializer=handler.response_serializer)
    return grpc.stream_unary_rpc_method_handler(answer, response_serializer=handler.response_serializer)


@asynccontextmanager
async def _refusing(context: Context) -> AsyncIterator[None]:
    """Ends a call whose answer raised what nobody foresaw: gRPC itself would show the exception to the client."""
    try:
        yield
    except grpc.aio.AbortError:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary to clients
        await _abort(as_a2a(error), context)


async def _received(requests: Requests, context: Context, seconds: float) -> bytes:
    """The bytes of the one request of a call, which has so long to come."""
    try:
        async with asyncio.timeout(seconds):
            async for body in requests:
                return body
    except TimeoutError:
        late = f"The request did not come within {seconds:g} seconds."
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, late)
    await _abort(as_a2a(BROKEN), context)
    raise AssertionError  # an abort raises


async def _announce(context: Context) -> None:
    """Tell which of the extensions that a call asked for are at work (A2A 1.0 section 3.2.6)."""
    if announced := _announced.get():
        await context.send_initial_metadata(announced)


def _bound(server: grpc.aio.Server, host: str, port: int) -> int:
    for candidate in range(port, port + PORTS_TRIED):
        if not _is_free(host, candidate):  # asked first: gRPC writes a line to stderr for each that is not
            continue
        try:
            bound: int = server.add_insecure_port(f"[{host}]:{candidate}" if ":" in host else f"{host}:{candidate}")
        except RuntimeError:
            continue
        return bound
    raise ConfigurationError(f"No port from {port} on can be used for gRPC on {host}.", hint="Set AGENTNET_GRPC_PORT.")


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gRPC does: old connections are no hindrance
        try:
            tried.bind((host, port))
        except OSError:
            return False
        return True


def _metadata(pairs: Any) -> dict[str, str]:
    """Metadata as HTTP headers are given: lower-case names, values of one name joined by commas."""
    joined: dict[str, str] = {}
    for key, value in pairs or ():
        if isinstance(value, str):
            name = key.lower()
            joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _check_version(method: str, metadata: dict[str, str]) -> None:
    """Raises `VersionNotSupportedError` when the caller's version is not that of the service it calls."""
    version = spoken_version(metadata.get(VERSION_HEADER.lower(), ""))
    service = method.removeprefix("/").partition("/")[0]
    if VERSIONS.get(service, version) != version:
        raise VersionNotSupportedError(
            f"A2A version {version} is not supported by {service}, which speaks {VERSIONS[service]}.",
            {"supportedVersions": VERSIONS[service]},
        )


def _refusal(error: A2AError) -> grpc.RpcMethodHandler:
    async def refuse(_requests: Requests, context: Context) -> None:
        await _abort(error, context)

    handler: grpc.RpcMethodHandler = grpc.stream_unary_rpc_method_handler(refuse)  # which waits for no request
    return handler


async def _abort(error: A2AError, context: Context) -> None:
    """End a call with `error` as google.rpc.Status (A2A 1.0 section 10.6)."""
    code = grpc.StatusCode[terms_of(error).grpc_status]
    status = status_pb2.Status(code=code.value[0], message=error.message)
    for detail in error_details(error):
        ParseDict(detail, status.details.add())
    trailing = list(status_to_grpc(status).trailing_metadata)
    if code is grpc.StatusCode.UNAUTHENTICATED:
        trailing.append(("www-authenticate", CHALLENGE))
    context.set_trailing_metadata(tuple(trailing))
    try:
        await context.abort(code, error.message)
    except (grpc.aio.InternalError, grpc.aio.UsageError):
        # The call is over: its client left, or the transport refused what it sent. There is nobody to be told, and of
        # all that a servicer may raise gRPC logs only this without a trace.
        raise asyncio.CancelledError from None
