"""Models that go round in circles: told at the third equal call with an equal result, ended at the fifth."""

from pathlib import Path
from typing import Any

import pytest
from a2a.types.a2a_pb2 import TaskState
from agents.testing import assistant_message, function_call

from agentnet.runs.repeated import Repeated
from tests.integration.runs import specialists_under_test
from tests.integration.runs.specialists_under_test import (
    ASKS,
    DONE,
    MANIFEST,
    Specialist,
    answer,
    question,
    sent,
    specialist,
)

pytestmark = pytest.mark.anyio

FAILED = TaskState.TASK_STATE_FAILED
MORE = '''

counts: list[int] = []

@function_tool
async def look(text: str) -> str:
    """Look, and see the same each time."""
    ledger.append(text)
    return "nothing new"

@function_tool
async def table() -> dict[str, int]:
    """Give a table."""
    ledger.append("table")
    return {"rows": 1}

@function_tool
async def grows() -> str:
    """Give another number each time."""
    ledger.append("grows")
    return str(len(ledger))

@function_tool
async def fails(text: str) -> str:
    """Fail."""
    ledger.append(text)
    raise ValueError("no such thing")
'''


@pytest.fixture(autouse=True)
def with_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specialists_under_test, "TOOLS", specialists_under_test.TOOLS + MORE)


def calls(*each: tuple[str, dict[str, Any]]) -> list[Any]:
    """One turn for each call."""
    return [[function_call(name, arguments, call_id=f"c{n}")] for n, (name, arguments) in enumerate(each)]


def outputs(worker: Specialist, turn: int = -1) -> list[str]:
    """What the model was told of its calls before its turn."""
    said = worker.script.calls[turn].input
    return [str(item["output"]) for item in said if isinstance(item, dict) and "output" in item]


LOOK = ("look", {"text": "a"})


@pytest.mark.parametrize("name", ["look", "fails", "note"])
async def test_the_fifth_equal_call_ends_the_run_with_its_name(database_url: str, tmp_path: Path, name: str) -> None:
    steps = calls(*[(name, {"text": "a"})] * 6)
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        task = await sent(one, "go")
        assert task.status.state == FAILED
        words = question(task)
        assert f"called {name} 5 times with the same arguments, and got the same result each time" in words
        assert "The task is not done." in words
        assert worker.ledger == ["a"] * 5
        assert len(worker.script.calls) == 5
        told = outputs(worker)
        assert ["times, with the same result" in each for each in told] == [False, False, True, True]
        assert f"[You have called {name} with these arguments 3 times" in told[2]


async def test_a_model_that_listens_is_done(database_url: str, tmp_path: Path) -> None:
    steps = [*calls(*[LOOK] * 4), [assistant_message("there is nothing new")]]
    async with specialist(database_url, tmp_path, steps) as (_, [one]):
        task = await sent(one, "go")
        assert (task.status.state, answer(task)) == (DONE, "there is nothing new")


@pytest.mark.parametrize(
    "written", [['{"text": "a"}', '{"text":"a"}', ' {"text" : "a"} ', '{"text": "\\u0061"}', '"{\\"text\\": \\"a\\"}"']]
)
async def test_equal_arguments_are_equal_however_they_are_written(
    database_url: str, tmp_path: Path, written: list[str]
) -> None:
    steps = calls(*[LOOK] * 5)
    for [call], text in zip(steps, written, strict=True):
        call.arguments = text
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        assert (await sent(one, "go")).status.state == FAILED
        assert worker.ledger == ["a"] * 5


async def test_calls_between_that_change_nothing_do_not_hide_a_circle(database_url: str, tmp_path: Path) -> None:
    steps = calls(*[LOOK, ("look", {"text": "b"})] * 5)
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        task = await sent(one, "go")
        assert (task.status.state, "called look 5 times" in question(task)) == (FAILED, True)
        assert worker.ledger == ["a", "b"] * 5


async def test_calls_that_change_something_between_are_no_circle(database_url: str, tmp_path: Path) -> None:
    each = [call for n in range(6) for call in (LOOK, ("note", {"text": str(n)}))]
    steps = [*calls(*each), [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        assert (await sent(one, "go")).status.state == DONE
        assert "6 times, with the same result" in outputs(worker)[10]  # told it is all the same


async def test_other_results_are_no_circle(database_url: str, tmp_path: Path) -> None:
    steps = [*calls(*[("grows", {})] * 7), [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        assert (await sent(one, "go")).status.state == DONE
        assert not any("times" in each for each in outputs(worker))


async def test_a_result_that_is_no_text_is_told_with_the_word(database_url: str, tmp_path: Path) -> None:
    steps = [*calls(*[("table", {})] * 3), [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        assert (await sent(one, "go")).status.state == DONE
        one_, _, last = outputs(worker)
        assert one_ == "{'rows': 1}"
        assert last.startswith("{'rows': 1}\n\n[You have called table")


async def test_equal_calls_of_one_turn_count(database_url: str, tmp_path: Path) -> None:
    turn = [function_call("look", {"text": "a"}, call_id=f"c{n}") for n in range(5)]
    async with specialist(database_url, tmp_path, [turn]) as (worker, [one]):
        task = await sent(one, "go")
        assert (task.status.state, "called look 5 times" in question(task)) == (FAILED, True)
        assert worker.ledger == ["a"] * 5


async def test_a_tool_that_is_not_there_ends_the_run_too(database_url: str, tmp_path: Path) -> None:
    steps = calls(*[("lok", {"text": "a"})] * 5)
    async with specialist(database_url, tmp_path, steps) as (_, [one]):
        task = await sent(one, "go")
        assert (task.status.state, "called lok 5 times" in question(task)) == (FAILED, True)


async def test_wrong_arguments_again_and_again_end_the_run(database_url: str, tmp_path: Path) -> None:
    steps = calls(*[("look", {"txt": "a"})] * 5)
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        task = await sent(one, "go")
        assert (task.status.state, worker.ledger) == (FAILED, [])
        assert "txt is not one of its fields" in question(task)


async def test_a_replay_counts_as_the_run_did(database_url: str, tmp_path: Path) -> None:
    steps = calls(*[LOOK] * 3, ("pay", {"amount": 1}), *[LOOK] * 3)
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        task = await sent(one, "go")
        assert task.status.state == ASKS
        task = await sent(one, "no", task)  # all of it is replayed, and the call is not made
        assert (task.status.state, "called look 5 times" in question(task)) == (FAILED, True)
        assert worker.ledger == ["a"] * 5
        assert len(worker.script.calls) == 6
        assert ["3 times" in each for each in outputs(worker)] == [False, False, True, False, False]


async def test_the_limit_of_turns_says_that_the_task_is_not_done(database_url: str, tmp_path: Path) -> None:
    steps = calls(*[("grows", {})] * 3)
    manifest = MANIFEST + "limits: {max_turns: 3}\n"
    async with specialist(database_url, tmp_path, steps, manifest=manifest) as (_, [one]):
        task = await sent(one, "go")
        assert task.status.state == FAILED
        assert question(task) == (
            "Stopped after 3 model turns, the limit of this agent (limits.max_turns). The task is not done."
        )


@pytest.mark.parametrize(
    ("limits", "expected"), [("", 4096), ("max_output_tokens: 500", 500), ("max_output_tokens: null", None)]
)
async def test_a_turn_asks_for_as_many_tokens_as_the_manifest_says(
    database_url: str, tmp_path: Path, limits: str, expected: int | None
) -> None:
    manifest = MANIFEST + f"limits: {{{limits}}}\n"
    async with specialist(database_url, tmp_path, [[assistant_message("done")]], manifest=manifest) as (worker, [one]):
        assert (await sent(one, "go")).status.state == DONE
        assert worker.script.calls[0].model_settings.max_tokens == expected


def test_a_delegation_is_the_same_whatever_its_task_is_called() -> None:
    counted = Repeated()
    for number in range(3):
        result = f'{{"agent": "a", "task_id": "{number}", "state": "completed", "answer": "x", "files": []}}'
        assert counted.count("delegate", '{"agent": "a"}', result, acts=True) == (number + 1, number + 1)
