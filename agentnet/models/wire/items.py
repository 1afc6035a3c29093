"""The output of a Responses answer: what its events told of each item, and each item in the form of the API."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.wire.arguments import whole_arguments
from agentnet.models.wire.asked import Asked
from agentnet.models.wire.calls import Ids, name_of
from agentnet.models.wire.quirks import Noted
from agentnet.models.wire.texts import Halves, flattened, is_cut
from agentnet.models.wire.usage import Usage
from agentnet.models.wire.words import Words

MOST_ITEMS = 1_000
WORDS = "response.output_text.delta"
PIECES = {
    WORDS: "message",
    "response.refusal.delta": "message",
    "response.function_call_arguments.delta": "function_call",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning.delta": "reasoning",
}
"""Events that hold a piece of an item, and of what kind."""
TEXT_PARTS = frozenset({"output_text", "refusal"})

Json = dict[str, Any]


class Told:
    """What the events told of one item."""

    def __init__(self, kind: str) -> None:
        self.item: Json = {"type": kind}
        self.texts: list[str] = []
        """Words, thoughts or arguments, whichever it has."""
        self.is_done = False

    def take(self, item: Mapping[str, Any], *, done: bool) -> None:
        """What an event says of the whole item."""
        self.item.update({key: value for key, value in item.items() if value is not None})
        self.is_done = self.is_done or done

    def whole(self) -> Json:
        """The item, of its pieces where it never came whole."""
        text, kind = "".join(self.texts), self.item.get("type")
        if self.is_done or not text:
            return self.item
        if kind == "function_call":
            return {**self.item, "arguments": self.item.get("arguments") or text}
        if kind == "reasoning":
            return {**self.item, "summary": [{"type": "summary_text", "text": text}]}
        return {**self.item, "content": self.item.get("content") or [{"type": "output_text", "text": text}]}


class Items:
    """Brings the items of one answer into form."""

    def __init__(self, asked: Asked, noted: Noted, usage: Usage) -> None:
        self._asked = asked
        self._noted = noted
        self._ids = Ids(asked, noted)
        self._usage = usage
        self.has_said = False
        """Whether there is a word, a call or a refusal in them."""
        self.has_thought = False

    def made(self, output: list[Any], *, cut: bool) -> list[Any]:
        """The items as the SDK is to read them, `cut` where the answer was."""
        made: list[Any] = []
        for item in output[:MOST_ITEMS]:
            if not isinstance(item, dict):
                self._noted.add("item_shape")
                continue
            item = cast("Json", item)
            kind = item.get("type")
            if kind == "function_call":
                made.append(self._call(item, cut=cut))
            elif kind == "reasoning":
                made.append(self._reasoning(item))
            elif kind == "message" or (kind is None and ("content" in item or item.get("role") == "assistant")):
                made.extend(self._message(item))
            else:
                self.has_said = True
                made.append(item)
        return made

    def _call(self, item: Json, *, cut: bool) -> Json:
        self.has_said = True
        given = item.get("call_id")
        given = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
        made = {**item, "call_id": self._ids.take(given)}
        if not item.get("name"):
            raise ModelError(Kind.GARBLED, "The model called a tool without saying which.")
        made["name"] = name_of(str(item.get("name") or ""), self._asked, self._noted)
        made["arguments"] = whole_arguments(made["name"], item.get("arguments"), self._noted, cut=cut)
        self._usage.add(made["arguments"])
        return self._with_id(made, "fc")

    def _reasoning(self, item: Json) -> Json:
        self.has_thought = True
        made = dict(item)
        if not isinstance(item.get("summary"), list):
            self._noted.add("item_shape")
            text = "".join(flattened(item.get("summary")))
            made["summary"] = [{"type": "summary_text", "text": text}] if text else []
        return self._with_id(made, "rs")

    def _message(self, item: Json) -> list[Json]:
        """The message, its thoughts before it as an item of their own, and the calls that it was behind it."""
        words = Words(self._asked, self._noted)
        content: list[Any] = []
        thoughts: list[str] = []
        calls: list[Json] = []
        for part in self._parts(item.get("content")):
            if part.get("type") != "output_text":
                self.has_said = self.has_said or bool(part.get("refusal"))
                content.append(part)
                continue
            text = self._whole(part["text"])
            said, last = words.feed(text), words.end()
            thoughts.append(said.thoughts + last.thoughts)
            calls += [{"type": "function_call", "name": name, "arguments": args} for name, args in last.calls]
            if spoken := said.words + last.words:
                content.append(part if spoken == part["text"] else {**part, "text": spoken})
        self.has_said = self.has_said or words.has_spoken
        made: list[Json] = (
            [self._reasoning({"type": "reasoning", "summary": _summary(thoughts)})] if any(thoughts) else []
        )
        if content or not (calls or made):
            made.append(self._with_id({**item, "type": "message", "role": "assistant", "content": content}, "msg"))
        return made + [self._call(call, cut=False) for call in calls]

    def _parts(self, content: Any) -> list[Json]:
        """The parts of a message's content, in the API's form."""
        if isinstance(content, list) and all(
            isinstance(part, dict)
            and str(part.get("type")) in TEXT_PARTS
            and isinstance(part.get("text", part.get("refusal")), str)
            and isinstance(part.get("annotations", []), list)
            for part in content
        ):
            return cast("list[Json]", content)
        self._noted.add("content_parts")
        words, _ = flattened(content)
        return [{"type": "output_text", "text": words, "annotations": []}] if words else []

    def _whole(self, text: str) -> str:
        if "\x00" in text:
            self._noted.add("text_nul")
            text = text.replace("\x00", "")
        if not is_cut(text):
            return text
        self._noted.add("text_halved")
        halves = Halves()
        return halves.join(text) + halves.end()

    def _with_id(self, item: Json, prefix: str) -> Json:
        if isinstance(item.get("id"), str) and item["id"]:
            return item
        self._noted.add("item_shape")
        return {**item, "id": f"{prefix}_{uuid4().hex}"}


def _summary(thoughts: list[str]) -> list[Json]:
    return [{"type": "summary_text", "text": "".join(thoughts).strip()}]


def key_of(event: Mapping[str, Any], item: Mapping[str, Any]) -> Any:
    """What tells an item from the others: its index, or its id where that is missing."""
    index = event.get("output_index")
    if isinstance(index, int):
        return index
    key = event.get("item_id") or item.get("id")
    return key if isinstance(key, str) else ""


def order_of(key: Any) -> tuple[int, str]:
    """By which items are sorted that have such keys."""
    return (key, "") if isinstance(key, int) else (MOST_ITEMS, "")
