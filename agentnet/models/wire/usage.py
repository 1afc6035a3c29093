"""How many tokens an answer took: as its endpoint tells it, put in order, or estimated and marked so."""

from collections.abc import Mapping
from typing import Any, cast

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.wire.asked import TOKEN_BYTES, Api, Asked
from agentnet.models.wire.quirks import Noted

MAX_SAID_BYTES = 16 * 1024 * 1024
MOST_TOKENS = 1_000_000_000
PROMPT, ANSWER, TOTAL = range(3)
NAMES: Mapping[Api, tuple[str, str, str]] = {
    "chat": ("prompt_tokens", "completion_tokens", "total_tokens"),
    "responses": ("input_tokens", "output_tokens", "total_tokens"),
}
OTHERS = (
    (
        "prompt_tokens",
        "input_tokens",
        "promptTokens",
        "inputTokens",
        "promptTokenCount",
        "prompt_eval_count",
        "prompt_n",
    ),
    (
        "completion_tokens",
        "output_tokens",
        "completionTokens",
        "outputTokens",
        "candidatesTokenCount",
        "eval_count",
        "predicted_n",
    ),
    ("total_tokens", "totalTokens", "totalTokenCount"),
)
DETAILS = ("prompt_tokens_details", "completion_tokens_details", "input_tokens_details", "output_tokens_details")
CACHED = ("cache_read_input_tokens", "cache_creation_input_tokens", "cached_tokens")
"""Tokens that some count beside those of the prompt, and others among them."""
LEAST_READ = 1_000
"""Tokens below which a count is none of a prompt that was cut: servers have more context than that."""
SUSPECT_BYTES = 6
"""Of a request, for a token that was read: where there are more, its words are counted."""
SURE_SHARE = 0.9
"""Of the words: fewer tokens are a part of the prompt."""
NEAR_SHARE = 0.75
"""Of the most that was ever read: what is cut is cut to nearly the same; less is a count without what is in a cache."""
PLACES = ("usage", "usageMetadata", "timings")
"""Where a chunk may tell it."""


class Usage:
    """Of one answer."""

    def __init__(self, asked: Asked, noted: Noted) -> None:
        self._asked = asked
        self._noted = noted
        self._counts = [0, 0, 0]
        self._details: dict[str, Any] = {}
        self._passed: Mapping[str, Any] | None = None
        self._has_cached = False
        """Whether some of the prompt may be in a cache, and in no count."""
        self.is_estimated = False
        """Whether any of it is, once it is told."""
        self.said_bytes = 0
        """Of words, thoughts and arguments, for an estimate."""

    def add(self, text: str) -> None:
        """Count what was said. Raises `ModelError` where it is more than any answer."""
        self.said_bytes += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        if self.said_bytes > MAX_SAID_BYTES:
            raise ModelError(Kind.RUNAWAY, f"The model's answer is longer than {MAX_SAID_BYTES} bytes.")

    def take(self, holder: Mapping[str, Any]) -> bool:
        """Read what a chunk or a response tells. Whether it may pass as it came, which counts as told."""
        value = holder.get("usage")
        if value is None:
            value = next((holder[place] for place in PLACES if isinstance(holder.get(place), Mapping)), None)
            groq = holder.get("x_groq")
            value = groq.get("usage") if value is None and isinstance(groq, Mapping) else value
            self._read(value)
            return True
        sound = self._read(value)
        self._passed = cast("Mapping[str, Any]", value) if sound else self._passed
        return sound

    def rest(self) -> dict[str, Any] | None:
        """What has to be told at the end; None where it was."""
        whole = self.whole()
        if self._passed is not None and all(self._passed.get(name) == whole[name] for name in NAMES[self._asked.api]):
            return None
        return whole

    def whole(self) -> dict[str, Any]:
        """All of it, estimated where the endpoint does not tell, with `estimated` set."""
        prompt, answer, total = self._counts
        estimated = (not answer and self.said_bytes > 0) or not prompt
        self.is_estimated = estimated
        if estimated:
            self._noted.add("usage_missing")
            prompt = prompt or self._asked.tokens
            answer = answer or -(-self.said_bytes // TOKEN_BYTES)
        names = NAMES[self._asked.api]
        told: dict[str, Any] = dict(zip(names, (prompt, answer, max(total, prompt + answer)), strict=True))
        told.update(self._details)
        if self._asked.api == "responses":
            told.setdefault("input_tokens_details", {"cached_tokens": 0})
            told.setdefault("output_tokens_details", {"reasoning_tokens": 0})
        if estimated:
            told["estimated"] = True
        return told

    def look_for_cut(self) -> None:
        """Note, at the end, whether the endpoint has read less of the prompt than it was sent."""
        read, habits = self._counts[PROMPT], self._asked.habits
        habits.most_read = max(habits.most_read, read)
        if read < LEAST_READ or read * SUSPECT_BYTES > len(self._asked.body) or self._has_cached:
            return
        if read >= habits.most_read * NEAR_SHARE and read < self._asked.words * SURE_SHARE:
            self._noted.add("prompt_cut")
            habits.reads_at_most = habits.most_read

    def _read(self, value: Any) -> bool:
        """Take the counts; the largest of each is kept, for parts add to one another and sums grow. "
        "Whether it is sound."""
        if not isinstance(value, Mapping):
            return False
        counts = [next((value[name] for name in names if value.get(name) is not None), None) for names in OTHERS]
        numbers = [_number(count) for count in counts]
        for place, number in enumerate(numbers):
            self._counts[place] = max(self._counts[place], number)
        details = {key: _details(value[key]) for key in DETAILS if isinstance(value.get(key), Mapping)}
        self._details.update({key: each for key, each in details.items() if key in self._own_details})
        if "prompt_n" in value or any(value.get(name) or _in_details(details, name) for name in CACHED):
            self._has_cached = True
        names = NAMES[self._asked.api]
        sound = all(
            type(value.get(name)) is int and value[name] == number for name, number in zip(names, numbers, strict=True)
        )
        sound = sound and all(value.get(key) is None or details.get(key) == value[key] for key in DETAILS)
        if not sound:
            self._noted.add("usage_odd")
        return sound and numbers[TOTAL] >= numbers[PROMPT] and bool(numbers[PROMPT])

    @property
    def _own_details(self) -> tuple[str, ...]:
        return DETAILS[:2] if self._asked.api == "chat" else DETAILS[2:]


def _number(value: Any) -> int:
    """A count; 0 for what is none."""
    try:
        number = int(float(value)) if not isinstance(value, bool) else 0
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if 0 <= number <= MOST_TOKENS else 0


def _in_details(details: Mapping[str, Mapping[str, Any]], name: str) -> bool:
    return any(each.get(name) for each in details.values())


def _details(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _number(each) if each is not None else None for name, each in value.items()}
