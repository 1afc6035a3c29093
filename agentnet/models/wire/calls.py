"""Tool calls of a streamed chat answer: which piece belongs to which call, and ids that no other call has."""

import re
from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.wire.arguments import Arguments
from agentnet.models.wire.asked import Asked
from agentnet.models.wire.names import PLAIN, tool_meant
from agentnet.models.wire.quirks import Noted
from agentnet.models.wire.reading import text_of

MOST_CALLS = 1_000
"""In one answer."""
MAX_ID = 64
_COUNTED = re.compile(
    r"(?:chatcmpl|call|tool|fc|function|func|id|toolu|tool_call|function-call)?[-_:. ]*\d{1,6}", re.IGNORECASE
)

Entry = Mapping[str, Any]


class Ids:
    """Ids of calls: no two of a conversation are the same, for results are kept under them."""

    def __init__(self, asked: Asked, noted: Noted) -> None:
        self._asked = asked
        self._noted = noted
        self._taken: set[str] = set()

    def take(self, given: str) -> str:
        """The id for a new call that was given this one, which may be empty."""
        if quirk := self._wrong(given):
            self._noted.add(quirk)
            given = f"call_{uuid4().hex[:24]}"
        self._taken.add(given)
        return given

    def _wrong(self, given: str) -> str | None:
        if not given:
            return "call_id_missing"
        if given in self._taken:
            return "call_id_repeated"
        if _COUNTED.fullmatch(given) or len(given) > MAX_ID or not given.isprintable():
            return "call_id_counted"
        return "call_id_repeated" if self._asked.mentions(given) else None


def name_of(name: str, asked: Asked, noted: Noted) -> str:
    """The tool that is meant; the name as it came where none is."""
    if asked.mentions(name) and (PLAIN.fullmatch(name) or name in asked.tools):
        return name
    meant = tool_meant(name, asked.tools)
    if meant is None or meant == name:
        return name
    noted.add("name_leaked")
    return meant


class _Call:
    """One call."""

    def __init__(self, index: int, given: str, name: str, noted: Noted) -> None:
        self.index = index
        self.given = given
        """The id that its server gave it."""
        self.name = name
        self.id = ""
        """As it is passed on; empty before it is."""
        self.is_named_again = False
        """Whether its name came once more behind its arguments: what follows may be another call of the tool."""
        self.waiting: list[str] = []
        """What came of its arguments before its name."""
        self.arguments = Arguments(noted)


class Calls:
    """Those of one answer."""

    def __init__(self, asked: Asked, noted: Noted) -> None:
        self._asked = asked
        self._noted = noted
        self._ids = Ids(asked, noted)
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._at: dict[int, _Call] = {}
        """By the index that their server gives."""
        self._last: _Call | None = None

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def are_sound(self) -> bool:
        """Whether nothing has to be added at the end."""
        return all(call.id and call.arguments.is_sound for call in self._calls)

    def feed(self, entries: Any) -> list[Any]:
        """The entries of `tool_calls` to pass on for those that came."""
        if isinstance(entries, Mapping):
            self._noted.add("call_shape")
            entries = [entries]
        if not isinstance(entries, list):
            return []
        out: list[Any] = []
        for entry in entries:
            if not isinstance(entry, dict):
                self._noted.add("call_shape")
            elif entry.get("type") == "custom":
                out.append(entry)
            else:
                out.extend(self._take(cast("dict[str, Any]", entry)))
        return out

    def spoken(self, name: str, arguments: str) -> dict[str, Any]:
        """The entry of a whole call that came as text."""
        call = self._new(None, "", name)
        call.id = f"call_{uuid4().hex[:24]}"
        function = {"name": name, "arguments": call.arguments.feed(arguments)}
        return {"index": call.index, "id": call.id, "type": "function", "function": function}

    def end(self, *, cut: bool) -> list[dict[str, Any]]:
        """What is left of each call. Raises `ModelError` for one without a name."""
        out: list[dict[str, Any]] = []
        for call in self._calls:
            if not call.name:
                raise ModelError(Kind.GARBLED, "The model called a tool without saying which.")
            if rest := call.arguments.end(cut=cut):
                out.append({"index": call.index, "function": {"arguments": rest}})
            if call.name:
                call.arguments.check(call.name)
        return out

    def _take(self, entry: dict[str, Any]) -> list[dict[str, Any]]:
        index, given = _index(entry.get("index")), _id(entry.get("id"))
        function = self._function(entry)
        name = function.get("name")
        name = name if isinstance(name, str) else ""
        call = self._call_of(index, given, name, function.get("arguments"))
        if call is None:
            return []
        self._last = call
        piece = call.arguments.feed(function.get("arguments"))
        return self._entry(call, entry, function, piece)

    def _function(self, entry: dict[str, Any]) -> dict[str, Any]:
        """The entry's function; the entry itself where it is flat."""
        function = entry.get("function")
        if isinstance(function, dict):
            if function.get("arguments") is None and "arguments" not in function and "parameters" in function:
                self._noted.add("call_shape")
                return {**function, "arguments": function["parameters"]}
            return cast("dict[str, Any]", function)
        if entry.get("name") or "arguments" in entry:
            self._noted.add("call_shape")
            return {"name": entry.get("name"), "arguments": entry.get("arguments")}
        if function is not None or "function" in entry:
            self._noted.add("call_shape")
        return {}

    def _call_of(self, index: int | None, given: str, name: str, arguments: Any) -> _Call | None:
        """The call that a piece belongs to, a new one among them; None for a piece of nothing."""
        at = self._by_id.get(given) if given else None
        if at is not None:
            return self._named(at, index, given, name, arguments) if name else at
        at = self._last if index is None else self._at.get(index)
        if at is None and not given and not name:  # a piece under another index
            if self._last is None:
                return None if arguments in (None, "") else self._new(index, given, name)
            self._noted.add("call_index")
            return self._last
        if at is None:
            return self._new(index, given, name)
        if not name:
            again = at.is_named_again and self._begins(at, arguments)
            return self._new(index, given, at.name) if again else at
        if not given:
            return self._named(at, index, given, name, arguments)
        goes_on = at.arguments.has_begun and not at.arguments.is_complete and name == at.name
        is_unnamed = not at.given and not at.arguments.has_begun and at.name in ("", name)
        if is_unnamed:
            at.name, at.given = name, given
            self._by_id[given] = at
        return at if goes_on or is_unnamed else self._new(index, given, name)

    def _named(self, at: _Call, index: int | None, given: str, name: str, arguments: Any) -> _Call:
        """The call of a piece with a name, whose id or index is that of `at`."""
        is_elsewhere = index is not None and self._at.get(index) is not at
        if at.arguments.is_complete:
            is_repeated = arguments not in (None, "") and not self._begins(at, arguments)
            if not is_repeated and (name != at.name or is_elsewhere or self._begins(at, arguments)):
                return self._new(index, given, name)
            at.is_named_again = True
        elif at.arguments.has_begun:
            return at if name == at.name else self._new(index, given, name)
        elif at.name and (is_elsewhere or (name != at.name and self._is_tool(at.name) and self._is_tool(name))):
            return self._new(index, given, name)
        elif name.startswith(at.name):
            at.name = name
        else:
            self._noted.add("name_split")
            at.name += name
        return at

    def _is_tool(self, name: str) -> bool:
        return tool_meant(name, self._asked.tools) is not None

    def _begins(self, call: _Call, arguments: Any) -> bool:
        """Whether these arguments are those of another call than `call`, and no repetition of its own."""
        if arguments is None or arguments == "":
            return False
        return not call.arguments.repeats(arguments if isinstance(arguments, str) else text_of(arguments))

    def _new(self, index: int | None, given: str, name: str) -> _Call:
        if len(self._calls) >= MOST_CALLS:
            raise ModelError(Kind.RUNAWAY, f"The model called more than {MOST_CALLS} tools at once.")
        call = _Call(len(self._calls), given, name, self._noted)
        if index != call.index:
            self._noted.add("call_index")
        self._calls.append(call)
        self._last = call
        if given:
            self._by_id.setdefault(given, call)
        if index is not None:
            self._at[index] = call
        return call

    def _entry(self, call: _Call, entry: dict[str, Any], function: dict[str, Any], piece: str) -> list[dict[str, Any]]:
        if not call.name:
            call.waiting.append(piece)
            return []
        name = name_of(call.name, self._asked, self._noted)
        is_first = not call.id
        if is_first:
            call.id = self._ids.take(call.given)
            piece, call.waiting = "".join([*call.waiting, piece]), []
        passed = {key: value for key, value in entry.items() if key not in ("name", "arguments", "parameters")}
        passed["index"] = call.index
        if is_first or entry.get("id"):
            passed["id"] = call.id
        if is_first and not isinstance(entry.get("type"), str):
            passed["type"] = "function"
        inner = {key: value for key, value in function.items() if key != "parameters"}
        if is_first or inner.get("name"):
            inner["name"] = name
        if piece or inner.get("arguments") is not None:
            inner["arguments"] = piece
        elif is_first:
            inner["arguments"] = ""
        passed["function"] = inner
        return [passed]


def _index(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isdecimal() and len(value) < 6:
        return int(value)
    return value if isinstance(value, int) and value >= 0 else None


def _id(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)
