"""Ranking: which of a few candidates cover the words of a need best.

A word counts by how rare it is among the candidates' names, and by where it hits (name, description, other words); a
form that only begins alike counts for less, a word that hits nothing weighs against all. A skill id or tag that the
need holds whole raises the score.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import asyncpg

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


Candidate = Mapping[str, Any] | asyncpg.Record
"""A row of `sql.CANDIDATES`."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A name with its relevance, of 1."""

    name: str
    tenant: str
    score: float


@dataclass(frozen=True, slots=True)
class _Hits:
    """What the instances of one name hit."""

    strengths: list[float]
    """Of each word of the need, the strongest hit."""
    labels: int
    """That the need holds whole."""


def ranked(candidates: Iterable[Candidate], estimates: Sequence[float]) -> list[Ranked]:
    """The names of `candidates`, best first and ties by name, without the irrelevant ones.

    `estimates` tells how many of all entries have each word: few candidates say little of how rare it is.
    """
    names = _by_name(candidates)
    if not names:
        return []
    weights = _rarity(list(zip(*(hits.strengths for hits in names.values()), strict=True)), estimates)
    total = sum(weights)
    best: list[Ranked] = []
    for (name, tenant), hits in names.items():
        covered = sum(map(float.__mul__, hits.strengths, weights)) / total
        score = min(1.0, covered * (1 + LABEL_BOOST * min(COUNTED_LABELS, hits.labels)))
        if score >= CUTOFF:
            best.append(Ranked(name, tenant, score))
    return sorted(best, key=lambda each: (-each.score, each.name))


def _by_name(candidates: Iterable[Candidate]) -> dict[tuple[str, str], _Hits]:
    names: dict[tuple[str, str], _Hits] = {}
    for row in candidates:
        strengths = list(map(float, row["strengths"].split()))
        labels = len(set(row["labels"].split("/"))) if row["labels"] else 0
        key = row["name"], row["tenant"]
        hits = names.get(key)
        if hits is None:
            names[key] = _Hits(strengths, labels)
        else:
            names[key] = _Hits(list(map(max, hits.strengths, strengths)), max(hits.labels, labels))
    return names


def _rarity(words: Sequence[Sequence[float]], estimates: Sequence[float]) -> list[float]:
    """What each word weighs; `words` has, for each, how strongly it hits each name."""
    counts = [max(len(hits) - hits.count(0.0), about) for hits, about in zip(words, estimates, strict=True)]
    return [1 / (1 + log(max(1.0, count))) if count else UNSEEN_WEIGHT for count in counts]
