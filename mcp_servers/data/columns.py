"""Columns, found by what a person or a model calls them."""

import difflib
import re
from collections.abc import Sequence

from agentnet.errors import InvalidInputError

CUTOFF = 0.75
SHOWN_COLUMNS = 60


def match_column(name: str, columns: Sequence[str]) -> str:
    """The column meant by `name`: exact, else without case and punctuation, else singular or plural, else the nearest.

    Raises `InvalidInputError` that lists the columns.
    """
    if name in columns:
        return name
    for reduce in (_plain, _singular):
        found = [column for column in columns if reduce(column) == reduce(name) and reduce(name)]
        if found:
            return found[0]
    near = difflib.get_close_matches(_plain(name), [_plain(column) for column in columns], n=1, cutoff=CUTOFF)
    if near:
        return next(column for column in columns if _plain(column) == near[0])
    listed = ", ".join(columns[:SHOWN_COLUMNS])
    raise InvalidInputError(f"There is no column {name!r}; the columns are {listed}.")


def match_columns(names: str, columns: Sequence[str]) -> list[str]:
    """One column, or several with commas between. Raises `InvalidInputError`."""
    if "," not in names or names in columns:
        return [match_column(names, columns)]
    return list(dict.fromkeys(match_column(name.strip(), columns) for name in names.split(",") if name.strip()))


def quoted(identifier: str) -> str:
    """`identifier` as SQL says it."""
    return '"' + identifier.replace('"', '""') + '"'


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _singular(name: str) -> str:
    plain = _plain(name)
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("s", "")):
        if plain.endswith(ending) and len(plain) > len(ending) + 1:
            return plain.removesuffix(ending) + instead
    return plain
