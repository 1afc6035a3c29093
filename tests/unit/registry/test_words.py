"""Text is stored and searched in the same plain words."""

import pytest

from registry.words import FILLERS, MAX_WORDS, needed, plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("query_csv", "query csv"),
        ("CSV/PDF", "CSV PDF"),
        ("drawChart", "draw Chart"),
        ("  follow-up, by e-mail!  ", "follow up by e mail"),
        ("naïve Größe 2026", "naïve Größe 2026"),
        ("'; DROP TABLE x; --\0", "DROP TABLE x"),
        ("", ""),
    ],
)
def test_plain_text_is_words_only(text: str, words: str) -> None:
    assert plain(text) == words


def test_a_need_is_told_without_its_fillers_and_each_word_once() -> None:
    assert needed("I need someone who can draw a chart, a CHART!") == "draw chart"


def test_a_need_of_fillers_only_keeps_them() -> None:
    assert needed("Please help me") == "please help me"
    assert needed("?!") == ""


def test_a_long_need_is_cut() -> None:
    assert len(needed(" ".join(f"word{number}" for number in range(1000))).split()) == MAX_WORDS


def test_fillers_are_plain_lower_case_words() -> None:
    assert all(word == plain(word).lower() for word in FILLERS)
