"""Ranking: which of a few candidates cover the words of a need best.

A word counts by how rare it is among the candidates' names, and by where it hits (name, description, other words); a
form that only begins alike counts for less, a word that hits nothing weighs against all. A skill id or tag that the
need holds whole raises the score.
"""

from collections.abc import Iterable, Sequence
from math import log
from operator import mul
from typing import NamedTuple

FIELD_WEIGHTS = [0.5, 0.6, 0.8, 1.0]
"""How much a hit counts: in other words, (unused), in the description, in the name."""
NEAR_FORM = 0.6
"""What a word that only begins alike counts of a hit: `summarize` and `summary`."""
UNSEEN_WEIGHT = 0.3
"""What a word that hits nothing weighs against all; a word that hits a single name weighs 1."""
LABEL_BOOST = 0.25
"""What a skill id or a tag that the need holds whole adds to the score; two count."""
COUNTED_LABELS = 2
CUTOFF = 0.08
"""The least relevance, of 1, that is offered."""


class Ranked(NamedTuple):
    """A name with its relevance, of 1."""

    name: str
    tenant: str
    score: float


def ranked(candidates: Iterable[Iterable[str]], estimates: Sequence[float]) -> list[Ranked]:
    """The names of `candidates`, rows of `sql.CANDIDATES`, best first and ties by name, without the irrelevant ones.

    `estimates` tells how many of all entries have each word: few candidates say little of how rare it is.
    """
    hits: dict[tuple[str, str], list[float]] = {}
    labels: dict[tuple[str, str], int] = {}
    for name, tenant, said, held in candidates:
        key, strengths = (name, tenant), list(map(float, said.split()))
        # The instances of a name are one: the best of each.
        hits[key] = list(map(max, hits[key], strengths)) if key in hits else strengths
        if held:
            labels[key] = max(labels.get(key, 0), len(set(held.split("/"))))
    weights = _weights(zip(*hits.values(), strict=True), estimates)
    total = sum(weights)
    best: list[Ranked] = []
    for key, strengths in hits.items():
        boost = 1 + LABEL_BOOST * min(COUNTED_LABELS, labels.get(key, 0))
        score = min(1.0, sum(map(mul, strengths, weights)) / total * boost)
        if score >= CUTOFF:
            best.append(Ranked(*key, score))
    return sorted(best, key=lambda each: (-each.score, each.name))


def _weights(words: Iterable[Sequence[float]], estimates: Sequence[float]) -> list[float]:
    """What each word weighs; `words` has, for each, how strongly it hits each name."""
    counts = [max(len(hits) - hits.count(0.0), about) for hits, about in zip(words, estimates, strict=False)]
    return [1 / (1 + log(max(1.0, count))) if count else UNSEEN_WEIGHT for count in counts]
