"""Bodies that are no stream of events: a whole answer is made one where one was asked for, and otherwise repaired as a
stream of it would be; anything else is told.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.sentences import sentence_of, shortened
from agentnet.models.wire.asked import Api, Asked
from agentnet.models.wire.quirks import Noted
from agentnet.models.wire.reading import dumps, loads, loads_loosely
from agentnet.models.wire.told import check_error, failure_in

MOST_LINES = 1_000_000
SHOWN = 120
"""Characters of a text that is shown for what it is not."""
URL_HINT = "Check its URL, which ends in /v1 with most servers."
_HTML = re.compile(rb"<(?:!doctype|html|head|body|title|h1)\b", re.IGNORECASE)
FOREIGN = (
    ({"message", "done"}, "Ollama's own API; its OpenAI-compatible one is under /v1"),
    ({"response", "done"}, "Ollama's own API; its OpenAI-compatible one is under /v1"),
    ({"candidates"}, "Gemini's own API; its OpenAI-compatible one is under /v1beta/openai"),
    ({"type", "role", "content", "stop_reason"}, "Anthropic's own API; its OpenAI-compatible one is under /v1"),
    ({"generated_text"}, "the text generation API of Hugging Face; its OpenAI-compatible one is under /v1"),
    ({"object", "data"}, "a list, as of models: this URL is that of another request"),
)
"""Members by which the answers of other APIs are known."""

TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
"""Members of a message that come in pieces."""
FIELDS = (b"event:", b"id:", b"retry:", b":")
"""With which the lines of a stream begin that hold no data."""

Json = dict[str, Any]


class Repair(Protocol):
    """The reader of the events of one API."""

    reason: str | None

    @property
    def has_said(self) -> bool: ...
    @property
    def is_whole(self) -> bool: ...
    @property
    def is_estimated(self) -> bool: ...
    def is_alike(self, event: bytes, /) -> bool: ...
    def feed(self, data: bytes, name: str | None = None, event: bytes = b"", /) -> bytes | None: ...
    def end(self, *, is_done: bool) -> bytes: ...


def repaired_whole(body: bytes, asked: Asked, noted: Noted, repair: Callable[[], Repair]) -> bytes:
    """An answer that was asked for in one piece, as its client is to read it: `body` itself where nothing is wrong.

    Raises `ModelError` for one that is no answer.
    """
    events = events_of(body, asked.api, noted, streamed=False)
    try:
        made = _repaired(events, noted, repair())
    except ModelError:
        if "think_unopened" not in noted.names:
            raise
        made = _repaired(events, noted, repair())  # that thoughts come first is known by now
    if made is None:
        return body
    if asked.api == "chat":
        return dumps(_completion_of(made))
    whole = next(event["response"] for event in reversed(made) if isinstance(event.get("response"), dict))
    # One that was cut is read as far as it goes, as at the end of a stream; its details tell why it ended.
    return dumps({**whole, "status": "completed"})


def _repaired(events: Sequence[bytes], noted: Noted, repair: Repair) -> list[Json] | None:
    """The repaired events; None where all are as they came."""
    parts = [repair.feed(event) for event in events]
    last = repair.end(is_done=True)
    noted.reason, noted.is_estimated = repair.reason, repair.is_estimated
    if not last and all(part is None for part in parts):
        return None
    made: list[Json] = []
    for event, part in zip(events, parts, strict=True):
        made += [loads(event)] if part is None else _values_in(part)
    return [*made, *_values_in(last)]


def _values_in(frames: bytes) -> Iterator[Json]:
    """What our own events say."""
    return (loads(line.removeprefix(b"data: ")) for line in frames.split(b"\n") if line.startswith(b"data: "))


def _completion_of(chunks: Sequence[Json]) -> Json:
    """The whole that chunks of one choice are the pieces of."""
    whole: Json = {}
    message: Json = {"role": "assistant", "content": None}
    choice: Json = {"index": 0, "finish_reason": None}
    calls: dict[Any, Json] = {}
    for chunk in chunks:
        whole |= {name: value for name, value in chunk.items() if value is not None}
        for piece in chunk["choices"]:
            delta = piece.pop("delta")
            choice |= {name: value for name, value in piece.items() if value is not None}
            for entry in delta.pop("tool_calls", None) or ():
                _add_call(calls, entry)
            for name, value in delta.items():
                if value is not None:
                    message[name] = (message.get(name) or "") + value if name in TEXTS else value
    if calls:
        message["tool_calls"] = list(calls.values())
    return {**whole, "object": "chat.completion", "choices": [{**choice, "message": message}]}


def _add_call(calls: dict[Any, Json], entry: Json) -> None:
    call = calls.setdefault(entry.pop("index", len(calls)), {})
    function: Json = entry.pop("function", None) or {}
    call |= {name: value for name, value in entry.items() if value is not None}
    if function:
        known: Json = call.setdefault("function", {"name": "", "arguments": ""})
        known["name"] = function.get("name") or known["name"]
        known["arguments"] += function.get("arguments") or ""


def events_of(body: bytes, api: Api, noted: Noted, *, streamed: bool = True) -> list[bytes]:
    """The data of the events that `body` would have been, which was asked for as `streamed` or not.

    Raises `ModelError` for one that is no answer.
    """
    text = body.strip().removeprefix(b"\xef\xbb\xbf")
    if not text:
        raise ModelError(Kind.EMPTY, "The model's server answered nothing at all.", hint=URL_HINT)
    if text[:1] == b"<" or _HTML.search(text[:1024]):
        raise _page(text)
    values = _values_of(text, noted)
    return [event for value in values for event in _events_of(value, api, noted, streamed=streamed)]


def _values_of(text: bytes, noted: Noted) -> list[Any]:
    """The JSON values of a body: the one that it is, those of its lines, or those of its list."""
    try:
        value = loads(text)
    except ValueError:
        value = _loose(text)
    if value is not None:
        return value if isinstance(value, list) and value else [value]
    lines = [line.removeprefix(b"data:").strip() for line in text.splitlines()[:MOST_LINES]]
    try:
        values = [loads(line) for line in lines if line and line != b"[DONE]" and not line.startswith(FIELDS)]
    except ValueError:
        raise _text(text) from None
    noted.add("stream_lines")
    return values


def _loose(text: bytes) -> Any:
    try:
        return loads_loosely(text)
    except ValueError:
        return None


def _events_of(value: Any, api: Api, noted: Noted, *, streamed: bool) -> list[bytes]:
    if not isinstance(value, dict):
        raise failure_in(value)
    value = cast("Json", value)
    check_error(value)
    if api == "chat" and isinstance(value.get("choices"), list):
        return [dumps(_chunk_of(value, noted, streamed=streamed))]
    if api == "responses" and isinstance(value.get("type"), str) and value["type"].startswith(("response.", "error")):
        return [dumps(value)]
    if api == "responses" and isinstance(value.get("output"), list):
        if streamed:
            noted.add("stream_whole")
        status = value.get("status")
        ending = status if status in ("failed", "incomplete") else "completed"
        return [dumps({"type": f"response.{ending}", "response": value})]
    raise _foreign(value)


def _chunk_of(value: Json, noted: Noted, *, streamed: bool) -> Json:
    """A chunk with all that a completion says."""
    choices: list[Any] = []
    for choice in value["choices"]:
        if isinstance(choice, dict) and "delta" not in choice and isinstance(choice.get("message"), dict):
            if streamed:
                noted.add("stream_whole")
            message = dict(cast("Json", choice["message"]))
            if isinstance(message.get("tool_calls"), list):
                message["tool_calls"] = [_indexed(call, at) for at, call in enumerate(message["tool_calls"])]
            rest = {key: each for key, each in choice.items() if key != "message"}
            reason = choice.get("finish_reason") or ("stop" if streamed else None)
            choices.append({**rest, "delta": message, "finish_reason": reason})
        else:
            choices.append(choice)
    return {**value, "object": "chat.completion.chunk", "choices": choices}


def _indexed(call: Any, at: int) -> Any:
    return {"index": at, **call} if isinstance(call, Mapping) else call


def _foreign(value: Json) -> ModelError:
    for members, what in FOREIGN:
        if members <= value.keys():
            return ModelError(Kind.GARBLED, f"The model's server answered in {what}.", hint=URL_HINT)
    held = ", ".join(str(key) for key in list(value)[:6]) or "nothing"
    return ModelError(
        Kind.GARBLED,
        f"The model's server answered with JSON that is no answer of this API; it holds {held}.",
        hint=URL_HINT,
    )


def _page(text: bytes) -> ModelError:
    title = shortened(sentence_of(text[:65_536].decode("utf-8", "replace")))[:SHOWN]
    titled = f" that says: {title}" if title else " without a title"
    return ModelError(Kind.GARBLED, f"The model's server answered with an HTML page{titled}.", hint=URL_HINT)


def _text(text: bytes) -> ModelError:
    said = shortened(text[:SHOWN].decode("utf-8", "replace"))
    return ModelError(
        Kind.GARBLED, f"The model's server answered with a text that is no answer of this API: {said}.", hint=URL_HINT
    )
