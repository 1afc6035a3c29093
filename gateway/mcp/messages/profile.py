"""A profile: which servers, tools and agents a client of `/mcp/{profile}` sees."""

from fnmatch import fnmatchcase
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from agentnet.upstreams.timeouts import Patterns, ToolSeconds, patterns_of

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
DEFAULT = "default"
MAX_NAMES = 500
ANONYMOUS = "anonymous"
"""Subject of a caller whom a profile admits without a key."""


class Profile(BaseModel):
    """None in a list of names means all; `[]` means none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default=DEFAULT, pattern=NAME_PATTERN)
    servers: list[str] | None = Field(default=None, max_length=MAX_NAMES)
    tools: list[str] | None = Field(default=None, max_length=MAX_NAMES)
    """Shell patterns of tools by the names that the client sees."""
    agents: list[str] | None = Field(default=None, max_length=MAX_NAMES)
    mode: Literal["auto", "list", "find"] = "auto"
    """`find` shows `find_tools` and `call_tool` in place of the tools; `auto` does so when there are many."""
    keys: list[str] = Field(default_factory=list[str], max_length=MAX_NAMES)
    """Ids of API keys that are bound to this profile and see no other."""
    anonymous: bool = False
    """Admit callers from this machine without a key. Only the operator's file of profiles can say so."""

    timeouts: ToolSeconds = Field(default_factory=dict[str, float])
    """How long tools may take, by the names that the client sees, or patterns of them."""

    @cached_property
    def tool_seconds(self) -> Patterns:
        """`timeouts`, to be looked up with every call."""
        return patterns_of(self.timeouts)

    @cached_property
    def is_straight(self) -> bool:
        """Whether it is one server and nothing else: then everything passes unchanged."""
        # A choice of tools, or finding them, needs lists that are read.
        return len(self.servers or []) == 1 and self.agents == [] and self.tools is None and self.mode != "find"

    def shows_server(self, name: str) -> bool:
        """Whether the MCP server `name` is in it."""
        return self.servers is None or name in self.servers

    def shows_agent(self, name: str) -> bool:
        """Whether the agent `name` is in it."""
        return self.agents is None or name in self.agents

    def shows_tool(self, name: str) -> bool:
        """Whether the tool that clients see as `name` is in it."""
        return self.tools is None or any(fnmatchcase(name, pattern) for pattern in self.tools)
