"""Failures that come where a piece of an answer is due, in every shape that endpoints have for them."""

from collections.abc import Mapping
from typing import Any

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.refusals import failure_said
from agentnet.models.endpoints.sentences import shortened

ERROR_WORDS = ("detail", "message", "errors", "msg", "error_msg")
LIVE = frozenset({"ping", "heartbeat", "keepalive", "keep-alive", "keep_alive", "status", "progress"})
"""Types of events that only say that there is life."""


def check_error(event: Mapping[str, Any]) -> None:
    """Raises the `ModelError` of an event or a body that tells of a failure."""
    choices = event.get("choices")
    error = event.get("error")
    if error or (error is not None and not choices and not event.get("usage")):
        raise failure_said(dict(event))
    if choices:
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("error"):
                raise failure_said(choice)
    elif event.get("type") == "error" or event.get("object") == "error" or _tells_of_one(event):
        raise failure_said(dict(event))


def _tells_of_one(event: Mapping[str, Any]) -> bool:
    """Whether an event that is no piece of an answer holds the words of a failure, as a message that is no object."""
    is_other = "choices" in event or event.get("usage") or str(event.get("type")) in LIVE
    has_words = any(event.get(name) for name in ERROR_WORDS)
    return has_words and not is_other and not isinstance(event.get("message"), Mapping)


def failure_in(value: object) -> ModelError:
    """The error of an event that is no object: a list with an error in it, or a text."""
    if isinstance(value, str) or (
        isinstance(value, list) and any(isinstance(each, dict) and each.get("error") for each in value)
    ):
        return failure_said(value)
    return ModelError(Kind.GARBLED, "The model's server sent something else where a piece of its answer was due.")


def failure_as_text(data: bytes) -> ModelError:
    """The error of an event that is no JSON: what a server says before it hangs up, or a piece that was cut off."""
    text = data.decode("utf-8", "replace").strip()
    if text.startswith(("{", "[")):
        return ModelError(
            Kind.BROKEN, f"The model's server sent a piece of its answer that is no JSON: {shortened(text[:120])}."
        )
    return failure_said(text)
