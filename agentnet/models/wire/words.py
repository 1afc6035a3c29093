"""What a model says, piece by piece: its thoughts at the beginning told from its words, and calls found in them.

Text is held back only while it still looks like a tag or a call.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.wire.asked import Asked
from agentnet.models.wire.quirks import Noted
from agentnet.models.wire.spoken import LONGEST_HEAD, MARKS, Call, calls_in, calls_of_any, outlook

THOUGHTS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<reflection>": "</reflection>",
    "<|thinking|>": "<|/thinking|>",
    "<seed:think>": "</seed:think>",
    "<|think|>": "<|/think|>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|START_THINKING|>": "<|END_THINKING|>",
    "<|channel|>analysis<|message|>": "<|end|>",
    "<|start|>assistant<|channel|>analysis<|message|>": "<|end|>",
}
"""Tags between which models think before they answer."""
DROPPED = (
    "</think>", "</thinking>", "<|start|>assistant<|channel|>final<|message|>", "<|channel|>final<|message|>",
    "<|channel|>commentary<|message|>", "<|start|>assistant", "<|im_start|>assistant", "<|begin_of_solution|>",
    "<|START_RESPONSE|>",
)  # fmt: skip
"""Marks that may stand before an answer and say nothing."""
ENDS = frozenset(
    {
        "<|im_end|>", "<|end|>", "<|return|>", "<|eot_id|>", "<|endoftext|>", "</s>", "<|END_RESPONSE|>", "<|eom_id|>",
        "<end_of_turn>", "<|end_of_solution|>", "<｜end▁of▁sentence｜>", "<|call|>", "<eos>",
    }
)  # fmt: skip
"""Marks that may stand behind it."""
CLOSES = "</think>"
_FIRST = re.compile(r"[<\[◁]")
_LEADING = (*THOUGHTS, *DROPPED)
_INNER = (*(mark for mark in MARKS if mark[0] in "<["), *ENDS)
_LONGEST = max(map(len, (*_LEADING, *_INNER, *THOUGHTS.values())))
_CALL = re.compile("|".join(re.escape(mark) for mark in _INNER if mark not in ENDS))
_ENDS = re.compile("(?:" + "|".join(map(re.escape, ENDS)) + r"\s*)+\Z")

MOST_MARKS = 64
"""Before an answer; more are words."""
LONGEST_END = 1_024
"""Characters of marks behind an answer that are held back."""

Mode = Literal["start", "thinking", "calling", "plain"]


@dataclass(slots=True)
class Said:
    """What one piece of text came to."""

    words: str = ""
    thoughts: str = ""
    calls: list[Call] = field(default_factory=list[Call])


class Words:
    """The text of one answer."""

    def __init__(self, asked: Asked, noted: Noted) -> None:
        self._asked = asked
        self._noted = noted
        self._held = ""
        self._call: list[str] = []
        """Of what is surely a call: read at its end."""
        self._close = CLOSES
        self._unsure: list[str] | None = [] if asked.habits.thinks_first else None
        """What is taken for thoughts only because the answers before it began with some."""
        self._mode: Mode = "start" if self._unsure is None else "thinking"
        self._steps = {"start": self._start, "thinking": self._think, "calling": self._call_back, "plain": self._pass}
        self._marks = 0
        self._is_behind = False
        """Whether thoughts or marks came before: white space between them and the words is not said."""
        self.has_spoken = False
        """Whether there were words that are more than white space."""

    @property
    def is_plain(self) -> bool:
        """Whether a text without any of `<[◁` is passed as it is."""
        return self._mode == "plain" and not self._held

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held back, and no thoughts are open."""
        return self._mode in ("start", "plain") and not self._held

    def feed(self, text: str) -> Said:
        """What may be told of `text` and of what was held back before it. Raises `ModelError`."""
        said = Said()
        if self._call:
            self._call.append(text)
            return said
        text, self._held = self._held + text, ""
        while text:
            mode = self._mode
            text = self._steps[mode](text, said)
            if mode == self._mode:
                break
        self._held = text
        self.has_spoken = self.has_spoken or bool(said.words.strip())
        return said

    def end(self) -> Said:
        """What is left at the end."""
        said = Said()
        held, self._held, self._call = "".join(self._call) or self._held, "", []
        if self._mode == "thinking" and self._unsure is not None:  # no tag came: they were words, to be read as such
            text, self._unsure = "".join([*self._unsure, held]), None
            self._mode, self._asked.habits.thinks_first = "start", False
            first, last = self.feed(text), self.end()
            said = Said(first.words + last.words, held + first.thoughts + last.thoughts, [*first.calls, *last.calls])
        elif self._mode == "thinking":
            said.thoughts = held
        elif self._mode == "calling":
            said.calls = self._calls(held)
            said.words = "" if said.calls else held
            self._mode = "plain"
        elif held and _ENDS.fullmatch(held.strip()):
            self._noted.add("marks_in_text")
        elif held.strip() or not self._is_behind:
            said.words = held
        self.has_spoken = self.has_spoken or bool(said.words.strip())
        return said

    def _calls(self, text: str) -> list[Call]:
        """The calls that a text is. One of a tool that is not there is passed on, too: who runs the tools tells the
        model which there are, and nobody takes it for an answer."""
        if calls := calls_in(text, self._asked.tools):
            self._noted.add("call_in_text")
        elif calls := calls_of_any(text, self._asked.tools):
            self._noted.add("call_unknown")
        return calls

    def _start(self, text: str, said: Said) -> str:
        """At the beginning, and behind thoughts: white space and marks may come before what is said."""
        while bare := text.lstrip():
            if any(len(mark) > len(bare) and mark.startswith(bare) for mark in _LEADING):
                return text
            mark = max((mark for mark in _LEADING if bare.startswith(mark)), key=len, default=None)
            self._marks += 1
            if mark is None or self._marks > MOST_MARKS:
                self._mode = "calling" if self._asked.has_tools and outlook(bare, self._asked) != "no" else "plain"
                return bare if self._is_behind else text
            text, self._is_behind = bare.removeprefix(mark).lstrip(), True
            if mark in THOUGHTS:
                self._noted.add("think_in_text")
                self._mode, self._close = "thinking", THOUGHTS[mark]
                return text
            self._noted.add("marks_in_text")
        if len(text) > LONGEST_HEAD:  # of white space
            said.words += text
            return ""
        return text

    def _think(self, text: str, said: Said) -> str:
        if self._unsure == [] and any(
            mark.startswith(bare := text.lstrip()) or bare.startswith(mark) for mark in THOUGHTS
        ):
            self._unsure, self._mode = None, "start"
            return text
        at = text.find(self._close)
        end = len(text) - _open_end(text, (self._close,)) if at < 0 else at
        said.thoughts += text[:end]
        if at < 0:
            if self._unsure is not None:
                self._unsure.append(text[:end])
            return text[end:]
        if self._unsure is not None:
            self._noted.add("think_unopened")
        self._unsure, self._mode, self._is_behind = None, "start", True
        return text[at + len(self._close) :].lstrip()

    def _call_back(self, text: str, said: Said) -> str:
        """Hold back what looks like a call."""
        look = outlook(text.lstrip(), self._asked)
        if look == "perhaps" and len(text) < LONGEST_HEAD:
            return text
        if look == "yes":
            self._call.append(text)
        else:
            self._mode = "plain"
            said.words += text
        return ""

    def _pass(self, text: str, said: Said) -> str:
        if _FIRST.search(text) is None:
            said.words += text
            return ""
        self._check_thoughts(text)
        if self._asked.has_tools and (found := _CALL.search(text)):
            said.words += text[: found.start()]
            self._mode = "calling"
            return text[found.start() :]
        ends = _ENDS.search(text, max(0, len(text) - LONGEST_END))
        keep = len(text) - ends.start() if ends else _open_end(text, _INNER if self._asked.has_tools else tuple(ENDS))
        said.words += text[: len(text) - keep]
        return text[len(text) - keep :]

    def _check_thoughts(self, text: str) -> None:
        """Raises `ModelError` where what was said so far turns out to be thoughts."""
        if "<think" in text:  # it speaks of tags
            self._is_behind = True
        before, tag, after = text.partition(CLOSES)
        is_end = bool(tag) and after[:1] in ("", "\n") and "<think" not in before
        if is_end and not self._is_behind and not self._asked.habits.thinks_first:
            self._noted.add("think_unopened")
            self._asked.habits.thinks_first = True
            raise ModelError(Kind.GARBLED, "The model began with its thoughts without saying so.")


def _open_end(text: str, marks: tuple[str, ...]) -> int:
    """How many characters at the end of `text` may be the beginning of one of `marks`."""
    for found in _FIRST.finditer(text, max(0, len(text) - _LONGEST)):
        tail = text[found.start() :]
        if any(mark.startswith(tail) for mark in marks):
            return len(tail)
    return 0
