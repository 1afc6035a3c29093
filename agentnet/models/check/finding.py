"""What a check of an endpoint tells: findings for people, figures for tables."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from agentnet.models.endpoints.failure import masked


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `todo` says what to do; where all is well, what could be better."""

    check: str
    ok: bool
    found: str
    todo: str = ""


async def told(findings: AsyncIterator[Finding], secrets: Iterable[str]) -> AsyncIterator[Finding]:
    """`findings` without `secrets`: some servers put the key that they refuse into their answer."""
    hidden = [*secrets]
    async for each in findings:
        yield replace(each, found=masked(each.found, hidden), todo=masked(each.todo, hidden))


class ToolCall(StrEnum):
    """What became of the call that the model was asked to make."""

    CALLED = "called"
    TEXT = "as text"
    """Written into the answer: the server has no parser for this model."""
    BROKEN = "broken"
    """Made, with arguments that are no JSON, or of another tool."""
    NOT_CALLED = "not called"
    REFUSED = "refused"
    """The server takes no tools, or not with this model."""


@dataclass(slots=True)
class Figures:
    """What was measured. None: not measured."""

    first_token_seconds: float | None = None
    tokens_per_second: float | None = None
    tool_call: ToolCall | None = None
    usage: bool | None = None
    context_tokens: int | None = None
    """What the server keeps of a prompt and its answer, as far as it is known."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What the places are called where the endpoint was set."""

    url: str = "OPENAI_BASE_URL"
    key: str = "OPENAI_API_KEY"
    model: str = "AGENTNET_MODEL"
    sets: str = "="
    """Between a name and its value: `=` of a variable, `: ` of a file."""

    def set_url(self, url: str) -> str:
        """The words that set it."""
        return f"Set {self.url}{self.sets}{url}"

    def set_model(self, name: str) -> str:
        """The words that set it."""
        return f"Set {self.model}{self.sets}{name}"
