"""What a model gives a tool: put right where that is unmistakable, else told with the field and what would be right."""

import json
from typing import Any

import pytest

from agentnet.arguments.errors import BadArgumentsError
from agentnet.arguments.form import MAX_ARGUMENTS, Form, form_of_tool

WEATHER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Name of the city.", "minLength": 1, "maxLength": 40},
        "days": {"type": "integer", "minimum": 1, "maximum": 14},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "exact": {"type": "boolean"},
        "at": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "when": {"anyOf": [{"type": "string", "format": "date"}, {"type": "integer"}]},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}
FORM = form_of_tool("get_weather", "The weather.", WEATHER)
RIGHT = {"city": "Rome", "days": 3}


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"days": "3"}, {}),
        ({"days": " 3 "}, {}),
        ({"days": 3.0}, {}),
        ({"days": "3.0"}, {}),
        ({"exact": "true"}, {"exact": True}),
        ({"exact": "False"}, {"exact": False}),
        ({"at": '{"lat": "1.5"}'}, {"at": {"lat": 1.5}}),
        ({"at": {"lat": "-2"}}, {"at": {"lat": -2}}),
        ({"tags": '["a", "b"]'}, {"tags": ["a", "b"]}),
        ({"tags": [1, True]}, {"tags": ["1", "true"]}),
        ({"unit": "Celsius"}, {"unit": "celsius"}),
        ({"unit": " FAHRENHEIT"}, {"unit": "fahrenheit"}),
        ({"city": 7}, {"city": "7"}),
        ({"exact": None, "tags": None, "at": None}, {}),
        ({"when": 5}, {"when": 5}),
    ],
)
def test_what_is_unmistakable_is_put_right(given: dict[str, Any], taken: dict[str, Any]) -> None:
    text, values = FORM.read(json.dumps(RIGHT | given))
    assert values == RIGHT | taken
    assert json.loads(text) == values


@pytest.mark.parametrize("text", ["", "  ", "null", '""', '"{}"', "{}"])
def test_no_arguments_are_an_empty_object_however_they_are_written(text: str) -> None:
    assert form_of_tool("now", "The time.", {"type": "object"}).read(text)[1] == {}


def test_json_within_json_is_read() -> None:
    text, values = FORM.read(json.dumps(json.dumps(RIGHT)))
    assert values == RIGHT
    assert json.loads(text) == RIGHT


def test_halves_of_characters_are_no_more() -> None:
    text, values = FORM.read('{"city": "R\\ud83d\\ude00me \\ud83d", "days": 3}')
    assert values["city"] == "R\U0001f600me \ufffd"
    text.encode()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{}", ["city is missing: a string; Name of the city", "days is missing: an integer"]),
        ('{"city": "Rome"}', ["days is missing: an integer"]),
        ('{"city": "Rome", "days": "three"}', ['days must be an integer, not "three"']),
        ('{"city": "Rome", "days": 3.5}', ["days must be an integer, not 3.5"]),
        ('{"city": "Rome", "days": true}', ["days must be an integer, not true"]),
        ('{"city": "Rome", "days": 0}', ["days must be at least 1, not 0"]),
        ('{"city": "Rome", "days": 15}', ["days must be at most 14, not 15"]),
        ('{"city": "", "days": 3}', ["city must have at least 1 characters, it has 0"]),
        ('{"city": "' + "x" * 50 + '", "days": 3}', ["city must have at most 40 characters, it has 50"]),
        ('{"city": ["Rome"], "days": 3}', ['city must be a string, not ["Rome"]']),
        ('{"city": "Rome", "days": 3, "unit": "kelvin"}', ["unit must be one of celsius, fahrenheit", '"kelvin"']),
        ('{"city": "Rome", "days": 3, "unit": "celcius"}', ["did you mean celsius?"]),
        ('{"citty": "Rome", "days": 3}', ["citty is not one of its fields; did you mean city?", "city is missing"]),
        ('{"city": "Rome", "days": 3, "exact": "maybe"}', ['exact must be a boolean, not "maybe"']),
        ('{"city": "Rome", "days": 3, "at": {}}', ["at.lat is missing: a number"]),
        ('{"city": "Rome", "days": 3, "at": {"lat": "north"}}', ['at.lat must be a number, not "north"']),
        ('{"city": "Rome", "days": 3, "tags": ["a", "b", "c"]}', ["tags must have at most 2 items, it has 3"]),
        ('{"city": "Rome", "days": 3, "tags": [["a"]]}', ['tags[0] must be a string, not ["a"]']),
        ('{"city": "Rome", "days": 3, "when": [1]}', ["when must be a string or an integer, not [1]"]),
        ("[1, 2]", ["not a JSON object (but list)"]),
        ("7", ["not a JSON object (but int)"]),
        ('"Rome"', ["not a JSON object"]),
        ('{"city": "Rome"', ["not a JSON object", "at character"]),
        ('{"city": NaN, "days": 3}', ["NaN is no JSON number"]),
        ("city=Rome", ["not a JSON object", "near 'city=Rome'"]),
        ("[" * 100_000, ["not a JSON object (nested too deep)"]),
        ("x" * (MAX_ARGUMENTS + 1), [f"at most {MAX_ARGUMENTS} are taken"]),
    ],
)
def test_what_is_wrong_is_told_with_its_field_and_what_would_be_right(given: str, told: list[str]) -> None:
    with pytest.raises(BadArgumentsError) as raised:
        FORM.read(given)
    words = str(raised.value)
    assert [each for each in told if each not in words] == []
    assert words.startswith("get_weather was not called: its arguments")
    assert len(words) < 1500
    if len(given) < MAX_ARGUMENTS:
        assert "It takes city (string, required), days (integer, required), unit (string, optional)" in words


KINDS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "request": {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"kind": {"const": "query"}, "sql": {"type": "string"}},
                    "required": ["kind", "sql"],
                    "additionalProperties": False,
                },
                {
                    "type": "object",
                    "properties": {"kind": {"const": "chart"}, "x": {"type": "string"}, "y": {"type": "string"}},
                    "required": ["kind", "x", "y"],
                    "additionalProperties": False,
                },
            ]
        }
    },
    "required": ["request"],
}


def test_of_a_choice_of_objects_the_one_that_was_meant_is_told() -> None:
    form = form_of_tool("data", "Data.", KINDS)
    with pytest.raises(BadArgumentsError, match=r"request\.y is missing: a string"):
        form.read('{"request": {"kind": "chart", "x": "year"}}')


def test_a_long_value_is_not_repeated_in_full() -> None:
    with pytest.raises(BadArgumentsError) as raised:
        FORM.read(json.dumps(RIGHT | {"days": ["x" * 5000]}))
    assert len(str(raised.value)) < 500


def test_fields_are_told_by_the_names_that_models_know() -> None:
    schema = {"type": "object", "properties": {"Account Number": {"type": "integer"}}, "required": ["Account Number"]}
    form: Form = form_of_tool("pay", "Pay.", schema)
    with pytest.raises(BadArgumentsError) as raised:
        form.read("{}")
    assert "Account_Number is missing: an integer" in str(raised.value)
    assert "It takes Account_Number (integer, required)" in str(raised.value)


def test_what_is_right_is_passed_on_as_it_was_written() -> None:
    text = '{ "city":"Rome",\n "days": 3 }'
    assert FORM.read(text)[0] is text
