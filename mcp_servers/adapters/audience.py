"""Whom an adapted server's process or connection speaks to: the sessions that it serves, and their calls under way.

A request over standard input and output does not say which call it belongs to, so who is asked follows from who calls.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import anyio
import mcp_types as types
from mcp.client.session import ClientRequestContext, IncomingMessage
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from pydantic import BaseModel, ValidationError

from agentnet.mcp.connection import GATEWAY_CLIENT

ASK_SECONDS = 600.0
"""How long a host may take to answer."""
NOTIFY_SECONDS = 5.0
"""How long one session may hold up the news of the others."""
MAX_WATCHED = 1000
"""Resources that one session subscribes to."""

logger = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]
Answer = TypeVar("Answer", bound=BaseModel)


class Key(NamedTuple):
    """What has a process or connection of its own."""

    tenant: str
    session: str = ""
    """A session whose host can be asked; empty: shared by all others of the tenant."""


@dataclass(eq=False, slots=True)
class Host:
    """A session, and what the client at its other end can be asked."""

    connection: Connection
    key: Key
    watched: set[str] = field(default_factory=set[str])
    """Resources that it subscribed to."""

    @property
    def capabilities(self) -> types.ClientCapabilities:
        """What the client declared."""
        return self.connection.client_capabilities or types.ClientCapabilities()

    @property
    def is_pooled(self) -> bool:
        """Whether the gateway opened it for all hosts of a key."""
        params = self.connection.client_params
        return params is not None and params.client_info.name == GATEWAY_CLIENT


class Audience:
    """The sessions that share one process or connection. What it asks goes to the call that is under way."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.hosts: set[Host] = set()
        self.listing = asyncio.Lock()
        self.tools: list[types.Tool] = []
        self.tools_until = 0.0
        """When the list must be asked for again; `time.monotonic`."""
        self._calls: list[tuple[Host, Context]] = []

    @property
    def watched(self) -> set[str]:
        """The resources that some session subscribed to."""
        return set[str]().union(*(host.watched for host in self.hosts))

    @contextmanager
    def calling(self, host: Host, context: Context) -> Iterator[None]:
        """The call is under way for as long as the block runs."""
        call = (host, context)
        self._calls.append(call)
        try:
            yield
        finally:
            self._calls.remove(call)

    def callbacks(self) -> dict[str, Any]:
        """Arguments of `mcp.Client`: it declares what the host declared, for the one that has the process alone."""
        said = next((host.capabilities for host in self.hosts), None) if self.key.session else None
        options: dict[str, Any] = {"message_handler": self._heard}
        if said is not None and said.elicitation is not None:
            options["elicitation_callback"] = self._elicit
        if said is not None and said.sampling is not None:
            options |= {"sampling_callback": self._sample, "sampling_capabilities": said.sampling}
        if said is not None and said.roots is not None:
            options["list_roots_callback"] = self._list_roots
        return options

    async def _elicit(
        self, _: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult | types.ErrorData:
        return await self._ask(types.ElicitRequest(params=params), types.ElicitResult)

    async def _sample(
        self, _: ClientRequestContext, params: types.CreateMessageRequestParams
    ) -> types.CreateMessageResult | types.CreateMessageResultWithTools | types.ErrorData:
        request = types.CreateMessageRequest(params=params)
        if params.tools:
            return await self._ask(request, types.CreateMessageResultWithTools)
        return await self._ask(request, types.CreateMessageResult)

    async def _list_roots(self, _: ClientRequestContext) -> types.ListRootsResult | types.ErrorData:
        return await self._ask(types.ListRootsRequest(), types.ListRootsResult)

    async def _ask(self, request: types.ServerRequest, result: type[Answer]) -> Answer | types.ErrorData:
        """Ask on the stream of the call; what cannot be asked is an error that the server gets."""
        if not self._calls:
            return _refused("No call is under way: there is nobody to ask.")
        host, context = self._calls[-1]
        # All hosts of a key call through it: a question could come to the wrong person.
        if host.is_pooled and len(self._calls) > 1:
            return _refused("Several calls are under way: which host to ask cannot be told.")
        if _is_url(request) and not _opens_addresses(host.capabilities):
            return _refused("The host does not open addresses.")
        # On the stream of the call: its host is there, which a GET stream need not be.
        to = ServerMessageMetadata(related_request_id=context.request_id)
        try:
            return await context.session.send_request(request, result, ASK_SECONDS, to)
        except MCPError as error:
            return error.error
        except ValidationError:
            return types.ErrorData(code=types.INVALID_PARAMS, message="The host's answer is not well formed.")

    async def _heard(self, message: IncomingMessage) -> None:
        match message:
            case types.ToolListChangedNotification():
                self.tools_until = 0.0
                await self._tell(message)
            case types.PromptListChangedNotification() | types.ResourceListChangedNotification():
                await self._tell(message)
            case types.ElicitCompleteNotification():
                await self._tell(message)
            case types.ResourceUpdatedNotification(params=params):
                await self._tell(message, lambda host: params.uri in host.watched)
            case types.LoggingMessageNotification():
                await self._log(message)
            case Exception():
                logger.info("a message of an adapted server was dropped: %r", message)
            case _:
                pass  # progress has its own way

    async def _tell(self, message: types.ServerNotification, wanted: Callable[[Host], bool] = lambda _: True) -> None:
        data = message.model_dump(by_alias=True, mode="json", exclude_none=True)
        for host in [host for host in self.hosts if wanted(host)]:
            # One whose stream is full must not hold the others up.
            with anyio.move_on_after(NOTIFY_SECONDS):
                await host.connection.notify(data["method"], data.get("params"))

    async def _log(self, message: types.LoggingMessageNotification) -> None:
        """To the call that it can only be of: another's may hold what is not for this one's eyes."""
        if len({host for host, _ in self._calls}) != 1:
            return
        _, context = self._calls[-1]
        with anyio.move_on_after(NOTIFY_SECONDS):
            await context.session.send_notification(message, context.request_id)


def can_be_asked(capabilities: types.ClientCapabilities | None) -> bool:
    """Whether a server may ask something of a client with these capabilities."""
    said = capabilities or types.ClientCapabilities()
    return any(each is not None for each in (said.elicitation, said.sampling, said.roots))


def _is_url(request: types.ServerRequest) -> bool:
    return isinstance(request, types.ElicitRequest) and isinstance(request.params, types.ElicitRequestURLParams)


def _opens_addresses(capabilities: types.ClientCapabilities) -> bool:
    return capabilities.elicitation is not None and capabilities.elicitation.url is not None


def _refused(why: str) -> types.ErrorData:
    return types.ErrorData(code=types.INVALID_REQUEST, message=why)
