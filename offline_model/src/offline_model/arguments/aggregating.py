"""Aggregating: which function a step means where its words leave it open."""

import re
from collections.abc import Sequence

from offline_model.language.phrases import counts, extreme_groups, measure_phrases, ranks_by
from offline_model.language.words import stem, words

_AVERAGES = re.compile(r"\b(?:average|mean|median)\b", re.IGNORECASE)
_NAMED = (
    (re.compile(r"\bmedian\b", re.IGNORECASE), ("median",)),
    (re.compile(r"\b(?:average|mean)\b", re.IGNORECASE), ("avg", "mean", "average")),
)
_RANKS = re.compile(r"\b(?:best|worst)\b(?!.*\bby\b)", re.IGNORECASE)
_SINGLE = re.compile(r"\b(?:maximum|max|minimum|min|single|one)\b", re.IGNORECASE)
_ADDED_UP = frozenset(map(stem, words("revenue sales amount units quantity turnover profit volume cost total orders")))


def averages(step: str) -> bool:
    """Whether `step` asks for an average, which nothing but a column of numbers has."""
    return bool(_AVERAGES.search(step)) and not counts(step)


def ranks_groups(step: str) -> bool:
    """Whether `step` asks for the best or worst of its kind without saying by what."""
    return bool(_RANKS.search(step)) and not counts(step) and not measure_phrases(step)


def function_named(step: str, choices: Sequence[str]) -> str | None:
    """The one of `choices` that `step` names by one of its names, or means by the extreme of a group's sums."""
    if "sum" in choices and _sums_groups(step):
        return "sum"
    named = next((names for pattern, names in _NAMED if pattern.search(step)), ()) if averages(step) else ()
    return next((name for name in named if name in choices), None)


def _sums_groups(step: str) -> bool:
    """Whether the extreme that `step` asks for is one of sums: a group's, in something that adds up."""
    if ranks_by(step):
        return not averages(step) and not _SINGLE.search(step)
    measured = {stem(word) for phrase in measure_phrases(step) for word in words(phrase)}
    return bool(extreme_groups(step) and measured & _ADDED_UP and not _SINGLE.search(step))
