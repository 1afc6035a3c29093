"""Rendering: what a tool returned, as Markdown that a person reads."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agentnet.models.offline.known import parsed
from agentnet.models.offline.passages import Passage, best_sentences, cited, passages_of
from agentnet.models.offline.phrases import counts
from agentnet.models.offline.words import words

MAX_ROWS = 50
MAX_COLUMNS = 10
_LONG_TEXT = 1_200
_BODY_KEYS = ("report", "markdown", "text", "answer", "content", "summary", "document", "article", "body")
_VALUE_KEYS = ("result", "value", "answer", "converted", "output", "total", "count")
_CITATION = re.compile(r"\[[^\]\n]+:\d[\d-]*\]")


def render(output: str, question: str, arguments: Mapping[str, Any]) -> str:
    """`output` of a call with `arguments`, as the answer to `question`."""
    value = parsed(output)
    if value is None:
        return _text(output.strip(), question)
    found = passages_of(value)
    if found:
        return _found(question, found)
    return _value(value, arguments, question) or "The tool returned nothing."


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table."""
    columns = list(dict.fromkeys(str(key) for row in rows[:MAX_ROWS] for key in row))[:MAX_COLUMNS]
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join(' --- ' for _ in columns)}|"]
    lines += [f"| {' | '.join(_cell(row.get(column)) for column in columns)} |" for row in rows[:MAX_ROWS]]
    more = [f"\n… and {len(rows) - MAX_ROWS} more rows."] if len(rows) > MAX_ROWS else []
    return "\n".join([*lines, *more])


def _found(question: str, found: list[Passage]) -> str:
    best = best_sentences(question, found)
    if best:
        return cited(best)
    sources = ", ".join(dict.fromkeys(passage.citation for passage in found if passage.citation))
    return "I found nothing that answers this." + (f" Nearest places: {sources}." if sources else "")


def _text(text: str, question: str) -> str:
    if not text:
        return "The tool returned nothing."
    if re.fullmatch(r"[-+]?[\d.,]+(?:e[-+]?\d+)?", text):
        return f"The result is {text}."
    asks = question.rstrip().endswith("?") or words(question)[:1] in (
        ["what"],
        ["how"],
        ["why"],
        ["explain"],
        ["who"],
        ["when"],
    )
    if asks and (len(text) > _LONG_TEXT or len(_CITATION.findall(text)) > 2):
        best = best_sentences(question, [Passage(block) for block in text.split("\n\n")])
        return cited(best) or text
    return text


def _value(value: Any, arguments: Mapping[str, Any], question: str) -> str:
    if isinstance(value, list):
        return _list(value, arguments, question)
    if isinstance(value, Mapping):
        return _mapping(value, arguments, question)
    return _statement(value, arguments)


def _list(value: list[Any], arguments: Mapping[str, Any], question: str) -> str:
    if not value:
        return "There are no results."
    rows = [item for item in value if isinstance(item, Mapping)]
    if len(rows) == len(value):
        if len(rows) == 1 and len(rows[0]) > 1:
            return _mapping(rows[0], arguments, question)
        return "\n\n".join(filter(None, (_headline(rows, question), table(rows))))
    return "\n".join(f"- {_cell(item)}" for item in value[:MAX_ROWS])


def _mapping(value: Mapping[str, Any], arguments: Mapping[str, Any], question: str) -> str:
    rows = _rows(value)
    body = next((key for key in _BODY_KEYS if isinstance(value.get(key), str) and len(value[key]) > 80), None)
    result = next((key for key in _VALUE_KEYS if _is_scalar(value.get(key))), None)
    parts: list[str] = []
    used: set[str] = set()
    if body:
        parts.append(str(value[body]).strip())
        used.add(body)
    elif result and {"expression", "from_unit"} & set(arguments):
        parts.append(_statement(value[result], arguments))
        used |= {result, *arguments}
    if rows:
        parts += [part for part in (_headline(rows[1], question), table(rows[1])) if part]
        used |= rows[0]
    rest = {key: item for key, item in value.items() if key not in used and item not in (None, "", [], {})}
    lines = [_line(key, item) for key, item in rest.items()]
    return "\n\n".join([*parts, "\n".join(lines)] if lines else parts)


def _line(key: str, item: Any) -> str:
    label = f"- **{_human(key)}:**"
    if isinstance(item, list) and item and all(isinstance(row, Mapping) for row in item):
        return f"{label}\n\n{table(item)}\n"
    if isinstance(item, list):
        return (
            f"{label} {', '.join(map(_cell, item))}"
            if all(len(_cell(x)) < 40 for x in item)
            else "\n".join([label, *(f"  - {_cell(entry)}" for entry in item[:MAX_ROWS])])
        )
    if isinstance(item, Mapping):
        return "\n".join(
            [label, *(f"  - {_human(str(name))}: {_cell(entry)}" for name, entry in list(item.items())[:MAX_ROWS])]
        )
    return f"{label} {_cell(item)}"


def _rows(value: Mapping[str, Any]) -> tuple[set[str], list[Mapping[str, Any]]] | None:
    """The table in a result: a list of records, or columns with rows of cells."""
    columns, cells = value.get("columns"), value.get("rows")
    if isinstance(columns, list) and isinstance(cells, list) and all(isinstance(row, list) for row in cells) and cells:
        names = [str(item.get("name")) if isinstance(item, Mapping) else str(item) for item in columns]
        return {"columns", "rows"}, [dict(zip(names, row, strict=False)) for row in cells]
    for key in ("rows", "groups", "records", "items", "results", "data", "values", "buckets"):
        item = value.get(key)
        if isinstance(item, list) and item and all(isinstance(row, Mapping) for row in item):
            return {key}, list(item)
    return None


def _headline(rows: Sequence[Mapping[str, Any]], question: str) -> str:
    """One sentence on the extremes of a table with one number per row."""
    if not 2 <= len(rows) <= MAX_ROWS or any(len(row) != 2 for row in rows):
        return ""
    keys = list(rows[0])
    numeric = [key for key in keys if all(_is_number(row.get(key)) for row in rows)]
    if len(numeric) != 1:
        return ""
    label = next(key for key in keys if key not in numeric)
    ordered = sorted(rows, key=lambda row: float(row[numeric[0]]))
    low, high = ordered[0], ordered[-1]
    total = f" The sum is {_cell(sum(row[numeric[0]] for row in rows))}." if counts(question) else ""
    highest = f"**{_cell(high[label])}** is highest with {_cell(high[numeric[0]])}"
    return f"{highest}, **{_cell(low[label])}** lowest with {_cell(low[numeric[0]])}.{total}"


def _statement(value: Any, arguments: Mapping[str, Any]) -> str:
    said = _cell(value)
    if arguments.get("expression"):
        return f"{arguments['expression']} = {said}"
    if {"value", "from_unit", "to_unit"} <= set(arguments):
        return f"{_cell(arguments['value'])} {arguments['from_unit']} = {said} {arguments['to_unit']}"
    return f"The result is {said}." if _is_number(value) or isinstance(value, bool) else said


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:,.2f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{_human(str(key))}: {_cell(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return "" if value is None else " ".join(str(value).split()).replace("|", "\\|")


def _human(key: str) -> str:
    text = " ".join(words(key)) or key
    return text[:1].upper() + text[1:]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)
