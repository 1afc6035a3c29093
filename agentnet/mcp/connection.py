"""A connection to an MCP server that outlives calls: the SDK's client in an asyncio task of its own.

An MCP client must be closed where it was opened, and is of no use any more once its transport ended.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from contextvars import Context
from types import TracebackType
from typing import Any, Self

import mcp
from mcp.client._transport import ReadStream, TransportStreams
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCResponse
from pydantic import ValidationError

from agentnet.errors import AgentNetError, UnavailableError
from agentnet.mcp.usable import Usable

logger = logging.getLogger(__name__)

CONNECTION_CLOSED = -32000
CLOSED = "Connection closed"
CUT_OFF = "SSE stream "
"""How the SDK's client says that no answer will come: with a code that servers use for errors of their own."""
SESSION_GONE = (-32600, "Session not found", "Session terminated")
"""How the SDK's server and client say that a session ended."""
MAX_EVENT_BYTES = 32 * 1024 * 1024
"""Of one event, as much as passes the gateway; the SDK's client ends at 1 MiB."""
GATEWAY_CLIENT = "agentnet-gateway"
"""Name of the gateway where a session of its own at a server serves several hosts."""
CONNECT_SECONDS = 10.0
SETTLE_SECONDS = 0.2
"""Between an error and the end of the connection that it comes of."""
CLOSE_SECONDS = 8.0
"""Longer than a command is given to leave."""

LIST_SECONDS = 10.0
"""For all tools of a server, as long as the gateway waits for one answer."""
MAX_TOOLS = 2000
MAX_PAGES = 50

End = Callable[[], None]
Open = Callable[[End], AbstractAsyncContextManager[mcp.Client]]
"""Opens a client; calls what it is given when the transport ends."""


class McpConnection:
    """Connects at once. `label` is for logs and errors."""

    def __init__(self, label: str, open_client: Open, *, connect_seconds: float = CONNECT_SECONDS) -> None:
        self._label = label
        self._open = open_client
        self._connect_seconds = connect_seconds
        self._end = asyncio.Event()
        self._client: asyncio.Future[mcp.Client] = asyncio.get_running_loop().create_future()
        # Often made within a run, for all that come after it: what it logs is not about the first one's task.
        self._living = asyncio.create_task(self._live(), name=f"mcp {label}", context=Context())

    @property
    def broken(self) -> bool:
        """Whether it ended, or is about to."""
        return self._end.is_set() or self._living.done()

    async def has_ended(self) -> bool:
        """Whether it ended; an end that is on its way is waited for a moment."""
        if not self.broken:
            ending = asyncio.create_task(self._end.wait())
            await asyncio.wait([ending, self._living], timeout=SETTLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            ending.cancel()
        return self.broken

    async def client(self) -> mcp.Client:
        """The connected client. Raises `UnavailableError`."""
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await asyncio.shield(self._client)
        except TimeoutError:
            raise UnavailableError(f"{self._label} did not answer within {self._connect_seconds:g} s.") from None

    async def close(self) -> None:
        """End it."""
        self._end.set()
        if not self._client.done():
            self._living.cancel()
        await asyncio.wait([self._living], timeout=CLOSE_SECONDS)
        self._living.cancel()
        if self._client.done() and not self._client.cancelled():
            self._client.exception()

    async def _live(self) -> None:
        try:
            async with self._open(self._end.set) as client:
                trust_results(client)
                self._client.set_result(client)
                await self._end.wait()
        except Exception as error:  # noqa: BLE001 - told to whoever waits for the client, or it broke while in use
            if self._client.done():
                logger.info("the connection to %s broke: %r", self._label, error)
            else:
                self._client.set_exception(UnavailableError(f"{self._label} cannot be used: {_first(error)}."))
        finally:
            if not self._client.done():
                self._client.set_exception(UnavailableError(f"The connection to {self._label} was closed."))
            with suppress(asyncio.CancelledError):
                self._client.exception()


async def all_tools(client: mcp.Client) -> list[mcp.Tool]:
    """A server's tools, at most `MAX_TOOLS` on `MAX_PAGES` pages, each once. Raises `UnavailableError`, `MCPError`."""
    tools: dict[str, mcp.Tool] = {}
    cursors: list[str | None] = [None]
    try:
        async with asyncio.timeout(LIST_SECONDS):
            while len(cursors) <= MAX_PAGES and len(tools) < MAX_TOOLS:
                page = await client.list_tools(cursor=cursors[-1])
                for tool in page.tools:
                    tools.setdefault(tool.name, tool)
                # One that comes again leads in a circle.
                if not page.next_cursor or page.next_cursor in cursors:
                    break
                cursors.append(page.next_cursor)
    except TimeoutError:
        raise UnavailableError(f"The server did not list its tools within {LIST_SECONDS:g} s.") from None
    except ValidationError:
        raise UnavailableError("The server's list of tools is not well formed.") from None
    return [*tools.values()][:MAX_TOOLS]


def trust_results(client: mcp.Client) -> None:
    """Have the SDK's client take results as they are: it would hold them against their tools' schemas, which are
    others', with expressions that have no bound, in the event loop."""

    async def validate_tool_result(_name: str, _result: mcp.types.CallToolResult) -> None: ...

    vars(client.session)["validate_tool_result"] = validate_tool_result


def is_closed(error: mcp.MCPError) -> bool:
    """Whether an error says that the connection, or its session, ended before the answer came. A server may say the
    same of something else: one whose connection is not broken did."""
    code, *messages = SESSION_GONE
    if error.code == CONNECTION_CLOSED:
        return error.message == CLOSED or error.message.startswith(CUT_OFF)
    return error.code == code and error.message in messages


def _first(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    told = isinstance(error, AgentNetError | mcp.MCPError | OSError)
    return (str(error) if told else type(error).__name__).rstrip(".")


@asynccontextmanager
async def watched(
    transport: AbstractAsyncContextManager[TransportStreams], end: End, label: str
) -> AsyncIterator[TransportStreams]:
    """`transport`, with what the server called `label` sends made usable, and `end` called when its side ends."""
    async with transport as (read, write):
        yield _Watched(read, end, Usable(label)), write


class _Watched:
    """A read stream that tells of its end."""

    def __init__(self, inner: ReadStream[SessionMessage | Exception], end: End, usable: Usable) -> None:
        self._inner = inner
        self._end = end
        self._usable = usable

    @property
    def last_context(self) -> Any:
        """What the SDK looks for on its own streams."""
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        return self._mended(await self._inner.receive())

    async def aclose(self) -> None:
        await self._inner.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return self._mended(await self._inner.__anext__())
        except StopAsyncIteration:
            self._end()
            raise

    def _mended(self, message: SessionMessage | Exception) -> SessionMessage | Exception:
        if isinstance(message, SessionMessage) and isinstance(message.message, JSONRPCResponse):
            self._usable.mend(message.message.result)
        return message

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> bool | None:
        return await self._inner.__aexit__(exc_type, exc_val, exc_tb)
