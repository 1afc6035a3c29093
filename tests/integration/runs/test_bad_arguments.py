"""Arguments that do not fit a tool come back to its model with the field and what would be right; nothing is called."""

import json
from pathlib import Path
from typing import Any

import pytest
from agents import FunctionTool
from agents.testing import assistant_message, function_call

from agentnet.manifests.manifest import load_specialist
from agentnet.runs.definition import load_tools
from tests.integration.gateway.mcp.verbatim import Call, tool, verbatim
from tests.integration.runs import specialists_under_test
from tests.integration.runs.specialists_under_test import (
    ASKS,
    DONE,
    Specialist,
    answer,
    folder,
    question,
    sent,
    specialist,
)

pytestmark = pytest.mark.anyio

MORE = '''

from typing import Annotated, Literal
from agents import FunctionTool
from pydantic import AfterValidator, BaseModel


class Place(BaseModel):
    city: str
    zip: int | None = None


def even(value: int) -> int:
    if value % 2:
        raise ValueError("must be even")
    return value


@function_tool
async def book(place: Place, nights: int, kind: Literal["single", "double"] = "single", paid: bool = False) -> str:
    """Book a room."""
    ledger.append(f"{place.city} {place.zip} {nights} {kind} {paid}")
    return f"booked {ledger[-1]}"


@function_tool(strict_mode=False)
async def loose(name: str, options: dict[str, int] | None = None) -> str:
    """Take what is given."""
    return f"{name} {options}"


@function_tool
async def pairs(count: Annotated[int, AfterValidator(even)]) -> str:
    """Count pairs."""
    return str(count)


@function_tool
def now() -> str:
    """Tell the time."""
    return "12:00"


async def _raw(context, arguments: str) -> str:
    return "raw " + arguments


LIST = {"type": "array", "items": {"type": "integer"}}
raw = FunctionTool("raw", "Takes a list.", LIST, _raw, strict_json_schema=False)
'''
LONG = "x" * 9000

Given = tuple[str, Any, list[str]]


def told(worker: Specialist, call_id: str = "c1") -> str:
    """What the model was told of its call."""
    said = worker.script.calls[1].input
    [output] = [
        item["output"]
        for item in said
        if isinstance(item, dict) and item.get("call_id") == call_id and "output" in item
    ]
    return str(output)


def raw_call(name: str, arguments: str) -> Any:
    """A call with arguments as they are written."""
    made: Any = function_call(name, {}, call_id="c1")
    made.arguments = arguments
    return made


WRONG: dict[str, Given] = {
    "own: not JSON": ("book", '{"place":', ["not a JSON object", "It takes place (object, required), nights"]),
    "own: a list": ("book", "[1]", ["not a JSON object (but list)"]),
    "own: missing": ("book", {"place": {"city": "Rome"}}, ["nights is missing: an integer"]),
    "own: unknown": (
        "book",
        {"place": {"city": "Rome"}, "nights": 1, "knd": "single"},
        ["knd is not one of", "did you mean kind?"],
    ),
    "own: of another type": ("book", {"place": "Rome", "nights": 1}, ["place must be", '"Rome"']),
    "own: of another type inside": (
        "book",
        {"place": {"city": []}, "nights": 1},
        ["place.city must be a string, not []"],
    ),
    "own: no number": ("book", {"place": {"city": "Rome"}, "nights": "two"}, ['nights must be an integer, not "two"']),
    "own: none of the values": (
        "book",
        {"place": {"city": "Rome"}, "nights": 1, "kind": "triple"},
        ["kind must be one of single, double", '"triple"'],
    ),
    "own: a validator of its own": ("pairs", {"count": 3}, ["count: Value error, must be even"]),
    "own, not strict: missing": ("loose", {}, ["name is missing: a string"]),
    "own, not strict: unknown": ("loose", {"name": "a", "nme": "b"}, ["nme is not one of its fields"]),
    "own, not strict: a value inside": (
        "loose",
        {"name": "a", "options": {"x": "y"}},
        ["options.x must be an integer"],
    ),
    "own: none wanted": ("now", {"zone": "UTC"}, ["zone is not one of its fields", "no arguments"]),
    "own: no list": ("raw", '{"value": "x"}', ['value must be an array, not "x"']),
    "ask_user: missing": ("ask_user", {}, ["question is missing: a string; One clear question"]),
    "ask_user: empty": ("ask_user", {"question": ""}, ["question must have at least 1 characters"]),
    "ask_user: too long": ("ask_user", {"question": LONG}, ["question must have at most 8000 characters, it has 9000"]),
    "ask_user: not JSON": ("ask_user", "what?", ["not a JSON object", "question (string, required)"]),
    "ask_user: of another type": ("ask_user", {"question": {"text": "x"}}, ["question must be a string"]),
    "give_up: missing": ("give_up", {}, ["reason is missing"]),
    "give_up: too long": ("give_up", {"reason": LONG}, ["reason must have at most 4000 characters"]),
    "give_up: unknown": ("give_up", {"because": "x"}, ["because is not one of its fields", "reason is missing"]),
    "find_agents: missing": ("find_agents", {}, ["need is missing: a string; What has to be done, in plain words"]),
    "find_agents: unknown": ("find_agents", {"query": "x"}, ["query is not one of its fields", "need is missing"]),
    "find_agents: too long": ("find_agents", {"need": LONG}, ["need must have at most 2000 characters"]),
    "find_agents: a list": ("find_agents", {"need": ["a"]}, ['need must be a string, not ["a"]']),
    "delegate: missing": ("delegate", {"message": "x"}, ["agent is missing: a string; Name of the agent"]),
    "delegate: unknown": ("delegate", {"agent": "a", "message": "x", "task": "y"}, ["task is not one of its fields"]),
    "delegate: no list": ("delegate", {"agent": "a", "message": "x", "files": "f"}, ["files must be", '"f"']),
    "delegate: empty": ("delegate", {"agent": "a", "message": ""}, ["message must have at least 1 characters"]),
    "delegate: not JSON": ("delegate", "helper: do it", ["not a JSON object", "agent (string, required)"]),
    "handoff: missing": ("handoff", {"agent": "a"}, ["message is missing: a string; The task in full"]),
    "handoff: of another type": ("handoff", {"agent": 1.5, "message": ["x"]}, ['message must be a string, not ["x"]']),
    "handoff: JSON within JSON": ("handoff", '"{\\"agent\\": 1"', ["not a JSON object"]),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_comes_back_and_the_run_goes_on(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setattr(specialists_under_test, "TOOLS", specialists_under_test.TOOLS + MORE)
    name, arguments, expected = WRONG[case]
    call = raw_call(name, arguments if isinstance(arguments, str) else json.dumps(arguments))
    async with specialist(database_url, tmp_path, [[call], [assistant_message("done")]], peers=["*"]) as (
        worker,
        [one],
    ):
        task = await sent(one, "go")
        assert (task.status.state, answer(task)) == (DONE, "done")
        words = told(worker)
        assert words.startswith("Error: ")
        assert [each for each in expected if each not in words] == []
        assert worker.ledger == []


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("book", {"place": '{"city": "Rome", "zip": "123"}', "nights": "2"}, "booked Rome 123 2 single False"),
        (
            "book",
            {"place": {"city": "Rome"}, "nights": 2, "kind": "Double", "paid": "true"},
            "booked Rome None 2 double True",
        ),
        (
            "book",
            {"place": {"city": "Rome", "zip": None}, "nights": 2, "kind": None, "paid": None},
            "booked Rome None 2 single False",
        ),
        ("loose", {"name": "a", "options": '{"x": "1"}'}, "a {'x': 1}"),
        ("pairs", {"count": "4"}, "4"),
        ("now", "", "12:00"),
        ("now", "null", "12:00"),
        ("raw", '{"value": [1, "2"]}', "raw [1, 2]"),
        ("raw", "[1, 2]", "raw [1, 2]"),
    ],
)
async def test_what_is_meant_all_the_same_is_called(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, arguments: Any, result: str
) -> None:
    monkeypatch.setattr(specialists_under_test, "TOOLS", specialists_under_test.TOOLS + MORE)
    call = raw_call(name, arguments if isinstance(arguments, str) else json.dumps(arguments))
    async with specialist(database_url, tmp_path, [[call], [assistant_message("done")]]) as (worker, [one]):
        assert (await sent(one, "go")).status.state == DONE
        assert told(worker) == result


MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
mcp_servers: [odd]
"""
SCHEMA = {
    "type": "object",
    "properties": {"$top": {"type": "integer"}, "path": {"type": "string", "pattern": "^/"}},
    "required": ["path"],
}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"path": "tmp"}', 'path must match ^/, which "tmp" does not'),
        ('{"top": 5}', "path is missing: a string"),
        ('{"path": "/tmp", "top": "many"}', 'integer, not "many"'),
        ("/tmp", "not a JSON object"),
    ],
)
async def test_a_server_is_not_asked_for_what_its_schema_forbids(
    database_url: str, tmp_path: Path, arguments: str, expected: str
) -> None:
    async def given(call: Call) -> None:
        await call.finish(b'{"content":[{"type":"text","text":"called"}]}')

    async with verbatim(given, tool("act") | {"inputSchema": SCHEMA}) as (server, url):
        server.only = "legacy"
        steps = [[raw_call("odd_act", arguments)], [assistant_message("done")]]
        async with specialist(database_url, tmp_path, steps, 1, MANIFEST, {"odd": url}) as (worker, [one]):
            assert (await sent(one, "go")).status.state == DONE
            assert expected in told(worker)
        assert server.bodies == []


async def test_a_server_gets_its_own_names_and_types(database_url: str, tmp_path: Path) -> None:
    async def given(call: Call) -> None:
        await call.finish(
            json.dumps(
                {"content": [{"type": "text", "text": json.dumps(call.message["params"]["arguments"])}]}
            ).encode()
        )

    async with verbatim(given, tool("act") | {"inputSchema": SCHEMA}) as (server, url):
        server.only = "legacy"
        steps = [[function_call("odd_act", {"path": "/tmp", "top": "5"}, call_id="c1")], [assistant_message("done")]]
        async with specialist(database_url, tmp_path, steps, 1, MANIFEST, {"odd": url}) as (worker, [one]):
            assert (await sent(one, "go")).status.state == DONE
            assert json.loads(told(worker)) == {"path": "/tmp", "$top": 5}
            [act] = [each for each in worker.script.calls[0].tools if each.name == "odd_act"]
            assert isinstance(act, FunctionTool)
            assert set(act.params_json_schema["properties"]) == {"top", "path"}


async def test_nobody_is_asked_to_approve_a_call_that_cannot_be_made(database_url: str, tmp_path: Path) -> None:
    steps = [
        [function_call("pay", {"amount": "much"}, call_id="c1")],
        [function_call("pay", {"amount": "12"}, call_id="c2")],
        [assistant_message("done")],
    ]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        task = await sent(one, "go")
        assert task.status.state == ASKS
        assert "12" in question(task)
        task = await sent(one, "", task, {"approve": True, "arguments": {"amount": "lots"}})
        assert (task.status.state, worker.ledger) == (DONE, [])
        outputs = [
            item["output"] for item in worker.script.calls[2].input if isinstance(item, dict) and "output" in item
        ]
        assert ['not "much"' in outputs[0], 'not "lots"' in outputs[1]] == [True, True]


@pytest.mark.parametrize(
    ("name", "near"),
    [("nte", "Did you mean 'note'?"), ("Note", "Did you mean 'note'?"), ("zzz", "Known here: note, slow")],
)
async def test_a_tool_that_is_not_there_is_told_with_the_one_that_may_be_meant(
    database_url: str, tmp_path: Path, name: str, near: str
) -> None:
    steps = [[function_call(name, {"text": "x"}, call_id="c1")], [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        assert (await sent(one, "go")).status.state == DONE
        assert f"Error: there is no tool {name!r}." in told(worker)
        assert near in told(worker)


UNFIT = """

from agents import FunctionTool

async def _raw(context, arguments: str) -> str:
    return "raw"

NAME = "Has a name that no host takes."
FIELDS = {f"field_{n}": {"type": "string"} for n in range(3000)}
badly_named = FunctionTool("my tool!", NAME, {"type": "object"}, _raw, strict_json_schema=False)
huge = FunctionTool("huge", "Has too many.", {"type": "object", "properties": FIELDS}, _raw, strict_json_schema=False)
"""


async def test_a_tool_that_cannot_be_told_takes_none_of_the_others_and_is_said(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(specialists_under_test, "TOOLS", specialists_under_test.TOOLS + UNFIT)
    steps = [[function_call("note", {"text": "x"}, call_id="c1")], [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        assert (await sent(one, "go")).status.state == DONE
        assert worker.ledger == ["x"]
        said = str(worker.script.calls[0].system_instructions)
        assert "These tools cannot be used here:" in said
        assert "- my tool!: its name is not one that models take" in said
        assert "- huge: the schema of its arguments is larger than" in said
        assert {"my tool!", "huge"} & {each.name for each in worker.script.calls[0].tools} == set()
    assert "the tool 'my tool!' is left out" in caplog.text


async def test_an_executors_tools_have_one_form_however_often_they_are_loaded(tmp_path: Path) -> None:
    one, other = (load_tools(load_specialist(folder(tmp_path))).tools for _ in range(2))
    assert [each.params_json_schema for each in one] == [each.params_json_schema for each in other] != []
