"""Candidates come from looks that read little, whatever words a need has."""

import pytest

from registry.search import COMMON, EVERYWHERE, FEWEST, candidates


@pytest.mark.parametrize(
    ("shares", "walk"),
    [
        ({"a": 0.02, "b": 0.03, "c": 0.9}, None),
        ({"a": 0.02, "b": 0.9, "c": 0.9}, None),
        ({"b": 0.2, "c": 0.3}, None),
        ({"a": 0.2, "b": 0.3, "c": 0.9}, "'a' & 'b' & 'c'"),
        ({"a": 0.15, "b": 0.3, "c": 0.3}, "'a'"),
        ({"a": 0.7, "b": 0.8, "c": 0.9}, "'a' & 'b' & 'c'"),
    ],
)
def test_no_look_reads_all_that_have_a_common_word(shares: dict[str, float], walk: str | None) -> None:
    entries = 100_000
    looks = candidates(["c", "b", "a"], shares, entries, limit=5)
    for query, _ in looks.queries:
        beside = [shares.get(word.strip("'"), 0.0) * entries for word in query.split(" & ")]
        assert min(beside) <= COMMON
        assert max(beside) <= EVERYWHERE
    assert looks.walk == walk
    assert looks.enough == 4 * FEWEST
    assert candidates(["c", "b", "a"], shares, entries, limit=50).enough == 200
