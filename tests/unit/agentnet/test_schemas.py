"""Schemas that somebody else wrote: what they forbid, and that none of them keeps a process busy."""

from typing import Any

import pytest

from agentnet.mcp.schemas import MAX_PATTERN, MAX_TEXT, linear, mismatch

Schema = dict[str, Any]

ENDLESS = [
    (r"^(a+)+$", "a" * 40 + "!"),
    (r"^(a|a)*$", "a" * 40 + "!"),
    (r"^(a|aa)+$", "a" * 60 + "!"),
    (r"(x+x+)+y", "x" * 200),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 60),
    (r"^(.*?,){25}P", "1," * 40),
    (r"^(\w+\s?)*$", "word " * 30 + "!"),
    (r"((a?){500}a{500})b", "a" * 2000),
]


@pytest.mark.parametrize(("pattern", "text"), ENDLESS)
def test_an_expression_that_looks_for_ever_is_matched_at_once(pattern: str, text: str) -> None:
    assert mismatch({"pattern": pattern}, text) is not None
    # Names, too, and what is beside those that a pattern names.
    assert mismatch({"patternProperties": {pattern: False}}, {text: 1}) is None
    assert mismatch({"patternProperties": {pattern: {}}, "additionalProperties": False}, {text: 1}) is not None
    assert mismatch({"propertyNames": {"pattern": pattern}}, {text: 1}) is not None
    assert mismatch({"patternProperties": {pattern: {}}, "unevaluatedProperties": False}, {text: 1}) is None


def doubled(word: str) -> Schema:
    """A schema of thirty lines that a value is held against a billion times."""
    lines = {f"a{n}": {word: [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(30)}
    return {"$ref": "#/$defs/a0", "$defs": lines | {"a30": {"type": "integer"}}}


MUCH: dict[str, tuple[Schema, Any]] = {
    "all of": (doubled("allOf"), 1),
    "any of": (doubled("anyOf"), "x"),
    "one of": (doubled("oneOf"), 1),
    "many properties of many": (
        {"items": {"properties": {f"p{n}": {} for n in range(5000)}}},
        [{} for _ in range(5000)],
    ),
    "unlike items": ({"uniqueItems": True}, [{"n": [n]} for n in range(60_000)]),
    "a long choice": ({"items": {"enum": list(range(20_000))}}, [-1] * 2000),
    "patterns of many": (
        {"patternProperties": {f"^x{n}$": {} for n in range(2000)}},
        {f"y{n}": n for n in range(2000)},
    ),
    "unevaluated": ({"unevaluatedProperties": False, "allOf": [doubled("allOf")]}, {"a": 1}),
}


@pytest.mark.parametrize(("schema", "value"), MUCH.values(), ids=MUCH)
def test_a_schema_that_takes_too_long_is_given_up(schema: Schema, value: Any) -> None:
    mismatch(schema, value, steps=2000)


@pytest.mark.parametrize(
    "pattern", ["(?=a)b", r"(a)\1", "[^]", "(", "a" * (MAX_PATTERN + 1), "\ud800", "(?<!a)b", 7, None, {}]
)
def test_what_cannot_be_matched_is_not_checked(pattern: Any) -> None:
    assert mismatch({"pattern": pattern}, "zzz") is None


def test_no_expression_is_looked_for_in_a_very_long_text() -> None:
    assert mismatch({"pattern": "b"}, "a" * MAX_TEXT) is not None
    assert mismatch({"pattern": "b"}, "a" * (MAX_TEXT + 1)) is None


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        (r"^[^@\s]+@[^@\s]+$", "a@b", "ab"),
        (r"^\d{4}-\d{2}$", "2026-11", "2026-1"),
        (r"\u00e9", "é", "e"),
        (r"^\/api\/", "/api/x", "api"),
        (r"^\p{Lu}", "É", "é"),
        (r"b", "abc", "ac"),
        (r"^(?:a|b)?c$", "bc", "dc"),
    ],
)
def test_expressions_mean_what_they_do_in_json_schema(pattern: str, right: str, wrong: str) -> None:
    assert linear(pattern) is not None
    assert mismatch({"pattern": pattern}, right) is None
    assert mismatch({"pattern": pattern}, wrong) is not None
    assert mismatch({"pattern": pattern}, 7) is None


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"uniqueItems": True}, [1, "1", [1], {"a": 1}], [{"a": 1, "b": 2}, {"b": 2, "a": 1}]),
        ({"additionalProperties": False, "properties": {"a": {}}}, {"a": 1}, {"b": 1}),
        ({"additionalProperties": {"type": "string"}, "patternProperties": {"^x": {}}}, {"x1": 1, "y": ""}, {"y": 1}),
        ({"unevaluatedProperties": False, "allOf": [{"properties": {"a": {}}}]}, {"a": 1}, {"b": 1}),
        ({"type": "object", "required": ["a"]}, {"a": 1}, {}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "integer"}}}, 1, "1"),
    ],
)
def test_the_rest_of_a_schema_is_checked_as_ever(schema: Schema, right: Any, wrong: Any) -> None:
    assert mismatch(schema, right) is None
    assert mismatch(schema, wrong) is not None


@pytest.mark.parametrize(
    "schema", [{"type": 7}, {"$ref": "https://example.com/x.json"}, {"properties": 5}, {"items": "x"}, {"anyOf": 5}]
)
def test_a_schema_that_is_none_forbids_nothing(schema: Schema) -> None:
    assert mismatch(schema, {"a": [1]}) is None
