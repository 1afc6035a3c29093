"""What a tool says of its own calls: whether one may be repeated, and whether it may destroy something."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_types import ToolAnnotations

if TYPE_CHECKING:  # tool servers ask for traits too, and have no use for the SDK
    from agents import FunctionTool


@dataclass(frozen=True, slots=True)
class Traits:
    """Of a specialist's own function tools nothing is known but what its manifest says."""

    repeatable: bool = True
    """Whether a call that was cut short may be made again without asking."""
    destructive: bool = False
    reads_only: bool = False
    """Whether a call changes nothing, so that nobody minds one of which nothing is known."""


def traits_of(annotations: ToolAnnotations | None) -> Traits:
    """The traits of an MCP tool; what it does not say is the worst (2026-07-28, ToolAnnotations: defaults)."""
    hints = annotations or ToolAnnotations()
    if hints.read_only_hint:
        return Traits(reads_only=True)
    destructive = hints.destructive_hint is not False
    return Traits(repeatable=bool(hints.idempotent_hint) and not destructive, destructive=destructive)


def mark(tool: "FunctionTool", traits: Traits) -> "FunctionTool":
    """Let `tool` carry its traits."""
    tool._agentnet_traits = traits  # type: ignore[attr-defined]
    return tool


def traits_in(tool: "FunctionTool") -> Traits:
    """What `mark` put there."""
    found: Traits = getattr(tool, "_agentnet_traits", Traits())
    return found
