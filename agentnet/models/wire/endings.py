"""Why an answer ended, in the words of every API, and what that makes of it."""

from agentnet.models.endpoints.failure import Kind, ModelError

STOP, LENGTH, FILTERED, CALLS = "stop", "length", "content_filter", "tool_calls"
REASONS = {
    STOP: ("stop", "end_turn", "stop_sequence", "eos", "eos_token", "end", "finished", "complete", "completed", "done"),
    LENGTH: (
        "length",
        "max_tokens",
        "model_length",
        "max_output_tokens",
        "max_completion_tokens",
        "token_limit",
        "truncated",
    ),
    FILTERED: (
        "content_filter",
        "safety",
        "recitation",
        "prohibited_content",
        "blocklist",
        "spii",
        "content_filtered",
        "sensitive",
        "language",
        "image_safety",
        "guardrail_intervened",
        "refusal",
    ),
    CALLS: ("tool_calls", "tool_call", "tool_use", "function_call", "function_calls"),
}
FAILURES = {
    "error": (Kind.SERVER, "The model's server ended its answer with an error, without a word of why."),
    "insufficient_system_resource": (Kind.BUSY, "The model's server has no resources left for its answer."),
    "abort": (Kind.BROKEN, "The model's server broke its answer off."),
    "aborted": (Kind.BROKEN, "The model's server broke its answer off."),
    "cancelled": (Kind.BROKEN, "The model's server broke its answer off."),
    "malformed_function_call": (Kind.GARBLED, "The model called a tool in a form that its server cannot read."),
    "unexpected_tool_call": (Kind.GARBLED, "The model called a tool that its server does not know."),
    "network_error": (Kind.BROKEN, "The model's server lost the connection to its model."),
    "timeout": (Kind.SERVER, "The model's server ran out of time."),
}
_MEANT = {word: reason for reason, words in REASONS.items() for word in words}


def reason_of(value: object) -> str | None:
    """The reason that is meant; None for none so far. Raises `ModelError` for one that is a failure."""
    if not isinstance(value, str):
        return None
    word = value.strip().lower().removeprefix("finish_reason_")
    if word in FAILURES:
        raise ModelError(*FAILURES[word])
    if word in ("", "null", "none"):
        return None
    return _MEANT.get(word, STOP)


def check_said(reason: str | None, *, thought: bool) -> None:
    """Raises the `ModelError` of an answer in which nothing was said or called."""
    if reason == LENGTH:
        raise ModelError(
            Kind.LENGTH,
            "The model's answer was cut at its length before it said a word; what it thinks counts too.",
            hint="Raise limits.max_output_tokens of the agent, or its model's context.",
        )
    if reason == FILTERED:
        raise ModelError(Kind.FILTERED, "The model's answer was held back by a content filter of its provider.")
    if thought:
        raise ModelError(Kind.EMPTY, "The model thought, and then said nothing and called nothing.")
    raise ModelError(Kind.EMPTY, "The model said nothing and called nothing.")


def broken(said: bool) -> ModelError:
    """The error of a stream that ended before its answer did."""
    if said:
        return ModelError(Kind.BROKEN, "The model's answer broke off before its end.")
    return ModelError(Kind.BROKEN, "The model's server ended the connection before a word of its answer.")
