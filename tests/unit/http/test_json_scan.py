"""JSON looked over as bytes: what it refuses, what it lets pass, and that pieces tell the same as the whole."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentnet.errors import TooLargeError
from agentnet.http.json_scan import (
    HALF_PAIR,
    NUL,
    JsonLimits,
    JsonScan,
    UnstorableError,
    check_json,
    check_storable,
)

LIMITS = JsonLimits(depth=5, values=50)


def scan(data: bytes, cuts: tuple[int, ...] = (), limits: JsonLimits = LIMITS) -> JsonScan:
    """The document looked over, in the pieces that `cuts` make of it."""
    scan = JsonScan(limits)
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]
    for number, piece in enumerate(pieces, start=1):
        scan.feed(piece, last=number == len(pieces))
    return scan


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 6,
        b"[" * 40,
        b'{"a":' * 6 + b"1" + b"}" * 6,
        b'[{"a":[{"a":[{}]}]}]',
        b'["]",[[[[[]]]]]]',
        b'["\\"]",[[[[[]]]]]]',
        b'["\\\\",[[[[[]]]]]]',
        b"[[[[[" + b" " * 1000 + b"[]]]]]]",
    ],
)
def test_what_is_nested_too_deeply_is_refused(document: bytes) -> None:
    with pytest.raises(TooLargeError, match="more than 5 levels"):
        check_json(document, LIMITS)
    with pytest.raises(TooLargeError, match="more than 5 levels"):
        scan(document, (1, 3, 7))


@pytest.mark.parametrize(
    "document",
    [
        json.dumps([1] * 51).encode(),
        json.dumps(["a"] * 51).encode(),
        json.dumps([[]] * 51).encode(),
        json.dumps({str(key): None for key in range(51)}).encode(),
        b"[" + b",".join([b"{}"] * 3_000_000) + b"]",
        b'"' * 1_000_000,
        b"," * 1_000_000,
        b"[" * 10_000_000,
        b":" * 1_000_000,
    ],
)
def test_what_holds_too_many_values_is_refused(document: bytes) -> None:
    with pytest.raises(TooLargeError, match="more than 50 values"):
        check_json(document, LIMITS)


@pytest.mark.parametrize(
    ("document", "what"),
    [
        (b"1" * 401, "401 digits|400 digits"),
        (b"[1, " + b"9" * 500 + b"]", "400 digits"),
        (b'{"a": 0.' + b"1" * 500 + b"}", "400 digits"),
        (b'["a", "b", -' + b"123456789" * 50 + b"e1]", "400 digits"),
        (b"[" + b"1" * 1_000_000 + b"]", "400 digits"),
        (b" " * 3_000_000 + b"1", "white space"),
        (b"[1," + b"\t\r\n" * 1_000_000 + b"1]", "white space"),
    ],
)
def test_what_parsers_are_slow_to_skip_or_read_is_refused(document: bytes, what: str) -> None:
    for cuts in ((), (450,), (3, 200, 333)):
        with pytest.raises(TooLargeError, match=what):
            scan(document, cuts)


@pytest.mark.parametrize(
    "document",
    [
        b"[" + b",".join([b"1" * 400] * 30) + b"]",
        b'["' + b"1" * 5000 + b'"]',
        b'["' + b" " * 3_000_000 + b'"]',
        b'["' + b"1" * 300 + b'",' + b"1" * 300 + b',"' + b"1" * 300 + b'"]',
        b"1" * 200 + b'"a"' + b"1" * 300,
    ],
)
def test_texts_may_hold_what_numbers_may_not(document: bytes) -> None:
    for cuts in ((), (150,), (3, 200, 450)):
        scan(document, cuts)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[[[[[]]]]]",
        b'["[[[[[[[[", "{{{{{{", "]", "\\"[[[[[[[["]',
        json.dumps("[{" * 1000).encode(),
        json.dumps(",:" * 1000).encode(),
        json.dumps('"\\' * 1000).encode(),
        json.dumps([1] * 49).encode(),
        b"]" * 1000,
        b" " * 1_000_000 + b"1",
    ],
)
def test_what_is_within_the_limits_passes(document: bytes) -> None:
    check_json(document, LIMITS)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (rb'"a\u0000b"', NUL),
        (rb'{"\u0000": 1}', NUL),
        (rb'"\\\u0000"', NUL),
        (rb'"\ud800"', HALF_PAIR),
        (rb'"\uDBFF"', HALF_PAIR),
        (rb'"\udc00"', HALF_PAIR),
        (rb'"\udc00\ud800"', HALF_PAIR),
        (rb'"\ud800\ud800\udc00"', HALF_PAIR),
        (rb'"\ud800\udc00\udc00"', HALF_PAIR),
        (rb'"\ud800\\\udc00"', HALF_PAIR),
        (rb'"\ud800x"', HALF_PAIR),
        (rb'{"\udfff": 1}', HALF_PAIR),
    ],
)
def test_what_cannot_be_stored_is_seen_wherever_it_is_cut(document: bytes, why: UnstorableError) -> None:
    for cut in range(len(document)):
        assert scan(document, (cut, cut + 2)).unstorable is why
        assert scan(document + b" " * cut, (len(document) - 1,)).unstorable is why


@pytest.mark.parametrize(
    "document",
    [rb'"\\u0000"', rb'"\\\\u0000"', rb'"\ud83d\ude00"', rb'"\uD83D\uDE00\ud83d\ude00"', rb'"\\ud800"', rb'"\u0001"'],
)
def test_what_only_looks_so_is_let_through(document: bytes) -> None:
    for cut in range(len(document)):
        assert scan(document, (cut, cut + 3)).unstorable is None


values = st.recursive(
    st.none() | st.integers() | st.text(st.sampled_from('a"\\[]{},:\x00\U0001f600é'), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=30,
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(values, st.lists(st.integers(0, 10_000), max_size=6), st.booleans())
def test_pieces_tell_what_the_parsed_value_tells(value: object, cuts: list[int], escaped: bool) -> None:
    document = json.dumps(value, ensure_ascii=escaped).encode()
    found = scan(document, tuple(cuts), JsonLimits(depth=max(1, depth_of(value)), values=10_000))
    assert (found.unstorable is NUL) == (b"\\u0000" in document.replace(b"\\\\", b""))
    if depth_of(value) > 1:
        with pytest.raises(TooLargeError):
            scan(document, tuple(cuts), JsonLimits(depth=depth_of(value) - 1, values=10_000))


@pytest.mark.parametrize("text", ["a\x00", "\x00", "\ud800", "\udfff", "a\udc00b", "é\x00"])
def test_a_text_that_cannot_be_stored_is_refused(text: str) -> None:
    with pytest.raises(UnstorableError):
        check_storable(text)


def test_other_texts_can_be_stored() -> None:
    check_storable("a\x01\x7f\u2028\ufffe\U0001f600")
