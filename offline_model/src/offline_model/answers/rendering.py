"""Rendering: what a tool returned, as Markdown that a person reads."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from offline_model.answers.moments import moment_of, said, tells_again
from offline_model.answers.passages import LISTS, Passage, best_sentences, cited, cited_blocks, left_out, passages_of
from offline_model.arguments.known import parsed
from offline_model.language.phrases import counted_phrases, counts
from offline_model.language.values import is_file_uri, number
from offline_model.language.vocabulary import ASKING, word_set
from offline_model.language.words import overlap, words

NOTHING = "I found nothing that answers this."
"""How an answer begins when a search brought nothing to the point."""
NO_RESULTS = "There are no results."
MAX_ROWS = 50
MAX_TIED = 3
MAX_COLUMNS = 10
_SPEAKS_OF_IT, _SURELY = 0.5, 0.7
"""Share of a question's words beyond which a passage speaks of what is asked."""
_SURE = re.compile(r"(?<=\w )(?!I\b)[A-Z][\w-]+|\b\d[\d.]*\b")
_LONG_TEXT = 1_200
_SHORT_TEXT = 300
_SHOWN_DIGITS = 15
_LOWEST = re.compile(r"\b(?:lowest|least|smallest|fewest|worst|minimum|cheapest)\b", re.IGNORECASE)
_MORE = re.compile(r"^The first \d+.*; there are more\.$", re.MULTILINE)
_NOTES = re.compile(r"^Note:\n(?:- .*\n?)+", re.MULTILINE)
_COUNTED = re.compile(r"\bhow many ([a-z]+)", re.IGNORECASE)
_LONG_NUMBER = re.compile(rf"(?<!\d)-?\d+\.\d{{{_SHOWN_DIGITS},}}")
_EMPTY = re.compile(r"^no (?:\w+ )?(?:passages?|results?|match(?:es)?|documents?|hits?|rows?|entries)\b", re.IGNORECASE)
_FILE_LINE = re.compile(r"^(?:File: )?(agentnet-file:[0-9a-f]+/\S+)(?: \([^)\n]*\))?[ \t]*$\n?", re.MULTILINE)
_TABLE = re.compile(r"^\|.+\|[ \t]*\n\|(?:[ :-]+\|)+[ \t]*\n(?:\|.*\|[ \t]*\n?)+", re.MULTILINE)
_IS_NUMBER = re.compile(r"(?!.{16})-?(?:\d{1,3}(?:,\d{3})+|0|[1-9]\d*)(?:\.\d+)?")
_BODY_KEYS = ("report", "markdown", "text", "answer", "content", "summary", "document", "article", "body")
_VALUE_KEYS = ("result", "value", "answer", "converted", "output", "total", "count")
_AGGREGATES = word_set("group_by groupby group by x column columns function aggregate")
_CITATION = re.compile(r"\[[^\]\n]{1,200}:\d[\d-]*\]")


def render(output: str, question: str, arguments: Mapping[str, Any]) -> str:
    """`output` of a call with `arguments`, as the answer to `question`."""
    value = parsed(output)
    if value is None:
        return _text(output.strip(), question, arguments)
    found = passages_of(value)
    if found:
        return _found(question, found)
    return _value(value, arguments, question) or (NOTHING if {*LISTS} & {*value} else "The tool returned nothing.")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a Markdown table."""
    columns = list(dict.fromkeys(str(key) for row in rows[:MAX_ROWS] for key in row))[:MAX_COLUMNS]
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join(' --- ' for _ in columns)}|"]
    lines += [f"| {' | '.join(_cell(row.get(column)) for column in columns)} |" for row in rows[:MAX_ROWS]]
    more = [f"\n… and {(n := len(rows) - MAX_ROWS)} more row{'s' * (n > 1)}."] if len(rows) > MAX_ROWS else []
    return "\n".join([*lines, *more])


def _found(question: str, found: list[Passage]) -> str:
    best = best_sentences(question, found)
    # Names and numbers mean themselves: a text without them speaks of something else.
    sure = {word for said in _SURE.findall(question) for word in words(said)}
    asked = [word for word in words(question) if word not in ASKING]
    plain = " ".join(word for word in asked if not word.isdigit())
    texts = [f"{item.heading} {item.text}" for item in found]
    speaks = [sure <= set(words(text)) and overlap(plain, text) > _SPEAKS_OF_IT for text in texts]
    if not best or not (any(speaks) or not asked):
        return NOTHING
    # A passage may have all words of the question, each in another sentence.
    fits = not asked or overlap(plain, " ".join(item.text for item in best)) > _SPEAKS_OF_IT
    if counted := counted_phrases(question):  # how many there are tells only a number of them
        number_of = re.compile(rf"\d\s+(?:\w+\s+){{0,2}}{re.escape(counted[0].rstrip('s'))}", re.IGNORECASE)
        best = [item for item in best if number_of.search(item.text) and overlap(plain, item.text) > _SURELY]
        return cited(best) or NOTHING
    return cited(best) + left_out(question, best) if fits else f"{NOTHING} The nearest is:\n\n{cited(best)}"


def _text(text: str, question: str, arguments: Mapping[str, Any]) -> str:
    if not text:
        return "The tool returned nothing."
    if _EMPTY.match(text) and len(text) < _SHORT_TEXT:
        return f"{NOTHING} {text}"
    if re.fullmatch(r"[-+]?[\d.,]+(?:e[-+]?\d+)?", text):
        return f"The result is {text}."
    found = cited_blocks(text)
    if found:
        return _found(question, found)
    asks = question.rstrip().endswith("?") or words(question)[:1] in (["what"], ["how"], ["why"], ["explain"], ["who"])
    if asks and (len(text) > _LONG_TEXT or len(_CITATION.findall(text)) > 2) and not tables_in(text):
        best = best_sentences(question, [Passage(block) for block in text.split("\n\n")])
        return cited(best) or text
    return _with_headline(_with_links(text, arguments), question, arguments)


def tables_in(text: str) -> list[list[dict[str, str]]]:
    """The Markdown tables of `text` as rows by column."""
    found: list[list[dict[str, str]]] = []
    for block in _TABLE.findall(text):
        lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.strip().splitlines()]
        found.append([dict(zip(lines[0], cells, strict=False)) for cells in lines[2:]])
    return found


def extreme_of(rows: Sequence[Mapping[str, str]], *, lowest: bool) -> str:
    """The row with the highest or lowest number, of a table with a label and one number a row, as a sentence."""
    pairs = [
        (label, number(value))
        for label, value in (row.values() for row in rows if len(row) == 2)
        if _IS_NUMBER.fullmatch(value)
    ]
    if not pairs or len(pairs) < len(rows):
        return ""
    label, value = (min if lowest else max)(pairs, key=lambda pair: pair[1])
    return f"The {'lowest' if lowest else 'highest'} is {label} with {_cell(value)}."


def _with_links(text: str, arguments: Mapping[str, Any]) -> str:
    title = str(arguments.get("title") or "")
    files = [_link({"uri": uri, "title": title}, "uri") for uri in _FILE_LINE.findall(text)]
    return "\n\n".join(filter(None, (_FILE_LINE.sub("", text).strip(), *files)))


def _with_headline(text: str, question: str, arguments: Mapping[str, Any]) -> str:
    tables = tables_in(text)
    rows = (
        [{key: number(cell) if _IS_NUMBER.fullmatch(cell) else cell for key, cell in row.items()} for row in tables[0]]
        if len(tables) == 1
        else []
    )
    if len(rows) == 1 and len(rows[0]) == 1:
        key, value = next(iter(rows[0].items()))
        # What a sum leaves out belongs to it.
        return "\n\n".join([f"The {key} is {_cell(value) or 'unknown'}.", *map(str.strip, _NOTES.findall(text))])
    headline = _headline(rows, question, arguments) if rows and not _MORE.search(text) else ""
    return f"{headline}\n\n{text}" if headline else text


def _value(value: Any, arguments: Mapping[str, Any], question: str) -> str:
    if isinstance(value, list):
        return _list(value, arguments, question)
    if isinstance(value, Mapping):
        return _mapping(value, arguments, question)
    return _statement(value, arguments)


def _list(value: list[Any], arguments: Mapping[str, Any], question: str) -> str:
    if not value:
        return NO_RESULTS
    rows = [item for item in value if isinstance(item, Mapping)]
    if len(rows) == len(value):
        if len(rows) == 1 and len(rows[0]) > 1:
            return _mapping(rows[0], arguments, question)
        return "\n\n".join(filter(None, (_headline(rows, question, arguments), table(rows))))
    return "\n".join(f"- {_cell(item)}" for item in value[:MAX_ROWS])


def _mapping(value: Mapping[str, Any], arguments: Mapping[str, Any], question: str) -> str:
    rows = _rows(value)
    parts, used = _lead(value, arguments, question)
    if rows:
        parts += [part for part in (_headline(rows[1], question, arguments), table(rows[1])) if part]
        used |= rows[0]
    links = [key for key, item in value.items() if isinstance(item, str) and is_file_uri(item)]
    parts += [_link(value, key) for key in links]
    shown = used | set(links)
    rest = {key: item for key, item in value.items() if key not in shown and item not in (None, "", [], {})}
    if parts:
        rest = {key: item for key, item in rest.items() if item is not True and item not in arguments.values()}
    lines = [_line(key, item) for key, item in rest.items()]
    return "\n\n".join([*parts, "\n".join(lines)] if lines else parts)


def _lead(value: Mapping[str, Any], arguments: Mapping[str, Any], question: str) -> tuple[list[str], set[str]]:
    body = next((key for key in _BODY_KEYS if isinstance(value.get(key), str) and len(value[key]) > 80), None)
    if body:
        return [str(value[body]).strip()], {body}
    result = next((key for key in _VALUE_KEYS if isinstance(value.get(key), str | int | float)), None)
    if result and {"expression", "from_unit"} & set(arguments):
        return [_statement(value[result], arguments)], {result, *arguments}
    pair = _two_moments(value)
    if pair:
        return [pair[0]], pair[1]
    moments = {key: moment for key, item in value.items() if (moment := moment_of(item))}
    if len(moments) == 1 and len(value) <= 8:
        key, moment = next(iter(moments.items()))
        told = {name for name, item in value.items() if tells_again(item, moment) or item == _zone(value)}
        return [f"It is {_moment_there(value)}."], {key, *told}
    wanted = _COUNTED.search(question)
    counted = [name for name in value if wanted and name.rstrip("s") == wanted[1].lower().rstrip("s")]
    if counted and _is_number(value[counted[0]]):
        return [f"The answer is {_cell(value[counted[0]])} {counted[0]}."], {counted[0]}
    return [], set()


def _two_moments(value: Mapping[str, Any]) -> tuple[str, set[str]] | None:
    inner = {key: item for key, item in value.items() if isinstance(item, Mapping) and _moment_there(item)}
    if len(inner) != 2:
        return None
    here, there = inner.values()
    return f"{_moment_there(here)} is {_moment_there(there)}.", {*inner, *(key for key in value if "shift" in key)}


def _moment_there(value: Mapping[str, Any]) -> str:
    moment = next((found for item in value.values() if (found := moment_of(item))), None)
    zone = _zone(value)
    return f"{said(moment)}{f' in {zone}' if zone else ''}" if moment else ""


def _zone(value: Mapping[str, Any]) -> str:
    return next((str(item) for name, item in value.items() if re.search(r"zone|city|place|^tz", str(name))), "")


def _link(value: Mapping[str, Any], key: str) -> str:
    uri = str(value[key])
    name = str(value.get("title") or value.get("name") or uri.rsplit("/", 1)[-1])
    picture = re.search(r"\.(?:png|jpe?g|svg|gif|webp)$", uri, re.IGNORECASE)
    return f"{'!' if picture else ''}[{name}]({uri})"


def _line(key: str, item: Any) -> str:
    label = f"- **{_human(key)}:**"
    if isinstance(item, Mapping):
        return "\n".join(
            [label, *(f"  - {_human(str(name))}: {_cell(entry)}" for name, entry in [*item.items()][:MAX_ROWS])]
        )
    if not isinstance(item, list):
        return f"{label} {_cell(item)}"
    if all(isinstance(row, Mapping) for row in item):
        return f"{label}\n\n{table(item)}\n"
    cells = [_cell(entry) for entry in item]
    if all(len(cell) < 40 and " " not in cell for cell in cells):
        return f"{label} {', '.join(cells)}"
    return "\n".join([label, *(f"  - {cell}" for cell in cells[:MAX_ROWS])])


def _rows(value: Mapping[str, Any]) -> tuple[set[str], list[Mapping[str, Any]]] | None:
    columns, cells = value.get("columns"), value.get("rows")
    if isinstance(columns, list) and isinstance(cells, list) and all(isinstance(row, list) for row in cells) and cells:
        names = [str(item.get("name")) if isinstance(item, Mapping) else str(item) for item in columns]
        return {"columns", "rows"}, [dict(zip(names, row, strict=False)) for row in cells]
    for key in ("rows", "groups", "records", "items", "results", "data", "values", "buckets"):
        item = value.get(key)
        if isinstance(item, list) and item and all(isinstance(row, Mapping) for row in item):
            return {key}, list(item)
    return None


def _headline(rows: Sequence[Mapping[str, Any]], question: str, arguments: Mapping[str, Any]) -> str:
    if not _AGGREGATES & set(arguments) or not 2 <= len(rows) <= MAX_ROWS or any(len(row) != 2 for row in rows):
        return ""
    keys = list(rows[0])
    numeric = [key for key in keys if all(_is_number(row.get(key)) for row in rows)]
    if len(numeric) != 1:
        return ""
    label = next(key for key in keys if key not in numeric)
    ordered = sorted(rows, key=lambda row: float(row[numeric[0]]))
    low, high = ordered[0], ordered[-1]
    if low[numeric[0]] == high[numeric[0]]:
        return f"All {len(rows)} have the same: {_cell(high[numeric[0]])}."
    adds = counts(question) or numeric[0].startswith("sum")
    total = f" The sum is {_cell(float(sum(Decimal(str(row[numeric[0]])) for row in rows)))}." if adds else ""
    first, last = (_sharing(rows, label, numeric[0], end[numeric[0]]) for end in (high, low))
    first += f" {of[0]}" if (of := counted_phrases(question)) and adds else f" ({_human(numeric[0]).lower()})"
    verb = "are" if sum(row[numeric[0]] == high[numeric[0]] for row in rows) > 1 else "is"
    if _LOWEST.search(question):
        return f"The lowest is {last}, the highest {first}.{total}"
    return f"The highest {verb} {first}, the lowest {last}.{total}"


def _sharing(rows: Sequence[Mapping[str, Any]], label: str, measure: str, value: Any) -> str:
    labels = [_cell(row[label]) for row in rows if row[measure] == value]
    named = [*labels[:MAX_TIED], f"{len(labels) - MAX_TIED} more"] if len(labels) > MAX_TIED else labels
    return f"{' and '.join(named)} with {_cell(value)}"


def _statement(value: Any, arguments: Mapping[str, Any]) -> str:
    shown = _cell(value)
    if arguments.get("expression"):
        return f"{arguments['expression']} = {shown}"
    if {"value", "from_unit", "to_unit"} <= set(arguments):
        return f"{_cell(arguments['value'])} {arguments['from_unit']} = {shown} {arguments['to_unit']}"
    return f"The result is {shown}." if _is_number(value) or isinstance(value, bool) else shown


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        exact = Decimal(f"{value:.{_SHOWN_DIGITS}g}").normalize() + 0  # without the noise of 0.1 + 0.2
        return f"{exact:,f}" if abs(value) >= 1e6 else f"{exact:f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{_human(str(key))}: {_cell(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    moment = moment_of(value)
    if moment:
        return said(moment)
    if isinstance(value, str) and _LONG_NUMBER.fullmatch(value):
        return f"{float(value):.{_SHOWN_DIGITS}g}…"
    return "" if value is None else " ".join(str(value).split()).replace("|", "\\|")


def _human(key: str) -> str:
    text = " ".join(words(key)) or key
    return text[:1].upper() + text[1:]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
