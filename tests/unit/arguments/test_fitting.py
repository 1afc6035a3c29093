"""A tool's schema as models are told of it: no host refuses it, and nothing of its meaning is lost."""

import copy
import json
from typing import Any

import pytest

from agentnet.arguments.errors import BadArgumentsError, UnfitError
from agentnet.arguments.form import MAX_SCHEMA, form_of_tool
from agentnet.arguments.texts import as_name, halves
from tests.unit.arguments.hosts import refusals
from tests.unit.arguments.shapes import SHAPES


def text_of(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("shape", SHAPES)
def test_no_host_refuses_what_is_told(shape: str) -> None:
    schema, given, taken = SHAPES[shape]
    before = copy.deepcopy(schema)
    form = form_of_tool("a_tool", "Does something.", schema)
    assert refusals(form.name, form.description, form.schema) == []
    assert len(text_of(form.schema)) <= MAX_SCHEMA
    assert form.read(json.dumps(given))[1] == taken
    assert str(schema) == str(before)  # the server's own is left alone


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ("integers of zod 4", ["more than 0", "default 30", '"maximum": 100']),
        ("a reference to a definition", ["Where.", '"x"', '"number"']),
        ("a reference into another field", ["YYYY-MM-DD"]),
        ("a tree that refers to itself", ["the same form as Block"]),
        ("a choice at the root", ["content", "source_url", "one of these ways", "a URL"]),
        ("kinds at the root", ["radius", "side", "kind=circle: radius", "kind=square: side"]),
        ("one of two fields is needed", ["one of these ways: id | name"]),
        ("parts at the root", ['"required": ["id", "title"]']),
        ("a condition at the root", ["rule", "size", "full"]),
        ("a list of places", ["2 items, each in its place"]),
        ("values that are no texts", ["one of 1, 2, 3", '"s", "m"', "always true", '"v1"']),
        ("very many values", ["C000, C001", "C099 and 200 more"]),
        ("a union of constants", ['"enum": ["asc", "desc"]', "asc: Smallest first.", "How to sort."]),
        ("a union of objects", ["page_id", "database_id", "Where it goes."]),
        (
            "patterns, formats and lengths",
            ["an email address", "at most 4 characters", "1 items", "each item once", "date-time"],
        ),
        ("a map", ["any names of fields", "names match ^x-", "type integer", "propertyNames"]),
        ("names that hosts refuse", ["its own name is $filter", "its own name is Account Number"]),
        ("types of other languages", ['"b": {"type": "integer"', '"d": {"type": "boolean"', "leave it out"]),
        ("nested thirty deep", ["with the fields l2"]),
        (
            "a date with a default and examples",
            ["default 2026-01-01", "such as 2026-11-30, today", "deprecated", "rule"],
        ),
        ("unevaluated", ['"additionalProperties": false']),
    ],
)
def test_what_is_taken_out_is_told_in_words(shape: str, told: list[str]) -> None:
    form = form_of_tool("a_tool", "Does something.", SHAPES[shape][0])
    said = form.description + text_of(form.schema)
    assert [words for words in told if words not in said] == []


def test_a_description_keeps_to_the_limit_and_its_rest_is_told_elsewhere() -> None:
    said = "".join(f"Sentence number {number} says something. " for number in range(150))
    form = form_of_tool("a_tool", said, {"type": "object", "minProperties": 1, "properties": {"a": {"type": "string"}}})
    assert len(form.description) <= 1024
    assert "at least 1 fields" in form.description
    first = form.description.split("…")[0]
    assert f"{first} {form.more}".split() == said.split()


@pytest.mark.parametrize("text", ["x" * 3000, "word " * 700, "A sentence. " * 300, "line\n" * 700])
def test_halves_of_a_text_are_all_of_it(text: str) -> None:
    one, other = halves(text)
    assert len(one) <= 1024
    assert (one.removesuffix("…") + other).replace(" ", "").replace("\n", "") == text.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize("name", ["", "9lives", "my tool", "ü", "a" * 65, "a.b", "a/b", 7, None])
def test_a_tool_whose_name_no_host_takes_is_unfit(name: Any) -> None:
    with pytest.raises(UnfitError, match="its name is not one that models take"):
        form_of_tool(name, "Does something.", {"type": "object"})


@pytest.mark.parametrize("description", ["", "   ", None, 7, "\x00", "\ud83d"])
def test_a_tool_without_words_is_told_by_its_name(description: Any) -> None:
    assert form_of_tool("get_weather", description, {}).description == "get weather"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(3000)}},
        {"type": "object", "properties": {"a": {"type": "integer", "enum": [float("inf")]}, "b": {("x",): 1}}},
    ],
)
def test_whatever_a_schema_is_the_tool_fits_or_is_unfit(schema: Any) -> None:
    try:
        form = form_of_tool("a_tool", "Does something.", schema)
    except UnfitError as error:
        assert "schema of its arguments" in str(error)
    else:
        assert refusals(form.name, form.description, form.schema) == []


@pytest.mark.parametrize(
    "schema", [None, True, [], "object", 7, {"type": 7}, {"properties": 5}, {"anyOf": 5}, {"allOf": [5]}]
)
def test_a_schema_that_is_none_takes_an_object(schema: Any) -> None:
    form = form_of_tool("a_tool", "Does something.", schema)
    assert refusals(form.name, form.description, form.schema) == []
    assert form.read("{}")[1] == {}


@pytest.mark.parametrize(
    ("schema", "given", "text"),
    [
        ({"type": "array", "items": {"type": "integer"}}, '{"value": ["1", 2]}', "[1, 2]"),
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", "[1, 2]"),
        ({"type": "string"}, '{"value": "x"}', '"x"'),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, '{"value": 3}', "3"),
    ],
)
def test_arguments_that_are_no_object_are_told_as_the_one_field_of_one(schema: Any, given: str, text: str) -> None:
    form = form_of_tool("a_tool", "Does something.", schema)
    assert refusals(form.name, form.description, form.schema) == []
    assert form.read(given)[0] == text


STRICT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "limit": {"type": "integer", "default": 10},
        "tags": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        "inner": {
            "type": "object",
            "properties": {"a": {"type": "string", "format": "uri"}},
            "required": ["a"],
            "additionalProperties": False,
        },
    },
    "required": ["query", "limit", "tags", "inner"],
    "additionalProperties": False,
}


def test_a_strict_schema_stays_strict_and_may_leave_out_what_has_a_default() -> None:
    own = STRICT | {"required": ["query", "inner"]}
    form = form_of_tool("a_tool", "Does something.", STRICT, own, strict=True)
    assert form.strict
    assert refusals(form.name, form.description, form.schema, strict=True) == []
    for given in (
        {"query": "x", "limit": None, "tags": None, "inner": {"a": "b"}},
        {"query": "x", "inner": {"a": "b"}},
    ):
        assert form.read(json.dumps(given))[1].get("limit", 10) == 10


@pytest.mark.parametrize("part", [{}, {"type": "object"}, {"type": "array"}, {"$ref": "#"}])
def test_a_strict_schema_that_strict_hosts_refuse_is_no_longer_strict(part: Any) -> None:
    schema = STRICT | {"properties": STRICT["properties"] | {"open": part}, "required": [*STRICT["required"], "open"]}
    form = form_of_tool("a_tool", "Does something.", schema, strict=True)
    assert not form.strict
    assert refusals(form.name, form.description, form.schema) == []


def test_names_are_the_same_each_time_and_none_is_another() -> None:
    names = ["$filter", "filter", "filter.", "ü" * 70, "ä" * 70, "1", "_1"]
    told = [as_name(name, marked=True) for name in names]
    assert len(set(told)) == len(names)
    assert told == [as_name(name, marked=True) for name in names]


def test_a_schema_that_cannot_be_applied_forbids_nothing() -> None:
    form = form_of_tool(
        "a_tool", "Does something.", {"type": "object", "properties": {"a": {"pattern": 7, "anyOf": 3}}}
    )
    assert form.read('{"a": 5}')[1] == {"a": 5}


def test_what_does_not_fit_is_refused_by_the_tools_own_schema_whatever_was_told() -> None:
    form = form_of_tool("a_tool", "Does something.", SHAPES["a condition at the root"][0])
    with pytest.raises(BadArgumentsError, match="size is missing"):
        form.read('{"mode": "full"}')
