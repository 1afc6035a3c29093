"""A run goes on at its last finished step, whatever stopped it: a question, an approval, a dead replica."""

from pathlib import Path

import pytest
from a2a.types.a2a_pb2 import TaskState
from agents.testing import assistant_message, function_call

from tests.integration.runs.specialists_under_test import (
    ASKS,
    DONE,
    answer,
    begun,
    finished,
    is_so,
    question,
    sent,
    specialist,
    until,
)
from tests.integration.tasks.replicas import context, request

pytestmark = pytest.mark.anyio


async def test_tools_are_called_and_the_answer_is_an_artifact(database_url: str, tmp_path: Path) -> None:
    steps = [[function_call("note", {"text": "a"}, call_id="c1")], [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        task = await sent(one, "go")
        assert task.status.state == DONE, task.status
        assert answer(task) == "done"
        assert worker.ledger == ["a"]


async def test_a_question_waits_without_a_worker_and_its_answer_repeats_nothing(
    database_url: str, tmp_path: Path
) -> None:
    steps = [
        [
            function_call("note", {"text": "before"}, call_id="c1"),
            function_call("ask_user", {"question": "which?"}, call_id="c2"),
        ],
        [assistant_message("that one it is")],
    ]
    async with specialist(database_url, tmp_path, steps, 2) as (worker, [one, two]):
        asked = await sent(one, "go")
        assert asked.status.state == ASKS
        assert question(asked) == "which?"
        assert worker.ledger == ["before"]
        assert one.worker.room == 16
        done = await sent(two, "that one", asked)
        assert done.status.state == DONE, done.status
        assert answer(done) == "that one it is"
        assert worker.ledger == ["before"]
        assert len(worker.script.calls) == 2
        said = worker.script.calls[1].input
        assert any(item.get("output") == "that one" for item in said if isinstance(item, dict))


async def test_two_questions_of_one_turn_are_asked_one_after_the_other(database_url: str, tmp_path: Path) -> None:
    steps = [
        [
            function_call("ask_user", {"question": "first?"}, call_id="c1"),
            function_call("ask_user", {"question": "second?"}, call_id="c2"),
        ],
        [assistant_message("thanks")],
    ]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        asked = await sent(one, "go")
        assert question(asked) == "first?"
        asked = await sent(one, "1", asked)
        assert asked.status.state == ASKS
        assert question(asked) == "second?"
        done = await sent(one, "2", asked)
        assert done.status.state == DONE
        outputs = [item.get("output") for item in worker.script.calls[1].input if isinstance(item, dict)]
        assert [output for output in outputs if output] == ["1", "2"]


async def test_a_finished_tool_is_not_called_again_after_a_kill(database_url: str, tmp_path: Path) -> None:
    manifest = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
"""
    steps = [
        [function_call("note", {"text": "a"}, call_id="c1")],
        [function_call("slow", {"text": "b"}, call_id="c2")],
        [assistant_message("done")],
    ]
    async with specialist(database_url, tmp_path, steps, 2, manifest) as (worker, [one, two]):
        task = await begun(one)
        await until(lambda: is_so(worker.ledger == ["a", "begin b"]))
        await one.die()
        worker.gate.set()
        done = await finished(two, task)
        assert done.status.state == DONE, done.status
        assert worker.ledger == ["a", "begin b", "begin b", "end b"]
        assert len(worker.script.calls) == 3


async def test_a_call_in_doubt_is_asked_about_and_not_repeated(database_url: str, tmp_path: Path) -> None:
    steps = [[function_call("slow", {"text": "b"}, call_id="c1")], [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps, 2) as (worker, [one, two]):
        task = await begun(one)
        await until(lambda: is_so(worker.ledger == ["begin b"]))
        await one.die()
        worker.gate.set()
        asked = await finished(two, task)
        assert asked.status.state == ASKS
        assert "Did this happen?" in question(asked)
        done = await sent(two, "yes", asked)
        assert done.status.state == DONE
        assert worker.ledger == ["begin b"]


@pytest.mark.parametrize(
    ("text", "data", "ledger"),
    [
        ("yes", None, ["paid 5"]),
        ("no, too much", None, []),
        ("", {"approve": True, "arguments": {"amount": 3}}, ["paid 3"]),
        ("", {"approve": False, "reason": "too much"}, []),
    ],
)
async def test_an_approval_is_asked_for_and_obeyed(
    database_url: str, tmp_path: Path, text: str, data: dict[str, object] | None, ledger: list[str]
) -> None:
    steps = [[function_call("pay", {"amount": 5}, call_id="c1")], [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        asked = await sent(one, "pay 5")
        assert asked.status.state == ASKS
        fields = asked.status.message.parts[1].data.struct_value.fields
        assert fields["tool"].string_value == "pay"
        assert fields["arguments"].struct_value.fields["amount"].number_value == 5
        assert worker.ledger == []
        done = await sent(one, text, asked, data)
        assert done.status.state == DONE
        assert worker.ledger == ledger
        if not ledger:
            outputs = [item.get("output") for item in worker.script.calls[1].input if isinstance(item, dict)]
            assert any("not approved" in str(output) and "too much" in str(output) for output in outputs)


@pytest.mark.parametrize(("unclear", "then", "ledger"), [("maybe", "yes", ["paid 5"]), ("why?", "no", [])])
async def test_an_approval_that_is_neither_yes_nor_no_is_asked_for_again(
    database_url: str, tmp_path: Path, unclear: str, then: str, ledger: list[str]
) -> None:
    steps = [[function_call("pay", {"amount": 5}, call_id="c1")], [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        asked = await sent(one, "pay 5")
        again = await sent(one, unclear, asked)
        assert again.status.state == ASKS
        assert f"neither yes nor no: {unclear!r}. May" in question(again)
        assert worker.ledger == []
        done = await sent(one, then, again)
        assert done.status.state == DONE
        assert worker.ledger == ledger


async def test_a_model_that_goes_in_circles_is_stopped(database_url: str, tmp_path: Path) -> None:
    steps = [[function_call("note", {"text": str(n)}, call_id=f"c{n}")] for n in range(30)]
    async with specialist(database_url, tmp_path, steps) as (_, [one]):
        task = await sent(one, "go")
        assert task.status.state == TaskState.TASK_STATE_FAILED
        assert "20 model turns" in task.status.message.parts[0].text


async def test_what_was_said_before_in_the_context_is_known(database_url: str, tmp_path: Path) -> None:
    steps = [[assistant_message("nice to meet you, Ada")], [assistant_message("you are Ada")]]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        first = await sent(one, "my name is Ada")
        again = request("who am I?")
        again.message.context_id = first.context_id
        await one.handler.on_message_send(again, context())
        said = [item["content"] for item in worker.script.calls[1].input if isinstance(item, dict)]
        assert [str(text) for text in said] == ["my name is Ada", "nice to meet you, Ada", "who am I?"]


async def test_a_task_whose_tools_a_deploy_took_away_fails_and_names_both_versions(
    database_url: str, tmp_path: Path
) -> None:
    steps = [
        [
            function_call("note", {"text": "a"}, call_id="c1"),
            function_call("ask_user", {"question": "go on?"}, call_id="c2"),
        ],
        [assistant_message("never said")],
    ]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        asked = await sent(one, "go")
        assert asked.status.state == ASKS
        worker.own_tools = [tool for tool in worker.own_tools if tool.name != "note"]
        failed = await sent(one, "yes", asked)
        assert failed.status.state == TaskState.TASK_STATE_FAILED
        reason = failed.status.message.parts[0].text
        assert "1.0.0+0" in reason
        assert worker.specialist.definition in reason
        assert "note" in reason
