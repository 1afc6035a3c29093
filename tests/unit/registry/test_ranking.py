"""How candidates rank: by the words that they cover, the rarer the more."""

import pytest

from registry.ranking import CUTOFF, ranked

Row = tuple[str, str, str, str]


def candidate(name: str, strengths: str, labels: str = "", tenant: str = "*") -> Row:
    return name, tenant, strengths, labels


@pytest.mark.parametrize(
    ("candidates", "order"),
    [
        ([candidate("b", "0.3 0.3"), candidate("a", "0.3 0")], ["b", "a"]),
        ([candidate("b", "0.3 0.3"), candidate("a", "0.3 0.3")], ["a", "b"]),
        # The second word hits one of three, the first all: it counts for more.
        ([candidate("a", "0.6 0"), candidate("b", "0.1 0.6"), candidate("c", "0.3 0")], ["b", "a", "c"]),
        ([candidate("a", "0.3 0.3"), candidate("b", "0.3 0.3", "chart")], ["b", "a"]),
        ([candidate("a", "0.3 0.3", "chart"), candidate("b", "0.3 0.3", "chart/draw chart")], ["b", "a"]),
        # Two ids with one stem are one label, and more than two count no more.
        ([candidate("b", "0.3 0.3", "chart/chart"), candidate("a", "0.3 0.3", "chart")], ["a", "b"]),
        ([candidate("b", "0.3 0.3", "one/two/three"), candidate("a", "0.3 0.3", "one/two")], ["a", "b"]),
        ([candidate("a", "0 0")], []),
        ([candidate("a", "0.01 0.01")], []),
        ([], []),
    ],
)
def test_best_first_and_ties_by_name(candidates: list[Row], order: list[str]) -> None:
    found = ranked(candidates, [0.0, 0.0])
    assert [each.name for each in found] == order
    assert all(CUTOFF <= each.score <= 1 for each in found)


def test_instances_of_a_name_are_one_and_those_of_another_tenant_another() -> None:
    rows = [candidate("a", "0.3 0"), candidate("a", "0 0.3", "chart"), candidate("a", "0.3 0", tenant="acme")]
    together, apart = ranked(rows, [0.0, 0.0])
    assert (together.name, together.tenant, apart.name, apart.tenant) == ("a", "*", "a", "acme")
    assert together.score > ranked([candidate("a", "0.3 0.3")], [0.0, 0.0])[0].score


def test_a_word_that_many_have_counts_for_less_than_one_that_is_rare_however_few_candidates_have_it() -> None:
    rows = [candidate("common", "0.5 0"), candidate("rare", "0 0.5")]
    assert [each.name for each in ranked(rows, [50_000.0, 10.0])] == ["rare", "common"]
    assert [each.name for each in ranked(rows, [10.0, 50_000.0])] == ["common", "rare"]
    assert ranked(rows, [50_000.0, 10.0])[0].score == pytest.approx(ranked(rows, [10.0, 50_000.0])[0].score)
