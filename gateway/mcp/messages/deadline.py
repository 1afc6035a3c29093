"""The end of a call's time: counted from its beginning, brought nearer by whoever knows more, put off by nothing.

The operator limits every call, a profile and a server their tools; the shortest holds.
"""

import asyncio
from dataclasses import dataclass
from types import TracebackType

from mcp_types.jsonrpc import REQUEST_TIMEOUT

from agentnet.upstreams.timeouts import Timeouts, seconds_for
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.profile import Profile

MAX_NAME_SHOWN = 100
CALL_SECONDS = "AGENTNET_MCP_CALL_SECONDS"
"""The setting that limits every call."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """So many seconds, and the setting that says so."""

    seconds: float
    where: str


class Deadline:
    """A block that may last so long. Raises `McpError` when it took longer."""

    __slots__ = ("_begun", "_limit", "_timer", "tool")

    def __init__(self, limit: TimeLimit) -> None:
        self.tool: str | None = None
        """The tool that is called, for the error."""
        self._limit = limit
        self._begun = 0.0
        self._timer: asyncio.Timeout | None = None

    @property
    def seconds(self) -> float:
        """From beginning to end."""
        return self._limit.seconds

    @property
    def has_passed(self) -> bool:
        """Whether the block is ended because of it."""
        return self._timer is not None and self._timer.expired()

    def anew(self) -> "Deadline":
        """For another block of the same call, counted from its own beginning."""
        other = Deadline(self._limit)
        other.tool = self.tool
        return other

    def tighten(self, limit: TimeLimit | None) -> None:
        """Take `limit` instead if it is shorter."""
        if limit is None or limit.seconds >= self._limit.seconds:
            return
        self._limit = limit
        # asyncio refuses to set one that has expired.
        if self._timer is not None and not self._timer.expired():
            # From the beginning of the call: progress, or a list that had to be asked for, prolongs nothing.
            self._timer.reschedule(self._begun + limit.seconds)

    async def __aenter__(self) -> None:
        self._begun = asyncio.get_running_loop().time()
        self._timer = asyncio.timeout_at(self._begun + self._limit.seconds)
        await self._timer.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._timer is not None
        try:
            await self._timer.__aexit__(kind, error, trace)
        except TimeoutError:
            raise self.error() from None

    def error(self) -> McpError:
        """What is told when the time is over."""
        limit = self._limit
        what = f"The tool {self.tool[:MAX_NAME_SHOWN]!r}" if self.tool is not None else "The call"
        detail: Document = {"seconds": limit.seconds, "setting": limit.where}
        if self.tool is not None:
            detail["tool"] = self.tool[:MAX_NAME_SHOWN]
        return McpError(
            REQUEST_TIMEOUT,
            f"{what} took longer than {limit.seconds:g} s, the limit that {limit.where} sets.",
            detail=detail,
        )


def profile_limit(profile: Profile, tool: str) -> TimeLimit | None:
    """What the profile says of a tool, by the name that the client sees."""
    seconds = seconds_for(tool, profile.tool_seconds) if profile.timeouts else None
    return TimeLimit(seconds, f"`timeouts` of the profile {profile.name!r}") if seconds is not None else None


def server_limit(name: str, limits: Timeouts, tool: str | None) -> TimeLimit | None:
    """What the declaration of the server `name` says of a tool, by its own name, or of any other call (None)."""
    seconds = seconds_for(tool, limits.tools) if limits.tools and tool is not None else None
    if seconds is not None:
        return TimeLimit(seconds, f"`timeouts` of the MCP server {name!r}")
    if limits.call_seconds is not None:
        return TimeLimit(limits.call_seconds, f"`call_seconds` of the MCP server {name!r}")
    return None
