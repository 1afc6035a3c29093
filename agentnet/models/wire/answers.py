"""Bodies that are no stream of events, though one was asked for: a whole answer is made one, anything else is told."""

import re
from collections.abc import Mapping
from typing import Any, cast

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.sentences import sentence_of, shortened
from agentnet.models.wire.asked import Api
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

Json = dict[str, Any]


def events_of(body: bytes, api: Api, noted: Noted) -> list[bytes]:
    """The data of the events that `body` would have been. Raises `ModelError` for one that is no answer."""
    text = body.strip().removeprefix(b"\xef\xbb\xbf")
    if not text:
        raise ModelError(Kind.EMPTY, "The model's server answered nothing at all.", hint=URL_HINT)
    if text[:1] == b"<" or _HTML.search(text[:1024]):
        raise _page(text)
    values = _values_of(text, noted)
    return [event for value in values for event in _events_of(value, api, noted)]


def _values_of(text: bytes, noted: Noted) -> list[Any]:
    """The JSON values of a body: the one that it is, those of its lines, or those of its list."""
    try:
        value = loads(text)
    except ValueError:
        value = _loose(text)
    if value is not None:
        return value if isinstance(value, list) and value else [value]
    lines = [line for line in text.splitlines()[:MOST_LINES] if line.strip() and line.strip() != b"[DONE]"]
    try:
        values = [loads(line.removeprefix(b"data:")) for line in lines]
    except ValueError:
        raise _text(text) from None
    noted.add("stream_lines")
    return values


def _loose(text: bytes) -> Any:
    try:
        return loads_loosely(text)
    except ValueError:
        return None


def _events_of(value: Any, api: Api, noted: Noted) -> list[bytes]:
    if not isinstance(value, dict):
        raise failure_in(value)
    value = cast("Json", value)
    check_error(value)
    if api == "chat" and isinstance(value.get("choices"), list):
        return [dumps(_chunk_of(value, noted))]
    if api == "responses" and isinstance(value.get("type"), str) and value["type"].startswith(("response.", "error")):
        return [dumps(value)]
    if api == "responses" and isinstance(value.get("output"), list):
        noted.add("stream_whole")
        status = value.get("status")
        ending = status if status in ("failed", "incomplete") else "completed"
        return [dumps({"type": f"response.{ending}", "response": value})]
    raise _foreign(value)


def _chunk_of(value: Json, noted: Noted) -> Json:
    """A chunk with all that a completion says."""
    choices: list[Any] = []
    for choice in value["choices"]:
        if isinstance(choice, dict) and "delta" not in choice and isinstance(choice.get("message"), dict):
            noted.add("stream_whole")
            message = dict(cast("Json", choice["message"]))
            if isinstance(message.get("tool_calls"), list):
                message["tool_calls"] = [_indexed(call, at) for at, call in enumerate(message["tool_calls"])]
            rest = {key: each for key, each in choice.items() if key != "message"}
            choices.append({**rest, "delta": message, "finish_reason": choice.get("finish_reason") or "stop"})
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
