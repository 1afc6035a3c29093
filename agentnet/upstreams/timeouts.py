"""How long calls of an MCP server may take: all of them, and some tools' by name or pattern."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

MAX_SECONDS = 86_400.0
MAX_PATTERNS = 100
KEPT_ANSWERS = 4096

Seconds = Annotated[float, Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)]
ToolSeconds = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=200)], Seconds], Field(max_length=MAX_PATTERNS)
]
"""Seconds by tools' names, or shell patterns of them."""
Patterns = tuple[tuple[str, float], ...]
"""The same, to be looked up with every call."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """What one server says of the time of its calls."""

    call_seconds: float | None = None
    """For all calls that no pattern names; None: it says nothing."""
    tools: Patterns = ()


UNLIMITED = Timeouts()


class Timed(BaseModel):
    """A declaration that may limit the time of calls."""

    model_config = ConfigDict(frozen=True)

    call_seconds: Seconds | None = None
    timeouts: ToolSeconds = Field(default_factory=dict[str, float])

    @property
    def limits(self) -> Timeouts:
        """As the gateway looks at them."""
        return Timeouts(self.call_seconds, patterns_of(self.timeouts))


def limits_of(declared: Timed) -> dict[str, Any]:
    """What a registry entry's document says of the time of calls; nothing where nothing is limited."""
    said = Timed.model_dump(declared, include={"call_seconds", "timeouts"}, exclude_defaults=True)
    return {"limits": said} if said else {}


def limits_in(document: Mapping[str, Any]) -> Timeouts:
    """What `limits_of` put into a document. Raises `ValidationError`."""
    return Timed.model_validate(document.get("limits", {})).limits


def patterns_of(timeouts: Mapping[str, float]) -> Patterns:
    """The longest pattern first: it says most about a tool."""
    return tuple(sorted(timeouts.items(), key=lambda item: (-len(item[0]), item[0])))


@lru_cache(KEPT_ANSWERS)
def seconds_for(tool: str, patterns: Patterns) -> float | None:
    """The seconds of the tool's own name, else of the longest pattern that fits it, else None."""
    exact = dict(patterns).get(tool)
    if exact is not None:
        return exact
    return next((seconds for pattern, seconds in patterns if fnmatchcase(tool, pattern)), None)
