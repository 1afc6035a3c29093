"""The end of a call's time: counted from its beginning, brought nearer by whoever knows more, put off by nothing.

The operator limits every call, a profile and a server their tools; the shortest holds.
"""

import asyncio
from dataclasses import dataclass
from types import TracebackType

from mcp_types.jsonrpc import REQUEST_TIMEOUT

from agentnet.upstreams.timeouts import Timeouts, seconds_for
from gateway.http.waits import Wait, call_in
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

    __slots__ = ("_begun", "_cancelling", "_limit", "_task", "_wait", "has_passed", "tool")

    def __init__(self, limit: TimeLimit) -> None:
        self.tool: str | None = None
        """The tool that is called, for the error."""
        self._limit = limit
        self.has_passed = False
        """Whether the block is ended because of it."""
        self._begun = 0.0
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._wait: Wait | asyncio.TimerHandle | None = None

    @property
    def seconds(self) -> float:
        """From beginning to end."""
        return self._limit.seconds

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
        if self._wait is not None and not self.has_passed:
            self._wait.cancel()
            # From the beginning of the call: progress, or a list that had to be asked for, prolongs nothing.
            self._wait = asyncio.get_running_loop().call_at(self._begun + limit.seconds, self._pass)

    async def __aenter__(self) -> None:
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        self._begun = asyncio.get_running_loop().time()
        self._wait = call_in(self._limit.seconds, self._pass)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wait, task, self._wait, self._task = self._wait, self._task, None, None
        assert wait is not None and task is not None
        wait.cancel()
        # As `asyncio.timeout` does: cancelled by somebody else too, the task has another reason to end, which holds.
        if self.has_passed and task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise self.error() from None

    def _pass(self) -> None:
        if self._task is not None:
            self.has_passed = True
            self._task.cancel()

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
