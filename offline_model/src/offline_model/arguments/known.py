"""Names that tools gave: sources and columns found in their outputs, and the names that an error points to."""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from offline_model.language.vocabulary import word_set
from offline_model.language.words import nearest

MAX_DEPTH = 24
MAX_LISTING = 20_000
"""Characters of a listing in words that are searched for names."""

_COLUMN_KEYS = word_set("columns column_names fields schema headers")
_SOURCE_KEYS = word_set("source sources name file path uri table tables dataset datasets files names id")
_COLUMN_LINE = re.compile(
    r"^[^\w\n]{0,20}(?:columns?|fields?|headers?)\b[^:\n]*:\s*(.+)$", re.IGNORECASE | re.MULTILINE
)
_SOURCE_LINE = re.compile(
    r"^[^\w\n]{0,20}(?:sources?|files?|tables?|datasets?|available)\b[^:\n]*:\s*(.+)$", re.IGNORECASE | re.MULTILINE
)
_TYPED_LINE = re.compile(
    r"^[ \t]*[-*•][ \t]*[`\"']?([^\n`\"']{1,200}?)[`\"']?(?::[ \t]+|[ \t]*\((?=[^()\n]*\)[ \t]*$))"
    r"([A-Za-z][\w() ,]*?)\)?[ \t]*$",
    re.MULTILINE,
)
_COLUMN_LIST = re.compile(r"\bcolumns?\b[^\n]{0,80}:[ \t]*\n((?:[ \t]*[-*•][^\n]*\n?)+)", re.IGNORECASE)
_BULLET = re.compile(r"^[ \t]*[-*•|][ \t]*[`\"']?([\w./-]+)[`\"']?", re.MULTILINE)
COUNTED = "it is counted like the others"
"""What the note on a last row that sums up the others ends in."""
_TOTAL = re.compile(rf"The last row says “([^”\n]+)”; {COUNTED}")
_NUMERIC = re.compile(r"int\d*\b|float|num|double|decimal|real|long", re.IGNORECASE)
_NAME = re.compile(r"(?<![\w./:-])[\w./:-]*\w")
_ERROR = re.compile(
    r"(?i)^\W*(?:\w*error\b|an error occurred|failed|failure|exception|traceback|invalid|unknown|cannot|could not"
    r"|tool '[^']*' timed out|no such|not found|there is no|unable)"
)
_ENVELOPE = re.compile(r"^an error occurred while running the tool\. please try again\. error:\s*", re.IGNORECASE)
_SUGGESTED = re.compile(r"did you mean:?\s*[`'\"‘“]?([\w./:-]*\w)", re.IGNORECASE)
_OFFERED = re.compile(
    r"(?i)(?:known here|there (?:are|is)|available|choose from|one of|known|has|have|valid|columns|"
    r"sources|expected)[^:\[(]{0,40}[:\[(](?!//)\s*([^\n\])]+)"
)


@dataclass(frozen=True)
class Names:
    """Names that outputs hold, in order."""

    sources: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    """Columns whose type is told and is not a number."""
    types: Mapping[str, str] = field(default_factory=dict[str, str])
    """Types of columns, as they were told."""
    values: tuple[tuple[str, str], ...] = ()
    """Columns with a value that a step speaks of and that they were found to hold."""
    unknown: tuple[str, ...] = ()
    """Names that a step speaks of and that no column holds."""
    total: str = ""
    """What the last row says in the first column where it sums up the others."""

    def is_numeric(self, column: str | None) -> bool:
        """Whether `column` may hold numbers, for all that is known."""
        return column is not None and column not in self.words


def names_in(outputs: Sequence[str]) -> Names:
    """What the outputs of listing and describing tools name."""
    sources: list[str] = []
    columns: list[str] = []
    typed: dict[str, str] = {}
    for given in outputs:
        output = given if given.lstrip()[:1] in {"[", "{"} else given[:MAX_LISTING]
        if error_of(output) is not None:
            continue
        value = parsed(output)
        if value is None:
            listed = [pair for block in _COLUMN_LIST.findall(output) for pair in _TYPED_LINE.findall(block)]
            typed |= dict(listed)
            columns += [name for name, _ in listed]
            columns += [name for line in _COLUMN_LINE.findall(output) for name in _list_of_names(line)]
            sources += [name for line in _SOURCE_LINE.findall(output) for name in _list_of_names(line)]
            sources += [] if columns else _BULLET.findall(output)
        else:
            _collect(value, sources, columns)
            typed |= _types(value)
    total = next((match[1] for output in outputs if (match := _TOTAL.search(output))), "")
    wordy = frozenset(name for name, kind in typed.items() if not _NUMERIC.search(kind))
    return Names(tuple(dict.fromkeys(sources)), tuple(dict.fromkeys(columns)), wordy, typed, total=total)


def parsed(output: str) -> Any:
    """The JSON value of `output` without a lone `result` around it; several values on lines become a list."""
    text = output.strip()
    if not text or text[0] not in '[{"-0123456789tfn':
        return None
    try:
        value = json.loads(text)
    except RecursionError:
        return None
    except ValueError:
        value = _lines(text)
    if _is_deep(value):
        return None
    while isinstance(value, dict) and len(value) == 1 and next(iter(value)) in {"result", "results", "data", "output"}:
        value = next(iter(value.values()))
    return value


def error_of(output: str) -> str | None:
    """What a failed call says of its failure; None for any other output."""
    text = _ENVELOPE.sub("", output.strip())
    value = parsed(text)
    if isinstance(value, Mapping):
        problem = value.get("error")
        if isinstance(problem, Mapping):
            problem = problem.get("message") or json.dumps(problem)
        return str(problem) if problem else None
    if value is None and (text != output.strip() or _ERROR.match(text)) and len(text) < 4_000:
        return re.sub(r"^(?:\w*error|failed):\s*", "", text, flags=re.IGNORECASE)
    return None


def correction(error: str, wrong: str) -> str | None:
    """The name that `error` offers in place of `wrong`."""
    suggested = _SUGGESTED.search(error)
    if suggested:
        return suggested[1]
    offered = [name for match in _OFFERED.findall(error) for name in _list_of_names(match) if name != wrong]
    close = difflib.get_close_matches(wrong.casefold(), [name.casefold() for name in offered], n=1, cutoff=0.6)
    if close:
        return next(name for name in offered if name.casefold() == close[0])
    return nearest(wrong, offered) or (offered[0] if len(offered) == 1 else None)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for outer in level
            if isinstance(outer, list | dict)
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


def _lines(text: str) -> Any:
    decoder = json.JSONDecoder()
    values: list[Any] = []
    position = 0
    while position < len(text):
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return None
        values.append(value)
        while position < len(text) and text[position] in " \r\n\t":
            position += 1
    return values if all(isinstance(value, dict | list) for value in values) else None


def _list_of_names(line: str) -> list[str]:
    return [match for part in re.split(r",|;|\band\b|\|", line) for match in _NAME.findall(part)[:1]]


def _collect(value: Any, sources: list[str], columns: list[str]) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if str(key).lower() in _COLUMN_KEYS:
                columns += _names(item)
            elif str(key).lower() in _SOURCE_KEYS and isinstance(item, str):
                sources.append(item)
            else:
                _collect(item, sources, columns)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, str):
                sources.append(item)
            else:
                _collect(item, sources, columns)


def _types(value: Any) -> dict[str, str]:
    if isinstance(value, list):
        return {name: kind for item in value for name, kind in _types(item).items()}
    if not isinstance(value, Mapping):
        return {}
    found: dict[str, str] = {}
    for key, item in value.items():
        if str(key).lower() in _COLUMN_KEYS and isinstance(item, Mapping):
            found |= {str(name): kind for name, kind in item.items() if isinstance(kind, str)}
        elif isinstance(item, list | Mapping):
            found |= _types(item)
    name, kind = value.get("name") or value.get("column"), value.get("type") or value.get("dtype")
    return found | ({str(name): str(kind)} if name and kind else {})


def _names(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [str(key) for key in value]
    if not isinstance(value, list):
        return []
    return [
        str(item.get("name") or item.get("column") or item.get("field")) if isinstance(item, Mapping) else str(item)
        for item in value
        if not isinstance(item, Mapping) or item.get("name") or item.get("column") or item.get("field")
    ]
