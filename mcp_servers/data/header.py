"""The head of a table: which rows come before it, which of them name the columns, and what the columns are called."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

Row = list[str]

MAX_TITLE_ROWS = 10
MAX_NAME_ROWS = 3
MAX_SHOWN = 60

_VALUE = re.compile(
    r"""[(+\-−]?\s*(?:[$€£¥₹]|[A-Z]{3})?\s*[+\-−]?(?:\d[\d.,'’\s]*|\.\d+)(?:[eE][+-]?\d+)?\s*(?:%|[$€£¥₹]|[A-Z]{3})?\)?
    |\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:[T\s].*)?|\d{1,2}:\d\d.*|true|false""",
    re.VERBOSE | re.IGNORECASE,
)
_UNIT = re.compile(r"[(\[].+[)\]]")
MISSING = frozenset(
    {"", "na", "n/a", "n.a.", "#n/a", "#na", "nan", "-nan", "null", "nil", "none", "-", "--", "–", "—", ".", "?"}
)
"""How tables say that there is no value, in lower case."""


@dataclass(slots=True)
class Header:
    """What the columns are called, and how many rows that took."""

    names: list[str]
    rows: int
    """Rows before the first of the data, titles and names."""
    notes: list[str] = field(default_factory=list[str])


def is_value(text: str) -> bool:
    """Whether `text` is a number, a date, a time or a truth value, however it is written."""
    return _VALUE.fullmatch(text.strip()) is not None


def find_header(sample: Sequence[Row]) -> Header:
    """The header of a table that begins with `sample`, rows that are not blank."""
    width = Counter(map(len, sample)).most_common(1)[0][0]
    titles = _titles(sample, width)
    notes: list[str] = []
    if titles:
        said = "; ".join(" ".join(filter(None, row)) for row in sample[:titles])
        lines = "first line is" if titles == 1 else f"first {titles} lines are"
        notes.append(f"The {lines} no part of the table: “{_short(said)}”.")
    first, rest = sample[titles], sample[titles + 1 :]
    if not first[0].strip():
        # Sheets leave empty cells at the end out.
        first = first + [""] * (width - len(first))
    if not _names_columns(first, rest):
        notes.append("There is no line with names: the columns are called column1, column2 and so on.")
        return Header([f"column{number + 1}" for number in range(len(first))], titles, notes)
    taken = _name_rows(first, rest)
    names = first if taken == 1 else _joined([first, *rest[: taken - 1]])
    if taken > 1:
        notes.append(f"The columns are named by {taken} lines together, such as “{_short(names[-1])}”.")
    data = sample[titles + taken :]
    if data and all(len(row) == len(names) + 1 and row[-1].strip() for row in data) and not _decimal_commas(data):
        # As R writes the names of its rows.
        notes.append("The first column has no name: it is called column1.")
        names = ["", *names]
    while (
        len(names) > 1 and not names[-1].strip() and all(len(row) < len(names) or not row[-1].strip() for row in data)
    ):
        # Each line ends with a separator.
        names = names[:-1]
    return Header(_unlike(names), titles + taken, notes)


def _titles(sample: Sequence[Row], width: int) -> int:
    if width < 2:
        return 0
    for number, row in enumerate(sample[:MAX_TITLE_ROWS]):
        filled = sum(bool(cell.strip()) for cell in row)
        # pandas leaves the name of its index out, and a group's name stands over its first column only.
        if len(row) >= width - 1 and (filled >= max(2, len(row) / 2) or (filled and not row[0].strip())):
            return number
    return 0


def _decimal_commas(rows: Sequence[Row]) -> bool:
    """Whether the last two cells of each row may be one number that a comma cut."""
    return all(row[-1].strip().isdigit() and row[-2].strip().lstrip("+-").isdigit() for row in rows)


def _names_columns(first: Row, rest: Sequence[Row]) -> bool:
    values = {at: cell.strip() for at, cell in enumerate(first) if is_value(cell)}
    if not values or not rest:
        return True
    below = {at: [row[at] for row in rest if at < len(row) and row[at].strip()] for at in values}
    if all(map(_is_year, values.values())):
        return not all(below[at] and all(map(_is_year, below[at])) for at in values)
    if len(values) < len(first) and _counts_up(list(values.values())):
        return True
    return not any(any(map(is_value, cells)) for cells in below.values())


def _counts_up(values: list[str]) -> bool:
    """Whether these are numbers of months, quarters and the like, as a header has them."""
    if len(values) < 2 or not all(value.isascii() and value.isdigit() for value in values):
        return False
    return [int(value) for value in values] == list(range(int(values[0]), int(values[0]) + len(values)))


def _is_year(text: str) -> bool:
    plain = text.strip()
    return len(plain) == 4 and plain.isascii() and plain.isdigit() and 1800 <= int(plain) <= 2200


def _name_rows(first: Row, rest: Sequence[Row]) -> int:
    """How many rows name the columns: further ones have text over numbers, below a gap, a repetition or as units."""
    above, taken = first, 1
    while taken < MAX_NAME_ROWS and len(rest) > taken:
        row, below = rest[taken - 1], rest[taken:]
        numbers = [at for at in range(len(row)) if _has_numbers(at, below)]
        over = [row[at].strip() for at in numbers]
        if not over or any(cell.lower() in MISSING for cell in over) or _any_data(row):
            return taken
        filled = [cell.strip() for cell in above if cell.strip()]
        grouped = len(filled) < len(above) - 1 or len(set(filled)) < len(filled)
        if not (grouped or all(map(_UNIT.fullmatch, over))):
            return taken
        above, taken = row, taken + 1
    return taken


def _has_numbers(at: int, rows: Sequence[Row]) -> bool:
    cells = [row[at] for row in rows if at < len(row) and row[at].strip().lower() not in MISSING]
    return bool(cells) and all(map(is_value, cells))


def _any_data(row: Row) -> bool:
    return any(is_value(cell) and not _is_year(cell) for cell in row)


def _joined(rows: Sequence[Row]) -> list[str]:
    width = max(map(len, rows))
    filled: list[Row] = []
    for number, row in enumerate(rows):
        cells = [cell.strip() for cell in row] + [""] * (width - len(row))
        last = ""
        for at, cell in enumerate(cells):
            last = cell or last
            # A group's name stands over its first column, and means those to the right too.
            if number + 1 < len(rows) and at:
                cells[at] = last
        filled.append(cells)
    return [" ".join(dict.fromkeys(filter(None, (row[at] for row in filled)))) for at in range(width)]


def _unlike(names: Sequence[str]) -> list[str]:
    taken: set[str] = set()
    unlike: list[str] = []
    for position, name in enumerate(names, start=1):
        plain = " ".join(name.split()) or f"column{position}"
        candidate, number = plain, 1
        # SQL does not tell upper from lower case.
        while candidate.lower() in taken:
            number += 1
            candidate = f"{plain}_{number}"
        taken.add(candidate.lower())
        unlike.append(candidate)
    return unlike


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
