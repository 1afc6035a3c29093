"""A question is answered by what was said after it was asked, and by nothing else.

An attacker's 20 approvals of one question approved the next three calls, and "yes" to a working task the first.
"""

from pathlib import Path
from uuid import UUID

import pytest
from a2a.types.a2a_pb2 import Part, Task
from agents.testing import assistant_message, function_call
from google.protobuf.struct_pb2 import Value

from agentnet.tasks.events import QUESTION_META, question_id
from tests.integration.runs.specialists_under_test import (
    ASKS,
    DONE,
    MANIFEST,
    begun,
    finished,
    is_so,
    question,
    sent,
    specialist,
    until,
)
from tests.integration.tasks.replicas import Replica, context, request

pytestmark = pytest.mark.anyio

EARLY: list[tuple[str, dict[str, object] | None]] = [
    ("yes", None),
    ("", {"approve": True}),
    ("", {"happened": True, "result": "done"}),
    ("ok, and tell me the price too", None),
]
ASKING = {
    "approval": function_call("pay", {"amount": 5}, call_id="c2"),
    "question": function_call("ask_user", {"question": "May I call pay?"}, call_id="c2"),
}


def _data(value: dict[str, object]) -> Part:
    data = Value()
    data.struct_value.update(value)
    return Part(data=data)


async def said(replica: Replica, task: Task, text: str, data: dict[str, object] | None = None) -> str:
    """Say it without waiting for what becomes of it; the message's id."""
    message = request(text, task=task, at_once=True)
    if data is not None:
        message.message.parts[0].CopyFrom(_data(data))
    await replica.handler.on_message_send(message, context())
    return message.message.message_id


@pytest.mark.parametrize("kind", ASKING)
@pytest.mark.parametrize(("text", "data"), EARLY)
async def test_what_was_said_before_a_question_is_a_further_request_and_no_answer(
    database_url: str, tmp_path: Path, text: str, data: dict[str, object] | None, kind: str
) -> None:
    steps = [
        [function_call("slow", {"text": "b"}, call_id="c1")],
        [ASKING[kind]],
        [assistant_message("not done")],
        [assistant_message("heard once")],
        [assistant_message("heard twice")],
    ]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        task = await begun(one)
        await until(lambda: is_so(worker.ledger == ["begin b"]))
        early = [await said(one, task, text, data) for _ in range(2)]
        worker.gate.set()
        asked = await finished(one, task)
        assert asked.status.state == ASKS
        assert "pay" in question(asked)
        assert [message.message_id for message in asked.history[1:]] == early
        done = await sent(one, "no", asked)
        assert done.status.state == DONE
        assert worker.ledger == ["begin b", "end b"]
        assert [artifact.parts[0].text for artifact in done.artifacts] == ["not done", "heard once", "heard twice"]
        outputs = [item.get("output") for item in worker.script.calls[2].input if isinstance(item, dict)]
        assert "no" in str(outputs[-1])


@pytest.mark.parametrize("again", ["yes", "no"])
async def test_a_second_answer_to_one_question_answers_no_later_one(
    database_url: str, tmp_path: Path, again: str
) -> None:
    steps = [
        [function_call("pay", {"amount": 5}, call_id="c1")],
        [function_call("slow", {"text": "b"}, call_id="c2")],
        [function_call("pay", {"amount": 7}, call_id="c3")],
        [assistant_message("done")],
        [assistant_message("heard")],
    ]
    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        asked = await sent(one, "go")
        await said(one, asked, "yes")
        await until(lambda: is_so(worker.ledger == ["paid 5", "begin b"]))
        await said(one, asked, again)
        worker.gate.set()
        asked = await finished(one, asked)
        assert asked.status.state == ASKS
        assert "7" in question(asked)
        assert worker.ledger == ["paid 5", "begin b", "end b"]
        done = await sent(one, "yes", asked)
        assert done.status.state == DONE
        assert worker.ledger == ["paid 5", "begin b", "end b", "paid 7"]


async def test_a_call_in_doubt_is_not_settled_by_what_was_said_before_it_was_asked_about(
    database_url: str, tmp_path: Path
) -> None:
    steps = [
        [function_call("slow", {"text": "b"}, call_id="c1")],
        [assistant_message("done")],
        [assistant_message("heard")],
    ]
    async with specialist(database_url, tmp_path, steps, 2) as (worker, [one, two]):
        task = await begun(one)
        await until(lambda: is_so(worker.ledger == ["begin b"]))
        await said(two, task, "no")  # as an answer it would have the call made once more
        await one.die()
        worker.gate.set()
        asked = await finished(two, task)
        assert asked.status.state == ASKS
        assert "Did this happen?" in question(asked)
        done = await sent(two, "yes", asked)
        assert done.status.state == DONE
        assert worker.ledger == ["begin b"]


@pytest.mark.parametrize("dies", ["before the answer is taken", "after the call"])
async def test_an_answer_stays_one_after_a_takeover(database_url: str, tmp_path: Path, dies: str) -> None:
    steps = [
        [function_call("pay", {"amount": 5}, call_id="c1")],
        [function_call("slow", {"text": "b"}, call_id="c2")],
        [assistant_message("done")],
        [assistant_message("heard")],
    ]
    manifest = MANIFEST.replace("not_repeatable: [slow]\n", "")
    async with specialist(database_url, tmp_path, steps, 2, manifest) as (worker, [one, two]):
        asked = await sent(one, "go")
        if dies == "before the answer is taken":
            await one.store.resume(
                UUID(asked.id), "default", one.agent, request("yes", task=asked).message, leased=True
            )
            await said(two, asked, "no")
            await one.die()
        else:
            await said(one, asked, "yes")
            await until(lambda: is_so(worker.ledger == ["paid 5", "begin b"]))
            await said(two, asked, "no")
            await one.die()
        worker.gate.set()
        done = await finished(two, asked)
        assert done.status.state == DONE, done.status
        assert [line for line in worker.ledger if line.startswith("paid")] == ["paid 5"]
        assert len(done.artifacts) == 2


@pytest.mark.parametrize("named_in", ["data", "metadata"])
async def test_an_answer_that_names_another_question_is_none(database_url: str, tmp_path: Path, named_in: str) -> None:
    steps = [
        [function_call("pay", {"amount": 5}, call_id="c1")],
        [function_call("pay", {"amount": 7}, call_id="c2")],
        [assistant_message("done")],
    ]

    async def answered(replica: Replica, asked: Task, name: str) -> Task:
        message = request("yes", task=asked)
        if named_in == "metadata":
            message.message.metadata.update({QUESTION_META: name})
        else:
            message.message.parts[0].CopyFrom(_data({"approve": True, "question_id": name}))
        task = await replica.handler.on_message_send(message, context())
        assert isinstance(task, Task)
        return task

    async with specialist(database_url, tmp_path, steps) as (worker, [one]):
        first = await sent(one, "go")
        name = question_id(first.status.message)
        second = await answered(one, first, name)
        assert worker.ledger == ["paid 5"]
        for _ in range(2):
            third = await answered(one, second, name)
            assert third.status.state == ASKS
            assert question(third).startswith("The last message named another question than this one")
            assert question(third).endswith(question(second))
            assert worker.ledger == ["paid 5"]
        assert question_id(third.status.message) == question_id(second.status.message) != name
        done = await answered(one, third, question_id(third.status.message))
        assert done.status.state == DONE
        assert worker.ledger == ["paid 5", "paid 7"]
