"""One streamed answer of Chat Completions, chunk by chunk: what is sound passes as the bytes that came."""

from collections.abc import Mapping
from typing import Any, cast

from agentnet.http.sse import frame
from agentnet.models.wire.alike import Alike
from agentnet.models.wire.asked import Asked
from agentnet.models.wire.deltas import Deltas, Json
from agentnet.models.wire.endings import CALLS, LENGTH, STOP, broken, check_said, reason_of
from agentnet.models.wire.quirks import Noted
from agentnet.models.wire.reading import dumps, loads, loads_loosely
from agentnet.models.wire.texts import is_cut
from agentnet.models.wire.told import check_error, failure_as_text, failure_in

PLAIN_DELTA = frozenset({"content", "role"})
HEAD = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
"""Members of a chunk that one of our own takes over."""


class ChatRepair:
    """Fed the data of each event; what it gives back is to be sent on. Raises `ModelError`."""

    def __init__(self, asked: Asked, noted: Noted) -> None:
        self._noted = noted
        self._deltas = Deltas(asked, noted)
        self._is_fast = False
        self._alike = Alike("content")
        self._head: Json = {"object": "chat.completion.chunk"}
        self._index: Any = None
        """Of the one choice that is read, as its server counts."""
        self._has_ended = False
        """Whether the reason to end was passed on."""
        self.reason: str | None = None
        """Why it ended, in OpenAI's words: what the connection does from then on is of no matter."""

    @property
    def has_said(self) -> bool:
        """Whether there was a word or a call."""
        return self._deltas.has_said

    @property
    def is_whole(self) -> bool:
        """Whether the answer is known to have come to its end."""
        return self.reason is not None

    @property
    def is_estimated(self) -> bool:
        """Whether its usage is."""
        return self._deltas.usage.is_estimated

    def is_alike(self, event: bytes) -> bool:
        """Whether an event, as it is on the wire, is sound as the ones before it were: then it is counted."""
        text = self._alike.words_in(event) if self._is_fast else None
        if text is None:
            return False
        self._deltas.usage.add(text)
        return True

    def feed(self, data: bytes, _name: str | None = None, event: bytes = b"") -> bytes | None:
        """What to send on for the data of an event; None for the event as it came."""
        try:
            chunk = loads(data)
        except ValueError:
            return self._repaired(self._loosely(data), None)
        if self._is_fast and self._is_plain(chunk, event):
            return None
        return self._repaired(chunk, data)

    def end(self, *, is_done: bool) -> bytes:
        """What is missing at the end, where `is_done` says that the endpoint told it. Raises `ModelError`."""
        cut = self.reason == LENGTH or not (is_done or self.reason)
        delta = self._deltas.end(cut=cut)
        if self.reason is None and not is_done:
            raise broken(self.has_said)
        if not self.has_said:
            check_said(self.reason, thought=self._deltas.has_thought)
        out = self._own([{"index": 0, "delta": delta, "finish_reason": None}]) if delta else b""
        if not self._has_ended:
            if self.reason is None:
                self._noted.add("finish_missing")
            self.reason = self._put_right(self.reason or (CALLS if len(self._deltas.calls) else STOP))
            out += self._own([{"index": 0, "delta": {}, "finish_reason": self.reason}])
        self._deltas.usage.look_for_cut()
        if (usage := self._deltas.usage.rest()) is not None:
            out += self._own([], usage)
        return out

    def _is_plain(self, chunk: Any, event: bytes) -> bool:
        """Whether a chunk is words and nothing else. Nearly all are: each line here is run for every word."""
        try:
            (choice,) = chunk["choices"]
            delta = choice["delta"]
            text = delta["content"]
            if (
                type(text) is str
                and "<" not in text
                and "[" not in text
                and "◁" not in text
                and "\x00" not in text
                and choice["index"] == 0
                and choice.get("finish_reason") is None
                and choice.get("logprobs") is None
                and chunk.get("usage") is None
                and "error" not in chunk
                and (delta.keys() <= PLAIN_DELTA or _has_only_words(delta))
            ):
                self._deltas.usage.add(text)
                self._alike.learn(event, text)
                return True
        except (TypeError, KeyError, ValueError, AttributeError):
            pass
        return False

    def _loosely(self, data: bytes) -> Any:
        try:
            chunk = loads_loosely(data)
        except ValueError:
            raise failure_as_text(data) from None
        self._noted.add("text_halved" if is_cut(str(chunk)) else "json_loose")
        return chunk

    def _repaired(self, chunk: Any, data: bytes | None) -> bytes | None:
        """What to send on for a chunk that is not plain; None for `data` itself, where nothing is wrong with it."""
        if not isinstance(chunk, dict):
            if chunk in (None, []) or isinstance(chunk, bool | int | float):
                self._noted.add("event_foreign")
                return b""
            raise failure_in(chunk)
        chunk = cast("Json", chunk)
        check_error(chunk)
        self._head.update({name: chunk[name] for name in HEAD if chunk.get(name) is not None})
        keeps_usage = self._deltas.usage.take(chunk)
        choice = self._choice(chunk)
        if choice is None:
            return self._without_choice(chunk, data, keeps_usage=keeps_usage)
        made = self._made(choice)
        self._is_fast = self._deltas.is_plain and self._index == 0
        if data is not None and keeps_usage and chunk.get("choices") == [made]:
            return None
        passed = {**chunk, "choices": [made]}
        if not keeps_usage:
            passed.pop("usage", None)
        return frame(dumps(passed))

    def _choice(self, chunk: Json) -> Json | None:
        """The one choice that is read."""
        choices = chunk.get("choices")
        if isinstance(choices, Mapping):
            choices = [choices]
        if not isinstance(choices, list):
            if choices is None and isinstance(chunk.get("delta"), dict):
                self._noted.add("choices_missing")
                return {"index": 0, "delta": chunk["delta"], "finish_reason": chunk.get("finish_reason")}
            return None
        found = [cast("Json", choice) for choice in choices if isinstance(choice, dict)]
        if not found:
            return None
        if self._index is None:
            first = min(found, key=lambda choice: choice["index"] if isinstance(choice.get("index"), int) else 0)
            self._index = first.get("index")
            if self._index != 0:
                self._noted.add("choice_index")
        mine = next((choice for choice in found if choice.get("index") == self._index), None)
        if mine is None or len(found) > 1:
            self._noted.add("choices_many")
        return mine

    def _without_choice(self, chunk: Json, data: bytes | None, *, keeps_usage: bool) -> bytes | None:
        choices, has_usage = chunk.get("choices"), isinstance(chunk.get("usage"), Mapping)
        if choices == [] and keeps_usage and data is not None:
            return None
        if choices is None:
            self._noted.add("choices_missing" if has_usage or "choices" in chunk else "event_foreign")
        return frame(dumps({**chunk, "choices": []})) if keeps_usage and has_usage else b""

    def _made(self, choice: Json) -> Json:
        """The choice as the SDK is to read it."""
        came = choice.get("delta")
        delta = self._delta_of(choice) if not isinstance(came, dict) else cast("Json", came)
        made = {key: value for key, value in choice.items() if key not in ("message", "text")}
        made |= {"index": 0, "delta": self._deltas.feed(delta)}
        if not _is_sound_logprobs(choice.get("logprobs")):
            self._noted.add("logprobs_odd")
            made["logprobs"] = None
        reason = reason_of(choice.get("finish_reason"))
        if reason is not None:
            self._end_with(reason, made)
        elif made.get("finish_reason") is not None:
            self._noted.add("finish_unknown")
            made["finish_reason"] = None
        return made

    def _end_with(self, reason: str, made: Json) -> None:
        """Pass the reason on, unless something is left to be said before it."""
        self.reason = reason
        if self._deltas.holds_back or not self.has_said:
            made["finish_reason"] = None
            return
        right = self._put_right(reason)
        if made["finish_reason"] != reason and right == reason:
            self._noted.add("finish_unknown")
        self._has_ended = True
        self.reason = made["finish_reason"] = right

    def _put_right(self, reason: str) -> str:
        """The reason that fits what was said."""
        has_called = len(self._deltas.calls) > 0
        right = (CALLS if has_called else STOP) if reason in (STOP, CALLS) else reason
        if right != reason:
            self._noted.add("finish_wrong")
        return right

    def _delta_of(self, choice: Json) -> Json:
        """What stands for a delta that is none: the message or the text of another kind of answer."""
        message = choice.get("message")
        if isinstance(message, dict):
            self._noted.add("delta_missing")
            return cast("Json", message)
        if isinstance(choice.get("text"), str):
            self._noted.add("delta_missing")
            return {"content": choice["text"]}
        if choice.get("finish_reason") is None:
            self._noted.add("delta_missing")
        return {}

    def _own(self, choices: list[Json], usage: Json | None = None) -> bytes:
        return frame(dumps({**self._head, "choices": choices} | ({} if usage is None else {"usage": usage})))


def _has_only_words(delta: Mapping[str, Any]) -> bool:
    return not any(value for name, value in delta.items() if name not in PLAIN_DELTA)


def _is_sound_logprobs(value: Any) -> bool:
    if value is None:
        return True
    content = value.get("content") if isinstance(value, Mapping) else 0
    if content is None:
        return True
    return isinstance(content, list) and all(
        isinstance(each, Mapping)
        and isinstance(each.get("token"), str)
        and isinstance(each.get("logprob"), int | float)
        and isinstance(each.get("top_logprobs"), list)
        for each in content
    )
