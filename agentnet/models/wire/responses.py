"""One streamed answer of the Responses API, event by event. What counts for the SDK is in the last: "
"the response whole."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from agentnet.http.sse import frame
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.refusals import failure_said
from agentnet.models.wire.alike import Alike
from agentnet.models.wire.asked import Asked
from agentnet.models.wire.endings import FILTERED, LENGTH, STOP, broken, check_said
from agentnet.models.wire.items import MOST_ITEMS, PIECES, WORDS, Items, Json, Told, key_of, order_of
from agentnet.models.wire.quirks import Noted
from agentnet.models.wire.reading import dumps, loads, loads_loosely
from agentnet.models.wire.texts import Halves, flattened, is_cut
from agentnet.models.wire.told import check_error, failure_as_text, failure_in
from agentnet.models.wire.usage import Usage
from agentnet.models.wire.words import Words

COMPLETED = "response.completed"
WHOLE_TEXTS = frozenset({"response.output_text.done", "response.content_part.done", "response.content_part.added"})
ENDINGS = {
    "response.completed": None,
    "response.done": None,
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
ERRORS = frozenset({"error", "response.error"})
REASONS = {"max_output_tokens": LENGTH, "max_tokens": LENGTH, "length": LENGTH, "content_filter": FILTERED}


class ResponsesRepair:
    """Fed the data of each event; what it gives back is to be sent on. Raises `ModelError`."""

    def __init__(self, asked: Asked, noted: Noted) -> None:
        self._asked = asked
        self._noted = noted
        self._usage = Usage(asked, noted)
        self._told: dict[Any, Told] = {}
        """By the index or the id of the item."""
        self._words = Words(asked, noted)
        self._alike = Alike("delta")
        self._halves = Halves()
        self._at: Any = None
        """Of the item that is being said."""
        self._is_changed = False
        """Whether the words that were passed on differ from those that came."""
        self._begun: Json = {}
        """The response as it was announced."""
        self.reason: str | None = None
        self.has_said = False

    @property
    def is_whole(self) -> bool:
        """Whether the answer is known to have come to its end."""
        return self.reason is not None

    @property
    def is_estimated(self) -> bool:
        """Whether its usage is."""
        return self._usage.is_estimated

    def is_alike(self, event: bytes) -> bool:
        """Whether an event, as it is on the wire, is sound as the ones before it were: then it is counted."""
        text = self._alike.words_in(event)
        if text is None:
            return False
        self._told[self._at].texts.append(text)
        self._usage.add(text)
        return True

    def feed(self, data: bytes, name: str | None = None, event: bytes = b"") -> bytes | None:
        """What to send on for the data of an event; None for the event as it came."""
        try:
            told = loads(data)
        except ValueError:
            return self._repaired(self._loosely(data), None, name)
        if self._words.is_plain and self._is_plain(told, event):
            return None
        self._alike.forget()
        return self._repaired(told, data, name)

    def end(self, *, is_done: bool) -> bytes:
        """What is missing at the end, where `is_done` says that the endpoint told it. Raises `ModelError`."""
        if self.is_whole:
            return b""
        are_done = bool(self._told) and all(told.is_done for told in self._told.values())
        says = any(told.item.get("type") in ("message", "function_call") for told in self._told.values())
        if not is_done and not (are_done and says):
            raise broken(self.has_said)
        self._noted.add("response_unfinished")
        return self._completed({**self._begun, "status": "completed"}, None) or b""

    def _is_plain(self, told: Any, event: bytes) -> bool:
        """Whether an event is words and nothing else, of the item that is being said."""
        try:
            text = told["delta"]
            if (
                told["type"] == WORDS
                and type(text) is str
                and "<" not in text
                and "[" not in text
                and "◁" not in text
                and "\x00" not in text
                and told["output_index"] == self._at
                and not self._halves.is_open
            ):
                self._told[self._at].texts.append(text)
                self._usage.add(text)
                self._alike.learn(event, text)
                return True
        except (TypeError, KeyError):
            pass
        return False

    def _loosely(self, data: bytes) -> Any:
        try:
            event = loads_loosely(data)
        except ValueError:
            raise failure_as_text(data) from None
        self._noted.add("text_halved" if is_cut(str(event)) else "json_loose")
        return event

    def _repaired(self, event: Any, data: bytes | None, name: str | None) -> bytes | None:
        """What to send on for an event that is not plain; None for `data` itself, where nothing is wrong with it."""
        if not isinstance(event, dict):
            if event not in (None, []) and not isinstance(event, bool | int | float):
                raise failure_in(event)
            self._noted.add("event_foreign")
            return b""
        if self.is_whole:
            self._noted.add("after_done")
            return b""
        event = cast("Json", event)
        kind = event.get("type")
        if not isinstance(kind, str) and event.get("object") == "response":
            self._noted.add("stream_whole")
            event = {"type": COMPLETED, "response": event}
            kind, data = COMPLETED, None
        if not isinstance(kind, str):
            self._noted.add("event_unnumbered")
            kind, data = name or _kind_of(event), None
            event = {**event, "type": kind}
        if kind in ERRORS or (not kind.startswith("response.") and event.get("error")):
            raise failure_said(event.get("error") or event)
        if kind in ENDINGS:
            return self._ended(event, kind, data)
        if not kind.startswith("response."):
            self._foreign(event)
            return b""
        if kind == WORDS:
            return self._said(event, data)
        self._note(event, kind)
        if self._is_changed and kind in WHOLE_TEXTS:
            return b""
        if kind in PIECES and not isinstance(event.get("delta"), str):
            return b""
        return frame(dumps(event)) if data is None else None

    def _foreign(self, event: Json) -> None:
        """An event that belongs to no answer. Raises `ModelError` for one that belongs to an answer of another API."""
        if isinstance(event.get("choices"), list):
            raise ModelError(
                Kind.GARBLED,
                "The model's server answered in Chat Completions where the Responses API was asked.",
                hint="Set `api: chat` for this model.",
            )
        check_error(event)
        self._noted.add("event_foreign")

    def _note(self, event: Json, kind: str) -> None:
        """Keep what an event tells of its item, for a response that does not tell it again."""
        response, item = event.get("response"), event.get("item")
        if isinstance(response, Mapping):
            self._begun = dict(response)
        if kind in ("response.output_item.added", "response.output_item.done") and isinstance(item, Mapping):
            told = self._of(key_of(event, item), str(item.get("type") or "message"))
            told.take(item, done=kind.endswith(".done"))
        elif kind in PIECES:
            text = event.get("delta")
            text = text if isinstance(text, str) else "".join(flattened(text))
            self._of(key_of(event, {}), PIECES[kind]).texts.append(text)
            self._usage.add(text)
        elif kind == "response.function_call_arguments.done" and event.get("arguments") is not None:
            self._of(key_of(event, {}), "function_call").item["arguments"] = event["arguments"]

    def _of(self, key: Any, kind: str) -> Told:
        told = self._told.get(key)
        if told is None:
            if len(self._told) >= MOST_ITEMS:
                raise ModelError(Kind.RUNAWAY, f"The model's answer has more than {MOST_ITEMS} parts.")
            told = self._told[key] = Told(kind)
        return told

    def _said(self, event: Json, data: bytes | None) -> bytes | None:
        """Words: thoughts and calls are told from them."""
        key, out = key_of(event, {}), b""
        if self._at is not None and key != self._at:
            out = self._flush()
        self._at = key
        text = event.get("delta")
        if not isinstance(text, str):
            self._noted.add("content_parts")
            text, data = flattened(text)[0], None
        if "\x00" in text:
            self._noted.add("text_nul")
            text = text.replace("\x00", "")
            self._is_changed = True
        self._of(key, "message").texts.append(text)
        if self._halves.is_open or is_cut(text):
            self._noted.add("text_halved")
            text, data = self._halves.join(text), None
        self._usage.add(text)
        said = self._words.feed(text)
        self.has_said = self.has_said or self._words.has_spoken
        if said.words == event.get("delta") and data is not None:
            return out + frame(data) if out else None
        self._is_changed = True
        if said.thoughts:
            out += frame(dumps({**event, "type": "response.reasoning_text.delta", "delta": said.thoughts}))
        return out + (frame(dumps({**event, "delta": said.words})) if said.words else b"")

    def _flush(self) -> bytes:
        """What was held back of the words of an item that is over."""
        held = self._halves.end()
        words = (self._words.feed(held).words if held else "") + self._words.end().words
        self._words = Words(self._asked, self._noted)
        index = self._at if isinstance(self._at, int) else 0
        event = {
            "type": WORDS,
            "item_id": "",
            "output_index": index,
            "content_index": 0,
            "delta": words,
            "logprobs": [],
        }
        return frame(dumps(event)) if words else b""

    def _ended(self, event: Json, kind: str, data: bytes | None) -> bytes | None:
        response = event.get("response")
        response = cast("Json", response) if isinstance(response, dict) else {**self._begun, "status": "completed"}
        status = ENDINGS[kind] or response.get("status")
        if status == "failed" or response.get("error"):
            raise failure_said(response.get("error") or event)
        if status == "cancelled":
            raise ModelError(Kind.BROKEN, "The model's server broke its answer off.")
        if status == "incomplete":
            details = response.get("incomplete_details")
            reason = details.get("reason") if isinstance(details, Mapping) else details
            self.reason = REASONS.get(str(reason), LENGTH)
            self._noted.add("response_incomplete")
        return self._completed(response, data if kind == COMPLETED else None, event)

    def _completed(self, response: Json, data: bytes | None, event: Json | None = None) -> bytes | None:
        """The last event, with the whole response in it. Raises `ModelError` where that says nothing."""
        out = self._flush() if self._at is not None else b""
        self._usage.said_bytes = 0  # counted anew, of the output
        items = Items(self._asked, self._noted, self._usage)
        output = self._output(response)
        for item in output:
            for member in ("content", "summary") if isinstance(item, dict) else ():
                self._usage.add("".join(flattened(item.get(member))))
        made: Json = {**response, "output": items.made(output, cut=self.reason == LENGTH)}
        self.has_said = items.has_said
        if not items.has_said:
            check_said(self.reason, thought=items.has_thought or bool(self._told))
        self.reason = self.reason or STOP
        if not self._usage.take(response) or self._usage.rest() is not None:
            made["usage"] = self._usage.whole()
        self._usage.look_for_cut()
        made.setdefault("id", f"resp_{uuid4().hex}")
        made.setdefault("object", "response")
        if data is not None and made == response:
            return out + frame(data) if out else None
        number = (event or {}).get("sequence_number")
        last = {
            **(event or {}),
            "type": COMPLETED,
            "response": made,
            "sequence_number": number if isinstance(number, int) else 0,
        }
        return out + frame(dumps(last))

    def _output(self, response: Json) -> list[Any]:
        output = response.get("output")
        if isinstance(output, list) and output:
            return output
        told = [told.whole() for _, told in sorted(self._told.items(), key=lambda pair: order_of(pair[0]))]
        if told:
            self._noted.add("response_empty")
        return list(told)


def _kind_of(event: Mapping[str, Any]) -> str:
    """The type of an event that names none, by what it holds."""
    response = event.get("response")
    if isinstance(response, Mapping):
        status = response.get("status")
        return f"response.{status}" if f"response.{status}" in ENDINGS else "response.in_progress"
    return WORDS if isinstance(event.get("delta"), str) else ""
