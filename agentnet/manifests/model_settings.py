"""What a manifest asks of its model besides its name: how much to think, how freely to choose, and what a server has of
its own.
"""

import json
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_EXTRA_CHARACTERS = 8_000
"""Of `extra_body`, as JSON."""
OURS = frozenset(
    {
        "model",
        "messages",
        "input",
        "instructions",
        "tools",
        "stream",
        "stream_options",
        "response_format",
        "text",
        "tool_choice",
        "functions",
        "function_call",
        "n",
        "previous_response_id",
        "conversation",
    }
)
"""Fields of a request that the network fills itself."""

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Reasoning(BaseModel):
    """How a model that reasons does it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    effort: Effort | None = Field(default=None, description="How much it thinks; which of them there are, it decides.")
    summary: Literal["auto", "concise", "detailed"] | None = Field(
        default=None, description="Whether it tells of its thoughts; Responses API alone."
    )


class ModelOptions(BaseModel):
    """Sent with every turn of the specialist; what is unset is left to the model's server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reasoning: Reasoning | None = Field(default=None, description="Such as low, or {effort: low, summary: auto}.")
    temperature: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2, allow_inf_nan=False)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2, allow_inf_nan=False)
    seed: int | None = Field(default=None, strict=True, ge=-(2**63), le=2**63 - 1, description="For equal answers.")
    stop: list[str] | None = Field(default=None, min_length=1, max_length=16, description="Words that end an answer.")
    verbosity: Literal["low", "medium", "high"] | None = None
    parallel_tool_calls: bool | None = Field(default=None, description="Whether it may call several tools at once.")
    extra_body: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        description="Fields of the request that its server has of its own, such as top_k or chat_template_kwargs.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short_ways(cls, given: Any) -> Any:
        """`reasoning: low`, and the name that Chat Completions have for it."""
        if not isinstance(given, dict):
            return given
        values = dict(given)
        if "reasoning_effort" in values and "reasoning" not in values:
            values["reasoning"] = values.pop("reasoning_effort")
        if isinstance(values.get("reasoning"), str):
            values["reasoning"] = {"effort": values["reasoning"]}
        return values

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        taken = sorted(OURS & self.extra_body.keys())
        if taken:
            raise ValueError(f"extra_body may not hold {', '.join(taken)}: the network fills it itself")
        named = sorted(type(self).model_fields.keys() & self.extra_body.keys())
        if named:
            raise ValueError(f"extra_body holds {', '.join(named)}, which is a setting beside it")
        try:
            size = len(json.dumps(self.extra_body, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"extra_body cannot be written as JSON: {error}") from None
        if size > MAX_EXTRA_CHARACTERS:
            raise ValueError(f"extra_body has {size} characters as JSON; the limit is {MAX_EXTRA_CHARACTERS}")
        return self
