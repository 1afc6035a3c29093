"""An answer in a form is found wherever a model puts it, checked to the last field, and never passes unchecked."""

import json
from typing import Any

import pytest
from agents import ModelSettings

from agentnet.errors import ManifestError
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.runs.answer_form import AnswerForm, Fit, Unfit
from agentnet.runs.context import Contexts
from agentnet.runs.scope import RunScope
from agentnet.tasks.values import value_json
from tests.unit.runs.small_model import Run, Server, tool

INVOICE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "total": {"type": "number", "minimum": 0},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "number"}}}},
        "due": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
    },
    "required": ["total", "due"],
    "additionalProperties": False,
}
RIGHT = {"total": 12.5, "lines": [{"price": 12.5}], "due": "2026-11-30"}
TEXT = json.dumps(RIGHT)


@pytest.mark.parametrize(
    "said",
    [
        TEXT,
        f"\n  {TEXT}\n",
        f"```json\n{TEXT}\n```",
        f"```\n{json.dumps(RIGHT, indent=2)}\n```",
        f"Here is the invoice:\n\n```json\n{TEXT}\n```\n\nLet me know if you need more.",
        f"The answer is {TEXT}. I hope that helps {{really}}.",
        f'As an example {{"total": 0, "due": "2000-01-01"}}; the answer: {TEXT}',
        f"[not json] {TEXT}",
        f"```python\nprint(1)\n```\n{TEXT}",
    ],
)
def test_the_value_is_found_in_what_a_model_says(said: str) -> None:
    assert AnswerForm(INVOICE).found(said) == Fit(RIGHT)


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("It is twelve dollars.", "There is no JSON value in it."),
        ("", "There is no JSON value in it."),
        ('{"total": 12.5, "due": "2026-11-', "There is no JSON value in it."),
        ('{"total": "twelve", "due": "2026-11-30"}', "total: 'twelve' is not of type 'number'."),
        ('{"total": 1}', "'due' is a required property"),
        ('{"total": -1, "due": "2026-11-30"}', "total: -1 is less than the minimum of 0."),
        ('{"total": 1, "due": "tomorrow"}', "due: 'tomorrow' does not match"),
        ('{"total": 1, "due": "2026-11-30", "note": ""}', "note"),
        ('{"total": 1, "due": "2026-11-30", "lines": [{"price": 1}, {"price": "x"}]}', "lines.1.price: 'x'"),
        ('{"total": NaN, "due": "2026-11-30"}', "There is no JSON value in it."),
        ('{"total": 1e999, "due": "2026-11-30"}', "There is no JSON value in it."),
        (r'{"total": 1, "due": "\ud800"}', "half a character"),
        ("[" * 100_000, "There is no JSON value in it."),
        ("null", "None is not of type 'object'."),
    ],
)
def test_what_does_not_fit_is_told_with_its_field(said: str, names: str) -> None:
    found = AnswerForm(INVOICE).found(said)
    assert isinstance(found, Unfit)
    assert names in found.problems
    assert found.problems in found.request


@pytest.mark.parametrize(
    ("schema", "said", "value"),
    [
        ({"type": "array", "items": {"type": "integer"}}, "[1, 2]", [1, 2]),
        ({"type": "array", "items": {"type": "integer"}}, '{"answer": [1, 2]}', [1, 2]),
        ({"type": "integer"}, "42", 42),
        ({"type": "integer"}, '{"answer": 42}', 42),
        ({"enum": ["yes", "no"]}, "yes", "yes"),
        ({"enum": ["yes", "no"]}, '"yes"', "yes"),
        ({"type": ["object", "null"]}, "null", None),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, '```json\n{"answer": "x"}\n```', "x"),
    ],
)
def test_a_value_that_is_no_object_is_asked_for_within_one(schema: dict[str, Any], said: str, value: Any) -> None:
    form = AnswerForm(schema)
    assert form.json_schema()["type"] == "object"
    assert form.json_schema()["required"] == ["answer"]
    assert form.found(said) == Fit(value)


def test_a_server_is_asked_for_the_promise_only_where_it_can_be_given() -> None:
    strict = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert AnswerForm(strict).is_strict_json_schema()
    assert not AnswerForm(strict | {"required": []}).is_strict_json_schema()
    assert not AnswerForm(INVOICE).is_strict_json_schema()


def test_a_pattern_that_could_not_be_checked_is_refused() -> None:
    schema = {"type": "object", "properties": {"pattern": {"type": "string", "pattern": "^(?!x)y$"}}}
    with pytest.raises(ManifestError, match="looks ahead"):
        AnswerForm(schema)


def test_a_value_as_a2a_has_it_is_the_same() -> None:
    values: list[Any] = [RIGHT, [1, "x", None, True], None, "text", 7, {"a": {"b": [[]]}}]
    for value in values:
        assert value_json(Fit(value).part()) == value


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("base_url", "tools", "choice", "asked"),
    [
        ("https://api.openai.com/v1", ["look", "ask_user"], None, True),
        ("http://127.0.0.1:8000/v1", ["ask_user"], None, True),
        ("http://127.0.0.1:8000/v1", [], None, True),
        ("http://127.0.0.1:8000/v1", ["look", "ask_user"], None, False),
        ("http://127.0.0.1:8000/v1", ["look", "ask_user"], "none", True),
    ],
)
async def test_a_server_whose_grammars_shut_tools_off_is_asked_for_a_form_only_without_tools(
    base_url: str, tools: list[str], choice: str | None, asked: bool
) -> None:
    server, form = Server(10**6), AnswerForm(INVOICE)
    server.endpoint = Endpoint(name="m", model="m", base_url=base_url)
    scope = RunScope(Run(), "a", None)  # type: ignore[arg-type]
    args: tuple[Any, ...] = (
        "Do.",
        [],
        ModelSettings(tool_choice=choice),
        [tool(name) for name in tools],
        form,
        [],
        None,
    )
    sent, _ = Contexts(scope).at("").prepared(server, "m1", args)
    assert (sent[4] is form) is asked
