"""What one try of a turn has said, whether it is an answer, and what has to be said of it where it is not."""

from collections.abc import Iterator
from typing import Any, NoReturn

from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseOutputText,
    ResponseTextDeltaEvent,
)

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.refusals import failure_said
from agentnet.models.failures import cut_short, filtered, refused
from agentnet.models.runaway import Runaway

DELTAS = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.reasoning_text.delta",
        "response.reasoning_summary_text.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
    }
)
COMPLETED, INCOMPLETE = "response.completed", "response.incomplete"
FAILURES = frozenset({"response.failed", "error", "response.error"})
ENDS = FAILURES | {COMPLETED, INCOMPLETE}
"""Events that are a stream's last."""
SILENT_ITEMS = frozenset({"message", "reasoning", "compaction"})
"""Items of an answer that do nothing; messages are looked into."""


class Heard:
    """One try. `max_tokens` is what the turn may write at most; `has_form` whether its answer must be JSON."""

    def __init__(self, max_tokens: int | None, *, has_form: bool = False) -> None:
        self._max_tokens = max_tokens
        self._has_form = has_form
        self._runaway = Runaway(max_tokens)
        self._items: list[Any] = []
        self.has_begun = False
        """Whether anything of an answer came."""

    @property
    def is_silent(self) -> bool:
        """Whether no word, thought or call came yet: some servers say at once that they begin."""
        return not (self._runaway.has_read or self._items)

    def take(self, kind: str, event: Any) -> None:
        """Note an event that is not the last. Raises `ModelError`."""
        self.has_begun = True
        if kind in DELTAS:
            self._runaway.feed(kind, event.delta)
        elif kind == "response.output_item.done":
            self._items.append(event.item)

    def end(self, kind: str, event: Any) -> Iterator[Any]:
        """The events with which the turn ends, the answer among them. Raises `ModelError` where it is none."""
        if kind in FAILURES:
            _fail(event)
        response: Response = event.response
        if not response.output and self._items:  # some servers send the items and leave the end empty
            response.output = self._items
        yield from self._checked(response)
        if kind == COMPLETED:
            yield event
        else:
            yield ResponseCompletedEvent(
                response=response, sequence_number=event.sequence_number, type="response.completed"
            )

    def _checked(self, response: Response) -> Iterator[Any]:
        messages = [item for item in response.output if isinstance(item, ResponseOutputMessage)]
        parts = [part for message in messages for part in message.content or ()]
        texts = [part for part in parts if isinstance(part, ResponseOutputText) and (part.text or "").strip()]
        acts = any(getattr(item, "type", "") not in SILENT_ITEMS for item in response.output)
        why = response.incomplete_details.reason if response.incomplete_details else None
        if why == "content_filter" and not acts:
            raise filtered()
        if not acts and not texts:
            _fail_without_words(parts, is_cut=why is not None, max_tokens=self._max_tokens)
        if why is not None and not acts:
            if self._has_form:
                raise cut_short(self._max_tokens)
            yield self._cut(texts[-1])

    def _cut(self, text: ResponseOutputText) -> ResponseTextDeltaEvent:
        """Say in the answer that it is cut: asked to go on, most servers begin another."""
        limit = "" if self._max_tokens is None else f", {self._max_tokens:,} tokens"
        note = f"\n\n(The answer is cut here: the model reached the length that it may write{limit}.)"
        text.text += note
        return ResponseTextDeltaEvent(
            content_index=0,
            delta=note,
            item_id="",
            logprobs=[],
            output_index=0,
            sequence_number=0,
            type="response.output_text.delta",
        )


def _fail(event: Any) -> NoReturn:
    error = getattr(getattr(event, "response", None), "error", None) or event
    said = {name: value for name in ("code", "message") if (value := getattr(error, name, None))}
    raise failure_said(said)


def _fail_without_words(parts: list[Any], *, is_cut: bool, max_tokens: int | None) -> NoReturn:
    refusals = [part.refusal for part in parts if isinstance(part, ResponseOutputRefusal) and part.refusal]
    if refusals:
        raise refused(" ".join(refusals))
    if is_cut:
        raise cut_short(max_tokens)
    raise ModelError(Kind.EMPTY, "The model said nothing: its answer holds neither words nor a call of a tool.")
