"""Changes that several quirks are made of: of all calls of a turn, of what is said, and of the chunks of a stream."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from agentnet.testing.wire import ABSENT, Event, WireCall, WireTurn, present

CallEdit = Callable[[int, WireCall], Any]
Chunks = Callable[[list[Event]], Iterable[Event]]


def ids(value: CallEdit) -> Callable[[WireTurn], None]:
    """Each call gets the id that `value` says."""

    def edit(turn: WireTurn) -> None:
        for number, call in enumerate(turn.calls):
            call.id = value(number, call)

    return edit


def names(value: Callable[[str], Any]) -> Callable[[WireTurn], None]:
    """Each call gets the name that `value` makes of its own."""

    def edit(turn: WireTurn) -> None:
        for call in turn.calls:
            call.name = value(call.name)

    return edit


def arguments(value: Callable[[str], Any]) -> Callable[[WireTurn], None]:
    """Each call gets the arguments that `value` makes of its own: JSON in a string."""

    def edit(turn: WireTurn) -> None:
        for call in turn.calls:
            call.arguments = value(call.arguments)

    return edit


def words(value: Callable[[str], Any]) -> Callable[[WireTurn], None]:
    """The words of the turn become what `value` makes of them."""

    def edit(turn: WireTurn) -> None:
        turn.text = value(turn.text)

    return edit


def finish(value: Any) -> Chunks:
    """The reason of the end is another."""

    def edit(chunks: list[Event]) -> Iterator[Event]:
        for chunk in chunks:
            for choice in chunk["choices"]:
                if choice["finish_reason"] is not None:
                    choice["finish_reason"] = value
            yield present(chunk)

    return edit


def head(**fields: Any) -> Chunks:
    """Each chunk has these fields beside its choices."""
    return lambda chunks: [present({**chunk, **fields}) for chunk in chunks]


def deltas(edit: Callable[[Event], Event | None]) -> Chunks:
    """Each delta is edited, or with its chunk left out."""

    def edited(chunks: list[Event]) -> Iterator[Event]:
        for chunk in chunks:
            if not chunk["choices"]:
                yield chunk
                continue
            choice = chunk["choices"][0]
            delta = edit(choice["delta"])
            if delta is not None:
                yield present({**chunk, "choices": [{**choice, "delta": delta}]})

    return edited


def calls(edit: Callable[[Event], Event | None]) -> Chunks:
    """Each piece of a call is edited, or left out."""

    def in_delta(delta: Event) -> Event | None:
        if "tool_calls" not in delta:
            return delta
        edited = [made for call in delta["tool_calls"] if (made := edit(call)) is not None]
        return {**delta, "tool_calls": edited} if edited else None

    return deltas(in_delta)


def chunk_like(chunk: Event, delta: Mapping[str, Any], **choice: Any) -> Event:
    """Another chunk of the same stream."""
    usual = {"index": 0, "finish_reason": None, "logprobs": None}
    return {**chunk, "choices": [{**usual, "delta": dict(delta), **choice}]}


def is_call(chunk: Event) -> bool:
    """Whether a chunk holds a piece of a call."""
    return any("tool_calls" in (choice.get("delta") or {}) for choice in chunk["choices"])


def without(*kinds: str) -> Chunks:
    """A stream of Responses that lacks events of these types."""
    return lambda events: [event for event in events if event["type"] not in kinds]


def each_event(edit: Callable[[Event], Event]) -> Chunks:
    """Each event is edited."""
    return lambda events: [present(edit(event)) for event in events]


def dropped(*keys: str) -> Callable[[Event], Event]:
    """An event without these keys."""
    return lambda event: {**event, **dict.fromkeys(keys, ABSENT)}
