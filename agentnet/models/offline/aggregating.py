"""Aggregating: which function a step means where its words leave it open."""

import re

from agentnet.models.offline.phrases import counts, extreme_groups, measure_phrases
from agentnet.models.offline.words import stem, words

_AVERAGES = re.compile(r"\b(?:average|mean|median)\b", re.IGNORECASE)
_SINGLE = re.compile(r"\b(?:maximum|max|minimum|min|single|one)\b", re.IGNORECASE)
_ADDED_UP = frozenset(map(stem, words("revenue sales amount units quantity turnover profit volume cost total orders")))


def averages(step: str) -> bool:
    """Whether `step` asks for an average, which nothing but a column of numbers has."""
    return bool(_AVERAGES.search(step)) and not counts(step)


def sums_groups(step: str) -> bool:
    """Whether the extreme that `step` asks for is one of sums: a group's, in something that adds up."""
    measured = {stem(word) for phrase in measure_phrases(step) for word in words(phrase)}
    return bool(extreme_groups(step) and measured & _ADDED_UP and not _SINGLE.search(step))
