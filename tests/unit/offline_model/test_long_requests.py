"""A long message costs no more than reading it: orders have a limit, which is told, and texts are cut."""

import importlib
import pkgutil
import re
import time

import pytest

import offline_model
from offline_model.deciding import decide
from offline_model.request.conversation import REQUEST_CHARACTERS, Request
from offline_model.request.tools import ToolSpec
from offline_model.streaming import MAX_PIECES, pieces

TOOLS = tuple(
    ToolSpec(name, about, {"type": "object", "properties": properties, "required": list(properties)})
    for name, about, properties in (
        ("calculate", "Calculate an expression.", {"expression": {"type": "string"}}),
        (
            "convert_units",
            "Convert units.",
            {"value": {"type": "number"}, "from_unit": {"type": "string"}, "to_unit": {"type": "string"}},
        ),
        ("list_sources", "List the data sources.", {}),
        ("describe", "Columns of a source.", {"source": {"type": "string"}}),
        ("query", "Query with SQL.", {"sql": {"type": "string", "description": "One SQL statement."}}),
        ("search", "Search the documents.", {"query": {"type": "string"}}),
        ("fetch", "Fetch a page.", {"url": {"type": "string"}}),
        ("now", "The current time.", {"timezone": {"type": "string"}}),
        ("pay", "Pay somebody.", {"amount": {"type": "number"}, "to": {"type": "string"}}),
    )
)
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
    message = {"role": "user", "content": piece * ((REQUEST_CHARACTERS - 1) // len(piece))}
    decide(Request(items=(message,), tools=TOOLS))
    assert time.thread_time() - before < 2


@pytest.mark.parametrize("piece", PIECES)
def test_a_long_text_below_an_order_is_read_in_a_bounded_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    before = time.thread_time()
    decide(Request(items=({"role": "user", "content": f"Summarise this text:\n\n{text}"},), tools=TOOLS))
    assert time.thread_time() - before < 4


def patterns() -> dict[str, re.Pattern[str]]:
    """Every compiled expression of the offline model, by where it stands."""
    found: dict[str, re.Pattern[str]] = {}

    def collect(name: str, value: object) -> None:
        if isinstance(value, re.Pattern):
            found[name] = value
        elif isinstance(value, tuple | list):
            for place, item in enumerate(value):
                collect(f"{name}[{place}]", item)

    for module in pkgutil.walk_packages(offline_model.__path__, "offline_model."):
        for name, value in vars(importlib.import_module(module.name)).items():
            collect(f"{module.name}.{name}", value)
    return found


@pytest.mark.parametrize("piece", [*PIECES, "1 ", "a", "a ", ". ", "-", " ", "\n", "a-", "1 a ", "how many ", "x of "])
def test_no_expression_is_quadratic_in_the_request(piece: str) -> None:
    """Quadratic ones took 1.7 to 27 s of so many characters; linear ones take some milliseconds."""
    text = piece * (REQUEST_CHARACTERS // len(piece))
    slow: list[str] = []
    for name, pattern in patterns().items():
        before = time.thread_time()
        sum(1 for _ in pattern.finditer(text))
        slow += [name] if time.thread_time() - before > 0.5 else []
    assert not slow


def test_a_long_answer_goes_out_in_some_hundred_pieces() -> None:
    text = "word by word " * 20_000
    assert "".join(pieces(text)) == text
    assert len(pieces(text)) <= 2 * MAX_PIECES
    assert pieces("It is noon.") == ["It", " is", " noon."]
