"""A long message costs no more than reading it: orders have a limit, which is told, and texts are cut."""

import time

import pytest

from offline_model.answers.passages import sentences
from offline_model.deciding import decide
from offline_model.language.quantities import expression_in
from offline_model.language.values import numbers_in
from offline_model.request.conversation import REQUEST_CHARACTERS, Request
from offline_model.streaming import MAX_PIECES, pieces

PIECES = ["what is 2+2? ", "&amp;", "- item\n", "1", "1,", "(", "and ", "a.b.", "\"'", "| "]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("size", [100_000, 1_000_000])
def test_orders_over_the_limit_are_refused_with_the_limit(piece: str, size: int) -> None:
    before = time.thread_time()
    answer = decide(Request(items=({"role": "user", "content": piece * (size // len(piece))},))).text
    assert f"may have {REQUEST_CHARACTERS:,}" in answer
    assert time.thread_time() - before < 1


@pytest.mark.parametrize("piece", PIECES)
def test_orders_just_below_the_limit_are_read_at_once(piece: str) -> None:
    before = time.thread_time()
    decide(Request(items=({"role": "user", "content": piece * ((REQUEST_CHARACTERS - 1) // len(piece))},)))
    assert time.thread_time() - before < 2


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_text_below_an_order_is_read_in_a_bounded_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    before = time.thread_time()
    decide(Request(items=({"role": "user", "content": f"Summarise this text:\n\n{text}"},)))
    assert time.thread_time() - before < 4


@pytest.mark.parametrize("read", [numbers_in, expression_in, sentences])
@pytest.mark.parametrize("piece", PIECES)
def test_reading_ten_times_as_much_takes_no_hundred_times_as_long(read: object, piece: str) -> None:
    assert callable(read)
    before = time.thread_time()
    read(piece * (REQUEST_CHARACTERS // len(piece)))
    assert time.thread_time() - before < 1


def test_a_long_answer_goes_out_in_some_hundred_pieces() -> None:
    text = "word by word " * 20_000
    assert "".join(pieces(text)) == text
    assert len(pieces(text)) <= 2 * MAX_PIECES
    assert pieces("It is noon.") == ["It", " is", " noon."]
