"""The arguments of one call as they stream in: what is sound goes on at once, the rest is held back and mended."""

import re
from typing import Any

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.wire.quirks import Noted
from agentnet.models.wire.reading import escaped, loads, object_in, text_of
from agentnet.models.wire.texts import Halves, is_cut

_STEPS = re.compile(r'\\.?|["{}\[\]]', re.DOTALL)
_BEGINS = re.compile(r'\s*[{]\s*(["}]?)')
_RAW = re.compile(r'\\.?|"|[\x00-\x1f]|[^"\\\x00-\x1f]+', re.DOTALL)
MIN_GROWN = 3
"""Characters from which on a piece that begins with all before it is no coincidence."""
MAX_LOOK = 64 * 1024
"""Characters of arguments that are looked at before their end."""
_LAST = ('"', "}", "`", "l", "e")
"""What arguments that are no JSON at first may end with: those of `null` and `None` among them."""
_CLOSERS = {"{": "}", "[": "]"}


class Arguments:
    """Fed piece by piece. What it gives back is JSON when all is put together, if it can be."""

    __slots__ = ("_escaped", "_halves", "_held", "_in_text", "_mode", "_noted", "_open", "_parts", "_size")

    def __init__(self, noted: Noted) -> None:
        self._noted = noted
        self._mode = "start"
        """Then `pass`, once it is seen to be an object; `hold`, where it is not; `over`, behind its end."""
        self._held: list[str] = []
        """Pieces, as those that went on: joined once."""
        self._parts: list[str] = []
        self._size = 0
        self._open: list[str] = []
        self._in_text = False
        self._escaped = False
        self._halves: Halves | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the object has ended."""
        if self._mode != "hold":
            return self._mode in ("over", "empty")
        size = sum(map(len, self._held))
        return size <= MAX_LOOK and self._held[-1].rstrip()[-1:] in _LAST and object_in("".join(self._held)) is not None

    @property
    def has_begun(self) -> bool:
        """Whether there is anything of it."""
        return self._mode != "start"

    @property
    def is_sound(self) -> bool:
        """Whether nothing has to be added at its end."""
        return self._mode == "over" and not self._held

    def check(self, tool: str) -> None:
        """Raises `ModelError` where all that went on is no JSON object: a turn like that is taken by no server."""
        try:
            value = loads("".join(self._parts).encode("utf-8", "replace"))
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ModelError(Kind.GARBLED, f"The model called {tool} with arguments that are no JSON object.")

    def repeats(self, text: str) -> bool:
        """Whether `text` is what went on already."""
        bare = text.strip()
        if self._mode == "empty":
            return bare == "{}"
        return len(bare) == self._size and bare == "".join(self._parts)

    def feed(self, piece: Any) -> str:
        """What may go on of `piece`, and of what was held back before it."""
        if not isinstance(piece, str):
            if piece is None:
                return ""
            self._noted.add("arguments_object")
            piece = text_of(piece)
        if self._halves is not None or is_cut(piece):
            self._noted.add("text_halved")
            self._halves = self._halves or Halves()
            piece = self._halves.join(piece)
        if self._mode == "hold":
            self._held.append(piece)
            return ""
        if self._mode == "empty" and piece.lstrip().startswith("{") and piece.strip() != "{}":
            self._noted.add("arguments_growing")
            self._mode, self._parts, self._size = "start", [], 0
        if self._mode == "start":
            piece = self._start(piece)
        return self._pass(piece) if piece else ""

    def end(self, *, cut: bool) -> str:
        """The rest; `cut` where the answer was: what is open then stays open, for half of a call must not be run."""
        if self._mode in ("start", "empty"):
            if self._mode == "start":
                self._noted.add("arguments_empty")
            self._mode = "over"
            return self._gone("{}")
        if self._mode == "hold":
            return self._mended("".join(self._held), cut=cut)
        if self._mode == "pass" and not cut:
            return self._closed()
        return ""

    def _start(self, piece: str) -> str:
        """What may go on at the beginning: white space does not, nor what begins no object."""
        bare = piece.lstrip()
        if bare[:1] == "{":
            self._mode = "pass"
            return bare
        if bare:
            self._mode = "hold"
            self._held.append(bare)
        return ""

    def _pass(self, piece: str) -> str:
        if self._mode in ("over", "empty"):
            if piece.strip() and not self.repeats(piece):
                self._noted.add("arguments_trailing")
            return ""
        if (
            len(piece) > self._size > MIN_GROWN
            and piece.startswith("{")
            and piece.startswith(gone := "".join(self._parts))
        ):
            self._noted.add("arguments_growing")
            piece = piece[len(gone) :]
        if not self._begins_json(piece):
            self._mode, self._held = "hold", [*self._parts, piece]
            return ""
        if not piece.isprintable():
            piece = self._without_raw(piece)
        end = self._ends_at(piece)
        if end is not None:
            rest, piece, self._mode = piece[end:], piece[:end], "over"
            if not self._parts and piece == "{}":  # some begin so, and then tell what they are
                self._mode = "empty"
                return self.feed(rest)
            if rest.strip():
                self._noted.add("arguments_trailing")
        return self._gone(piece)

    def _begins_json(self, piece: str) -> bool:
        """Whether the first bracket is followed by what JSON has there. Only the first pieces are looked at."""
        if len(self._parts) > 3:
            return True
        begun = "".join(self._parts) + piece
        found = _BEGINS.match(begun)
        return found is None or bool(found[1]) or found.end() == len(begun)

    def _without_raw(self, piece: str) -> str:
        """`piece` with the control characters escaped that are within texts."""
        in_text, start = self._in_text, 1 if self._escaped else 0
        out = [piece[:start]]
        for found in _RAW.finditer(piece, start):
            step = found[0]
            if step == '"':
                in_text = not in_text
            elif in_text and step < " ":
                self._noted.add("arguments_raw")
                step = escaped(step)
            out.append(step)
        return "".join(out)

    def _ends_at(self, piece: str) -> int | None:
        """Where in `piece` the object ends."""
        at = 0
        if self._escaped and piece:
            self._escaped, at = False, 1
        for found in _STEPS.finditer(piece, at):
            step = found[0]
            if step[0] == "\\":
                self._escaped = len(step) == 1
            elif step == '"':
                self._in_text = not self._in_text
            elif self._in_text:
                continue
            elif step in _CLOSERS:
                self._open.append(step)
            else:
                if self._open:
                    self._open.pop()
                if not self._open:
                    return found.end()
        return None

    def _gone(self, piece: str) -> str:
        if piece:
            self._parts.append(piece)
            self._size += len(piece)
        return piece

    def _mended(self, held: str, *, cut: bool) -> str:
        """What was held back, as JSON; as it came where it can be none. What went on already is its beginning."""
        gone, self._mode, self._held = "".join(self._parts), "over", []
        found = object_in(held)
        if found is None:
            return "" if cut else self._gone(held[len(gone) :])
        self._noted.add(_kind_of(held))
        mended = text_of(found)
        return self._gone(mended.removeprefix(gone.strip()))

    def _closed(self) -> str:
        """The brackets that are missing, where nothing else is."""
        rest = ('"' if self._in_text else "") + "".join(_CLOSERS[each] for each in reversed(self._open))
        try:
            loads(("".join(self._parts) + rest).encode("utf-8", "replace"))
        except ValueError:
            return ""
        self._noted.add("arguments_open")
        return self._gone(rest)


def _kind_of(held: str) -> str:
    """The quirk of arguments that were held back."""
    bare = held.strip()
    if bare.startswith('"'):
        return "arguments_encoded"
    return "arguments_empty" if bare in ("null", "None", "undefined") else "arguments_fenced"


def whole_arguments(tool: str, value: Any, noted: Noted, *, cut: bool = False) -> str:
    """Arguments that came in one piece. Raises `ModelError`."""
    reader = Arguments(noted)
    text = reader.feed(value) + reader.end(cut=cut)
    reader.check(tool)
    return text
