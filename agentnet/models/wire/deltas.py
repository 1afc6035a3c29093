"""One delta of a chat answer: its words, thoughts and calls, read from whatever form they come in."""

from collections.abc import Mapping
from typing import Any, cast

from agentnet.models.wire.asked import Asked
from agentnet.models.wire.calls import Calls
from agentnet.models.wire.quirks import Noted
from agentnet.models.wire.texts import Halves, flattened, is_cut
from agentnet.models.wire.usage import Usage
from agentnet.models.wire.words import ENDS, Words

THOUGHTS = ("reasoning_content", "reasoning", "reasoning_text", "thinking", "thought", "thoughts", "thinking_content")
"""Where deltas hold thoughts; the SDK reads the first two."""
OWN_THOUGHTS = ("reasoning_content", "reasoning")
LATE_THOUGHTS = "reasoning_details"
"""Told beside one of those by a router, and read where it stands alone."""

Json = dict[str, Any]


class Deltas:
    """Those of one answer."""

    def __init__(self, asked: Asked, noted: Noted) -> None:
        self._noted = noted
        self._words = Words(asked, noted)
        self._halves = Halves()
        self._thought_halves = Halves()
        self._refused = False
        self.calls = Calls(asked, noted)
        self.usage = Usage(asked, noted)
        self.has_thought = False
        """Whether there were thoughts."""

    @property
    def has_said(self) -> bool:
        """Whether there was a word or a call."""
        return self._words.has_spoken or len(self.calls) > 0 or self._refused

    @property
    def is_plain(self) -> bool:
        """Whether words without the beginning of a mark are passed as they are."""
        return self._words.is_plain and not self._halves.is_open

    @property
    def holds_back(self) -> bool:
        """Whether something is left to be said at the end."""
        return not self._words.is_idle or self._halves.is_open or not self.calls.are_sound

    def feed(self, delta: Json) -> Json:
        """The delta as the SDK is to read it; equal to `delta` where nothing is wrong with it. Raises `ModelError`."""
        words, thought = self._content(delta.get("content"))
        thoughts, dropped = self._thoughts(delta, thought)
        if words:
            said = self._words.feed(words)
            words, thoughts = said.words, thoughts + said.thoughts
        entries = self._entries(delta)
        made = {key: value for key, value in delta.items() if key not in dropped}
        if entries or delta.get("tool_calls"):
            made.pop("tool_calls", None)
        if isinstance(made.get("function_call"), Mapping):
            del made["function_call"]
        if words or delta.get("content") not in (None, ""):
            made["content"] = words
        self._note_others(made)
        return self._with(made, thoughts, entries)

    def end(self, *, cut: bool) -> Json:
        """A delta of what is left; `cut` where the answer was. Raises `ModelError`."""
        held = self._halves.end()
        said = self._words.feed(held) if held else None
        last = self._words.end()
        words = (said.words if said else "") + last.words
        thoughts = (said.thoughts if said else "") + self._thought_halves.end() + last.thoughts
        entries = [self.calls.spoken(*call) for call in last.calls] + self.calls.end(cut=cut)
        return self._with({"content": words} if words else {}, thoughts, entries)

    def _with(self, made: Json, thoughts: str, entries: list[Any]) -> Json:
        if thoughts:
            self.has_thought = True
            made["reasoning_content"] = thoughts
        if entries:
            made["tool_calls"] = entries
        for entry in entries:
            self.usage.add(str((entry.get("function") or {}).get("arguments") or ""))
        return made

    def _content(self, content: Any) -> tuple[str, str]:
        """The words of a delta's content, and the thoughts in it."""
        thought = ""
        if not isinstance(content, str):
            if content is None:
                return "", ""
            self._noted.add("content_parts")
            content, thought = flattened(content)
        if "\x00" in content:
            self._noted.add("text_nul")
            content = content.replace("\x00", "")
        if self._halves.is_open or is_cut(content):
            self._noted.add("text_halved")
            content = self._halves.join(content)
        if content.strip() in ENDS and self._words.has_spoken:
            self._noted.add("marks_in_text")
            content = ""
        self.usage.add(content)
        return content, thought

    def _thoughts(self, delta: Json, thought: str) -> tuple[str, frozenset[str]]:
        """The thoughts that the SDK does not read by itself, and where they were."""
        found = {name: delta[name] for name in THOUGHTS if delta.get(name) not in (None, "")}
        if not found and delta.get(LATE_THOUGHTS):
            found = {LATE_THOUGHTS: delta[LATE_THOUGHTS]}
        if not found and not thought:
            return "", frozenset()
        self.has_thought = True
        texts = list(
            dict.fromkeys(value if isinstance(value, str) else "".join(flattened(value)) for value in found.values())
        )
        text = (texts[0] if texts else "") + thought
        self.usage.add(text)
        is_half = self._thought_halves.is_open or is_cut(text)
        name, value = next(iter(found.items()), ("", None))
        if len(found) == 1 and name in OWN_THOUGHTS and isinstance(value, str) and not thought and not is_half:
            return "", frozenset()
        self._noted.add("text_halved" if is_half else "think_elsewhere")
        return self._thought_halves.join(text) if is_half else text, frozenset(found)

    def _entries(self, delta: Json) -> list[Any]:
        entries = self.calls.feed(delta["tool_calls"]) if delta.get("tool_calls") else []
        legacy = delta.get("function_call")
        if isinstance(legacy, Mapping):
            self._noted.add("call_legacy")
            legacy = dict(cast("Json", legacy))
            entries += self.calls.feed([{"index": 0, "type": "function", "function": legacy}])
        return entries

    def _note_others(self, made: Json) -> None:
        refusal = made.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._refused = True
        elif refusal is not None and refusal != "":
            made["refusal"] = None
        if made.get("audio") is not None:  # nobody asked for it, and the SDK ends the run for it
            made["audio"] = None
