"""One request of a client in one form for both eras of MCP, and the ways back to that client while it is served."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from mcp_types import LOG_LEVEL_META_KEY
from mcp_types.jsonrpc import INVALID_PARAMS, MISSING_REQUIRED_CLIENT_CAPABILITY

from agentnet.identity import Principal
from gateway.http.transport import Headers
from gateway.mcp.messages.deadline import Deadline
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import LEGACY_RESOURCE_NOT_FOUND, Document, McpError
from gateway.mcp.messages.jsonrpc import RequestId, event, notification, write
from gateway.mcp.messages.profile import Profile
from gateway.mcp.messages.reply import Reply
from gateway.mcp.messages.session import Session

READ_RESOURCE = "resources/read"


@dataclass(frozen=True, slots=True)
class Question:
    """What a server asks of the client: `elicitation/create`, `sampling/createMessage` or `roots/list`."""

    method: str
    params: Document


class InputRequired(Exception):  # noqa: N818 - no error: the modern way to ask
    """Ends a modern call with `questions`; the client calls again with the answers and the same `state`."""

    def __init__(self, questions: dict[str, Question], state: Document) -> None:
        super().__init__("the client is asked")
        self.questions = questions
        self.state = state


class Answering(Protocol):
    """How questions reach the client of one exchange; one implementation for each era."""

    async def ask(self, exchange: "Exchange", questions: dict[str, Question], state: Document) -> dict[str, Document]:
        """The client's answers by the questions' keys. Raises `InputRequired`, `McpError`."""
        ...

    def state(self, exchange: "Exchange") -> Document | None:
        """What was kept in `requestState` when the client was asked. Raises `McpError` when it does not hold."""
        ...


@dataclass(slots=True)
class Exchange:
    """A request, who asked, and where the answer goes. Valid until its handler returns."""

    era: Era
    version: str
    """Protocol version that the client speaks in this request."""
    id: RequestId
    method: str
    params: Document
    principal: Principal
    profile: Profile
    reply: Reply
    answering: Answering
    deadline: Deadline
    capabilities: Document = field(default_factory=dict[str, Any])
    """What the client declared that it can do."""
    client_info: Document = field(default_factory=dict[str, Any])
    headers: Headers = field(default_factory=list[tuple[bytes, bytes]])
    """The HTTP headers, names in lower case."""
    body: bytes = b""
    """The HTTP body, for relays."""
    session: Session | None = None
    """The legacy session, if the client has one."""
    trace: Headers = field(default_factory=list[tuple[bytes, bytes]])
    """`traceparent` of the client's trace, or nothing."""
    networks: list[str] = field(default_factory=list[str])
    """The networks of agents that the request came through; none for a client of this one."""
    arrived: float = 0.0
    """When its request came, by `time.monotonic`."""
    trusts_known: bool = False
    """Whether lists of some time ago will do to find the item."""
    schema: Any = None
    """`inputSchema` of the tool that is called, where a list told of it."""
    told: int = 0
    """The number of the last progress that the client had before its stream was cut off."""
    is_resumed: bool = False
    """Whether its client comes back to a request that it has sent before."""
    is_cancelled: bool = False
    """Whether the client cancelled: a legacy client that only left may come back for the answer."""

    @property
    def meta(self) -> Document:
        """The request's `_meta`."""
        meta = self.params.get("_meta")
        return meta if isinstance(meta, dict) else {}

    @property
    def progress_token(self) -> RequestId | None:
        """What progress is to be reported under; None where nobody wants it."""
        token = self.meta.get("progressToken")
        return token if isinstance(token, str | int) else None

    @property
    def log_level(self) -> str | None:
        """The least severe log message that a modern client wants with this request; None: none at all."""
        level = self.meta.get(LOG_LEVEL_META_KEY)
        return level if isinstance(level, str) else None

    def has_extension(self, name: str) -> bool:
        """Whether the client declared the extension, such as `io.modelcontextprotocol/tasks`."""
        extensions = self.capabilities.get("extensions")
        return isinstance(extensions, dict) and name in extensions

    def require_extension(self, name: str) -> None:
        """Raises `McpError` (-32021) unless the client declared the extension."""
        if not self.has_extension(name):
            detail: Document = {"requiredCapabilities": {"extensions": {name: {}}}}
            raise McpError(MISSING_REQUIRED_CLIENT_CAPABILITY, f"This needs the extension {name}.", detail=detail)

    def no_resource(self, uri: Any, kind: type[McpError] = McpError) -> McpError:
        """The error for a resource that is not there, in the code that the client's era has for it."""
        # -32002 until 2025-11-25, -32602 in 2026-07-28.
        code = LEGACY_RESOURCE_NOT_FOUND if self.era is Era.LEGACY else INVALID_PARAMS
        return kind(code, "There is no such resource here.", detail={"uri": uri})

    def code_in_era(self, code: int) -> int:
        """The code of a server's error, in the client's era: servers say that a resource is not there in either."""
        if self.method != READ_RESOURCE or code not in (LEGACY_RESOURCE_NOT_FOUND, INVALID_PARAMS):
            return code
        return self.no_resource(None).code

    async def notify(self, method: str, params: Document) -> None:
        """Pass a server's notification on, on the stream of this call."""
        if self.reply.may_stream:
            await self.reply.relay(event(write(notification(method, params))))

    async def progress(
        self,
        done: float,
        total: float | None = None,
        message: str | None = None,
        meta: Document | None = None,
        event_id: str | None = None,
    ) -> None:
        """Report progress if the client wants it. `done` must rise."""
        token = self.progress_token
        if token is None:
            return
        params: Document = {"progressToken": token, "progress": done}
        more = {"total": total, "message": message, "_meta": meta}
        params |= {key: value for key, value in more.items() if value is not None}
        await self.reply.send_event(notification("notifications/progress", params), event_id)

    async def ask(self, questions: dict[str, Question], state: Document) -> dict[str, Document]:
        """Ask the client, in its era's way; its answers (`ElicitResult` and its kind) by the questions' keys.

        Legacy: the answers come while the call waits. Modern: raises `InputRequired` on the way out, which must be let
        through, and answers when the client calls again; `state` (small, JSON, sealed for the client) then comes back
        from `state()`. Raises `McpError` when the client did not declare that it can answer.
        """
        return await self.answering.ask(self, questions, state)

    def state(self) -> Document | None:
        """The `state` of the question that this call answers, or None for a first call. Raises `McpError`."""
        return self.answering.state(self)
