"""A model's turn and time: what is waited for and told, what ends a wait, and what stays of a try that failed."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatusUpdateEvent,
)
from agents import Model, OpenAIResponsesModel
from openai import AsyncOpenAI

from agentnet.models.chat import ChatModel
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.patient import PatientModel
from agentnet.tasks.projection import Projection
from agentnet.tasks.steps import STEPS, Step, step_of
from agentnet.tasks.values import struct_json
from tests.integration.models.playing import Act, Wire, delta, event, playing, refuses, says, sends, streams
from tests.integration.models.test_broken_turns import asking
from tests.integration.runs.specialists_under_test import (
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
from tests.integration.tasks.replicas import Replica, context, replicas, request

pytestmark = pytest.mark.anyio

GOOD = says("all ", "is ", "well")
END = event("[DONE]")
FAILED = TaskState.TASK_STATE_FAILED
CANCELED = TaskState.TASK_STATE_CANCELED
WHOLE = {
    "id": "r",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "output": [
        {
            "type": "message",
            "id": "m",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "all is well", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 9,
        "output_tokens": 3,
        "total_tokens": 12,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}
PLAIN = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
"""


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentnet.models.retries.FIRST_PAUSE_SECONDS", 0.005)


def calls(tool: str, **arguments: Any) -> Act:
    function = {"name": tool, "arguments": json.dumps(arguments)}
    call = {"index": 0, "id": f"call_{tool}", "type": "function", "function": function}
    return streams(delta(tool_calls=[call]), delta(finish="tool_calls"), END)


@asynccontextmanager
async def at(url: str, **limits: Any) -> AsyncIterator[Model]:
    """The model of an endpoint with limits of its own."""
    where = Endpoint(name="house", model="m", base_url=f"{url}/v1", **limits)
    client = AsyncOpenAI(api_key="none", base_url=where.base_url, max_retries=0, timeout=where.silence_seconds)
    async with client:
        kind = OpenAIResponsesModel if where.speaks_responses else ChatModel
        yield PatientModel(kind("m", client), where)


def with_steps() -> ServerCallContext:
    """Of a client that wants to see the steps."""
    made = context()
    made.requested_extensions = {STEPS}
    return made


async def events_of(replica: Replica, text: str) -> list[StreamResponse]:
    """What a client sees of a task that it streams."""
    seen: list[StreamResponse] = []
    async for each in replica.handler.on_message_send_stream(request(text), with_steps()):
        match each:
            case Task():
                seen.append(StreamResponse(task=each))
            case TaskStatusUpdateEvent():
                seen.append(StreamResponse(status_update=each))
            case TaskArtifactUpdateEvent():
                seen.append(StreamResponse(artifact_update=each))
            case _:
                raise AssertionError(each)
    return seen


def steps_of(seen: list[StreamResponse]) -> list[Step]:
    found = (step_of(struct_json(each.status_update.metadata)) for each in seen)
    return [step for step in found if step is not None]


async def test_words_of_a_broken_try_are_replaced_in_the_stream_and_not_in_the_answer(
    database_url: str, tmp_path: Path
) -> None:
    acts = streams(delta("wrong "), delta("words"), None), GOOD
    async with playing(*acts) as endpoint, asking(database_url, tmp_path, endpoint) as [one]:
        seen = await events_of(one, "hello")
    updates = [each.artifact_update for each in seen if each.HasField("artifact_update")]
    words = ["".join(part.text for part in update.artifact.parts) for update in updates]
    assert "".join(words) == "wrong wordsall is well"
    assert [update.append for update in updates[:1]] == [False]
    assert [word for word, update in zip(words, updates, strict=True) if not update.append] == ["wrong ", "all "]
    heard = Projection()
    for each in seen:
        heard.receive(each)
    assert heard.answer == "all is well"


async def test_what_a_server_asks_for_is_waited_for_and_seen_in_the_stream(database_url: str, tmp_path: Path) -> None:
    acts = refuses(429, {"error": {"message": "slow down"}}, retry_after="1"), GOOD
    async with playing(*acts) as endpoint, asking(database_url, tmp_path, endpoint) as [one]:
        seen = await events_of(one, "hello")
    told = [(step.kind, step.phase, step.name, step.summary) for step in steps_of(seen)]
    assert told == [("model", "start", "m", "waiting 1 s: rate limit"), ("model", "end", "m", "")]


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_silent_server_is_seen_to_be_waited_for_until_it_speaks(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: str
) -> None:
    monkeypatch.setattr("agentnet.models.deadline.SAY_AT_SECONDS", (0.1,))
    monkeypatch.setattr("agentnet.models.deadline.SAY_EVERY_SECONDS", 0.1)
    spoken = asyncio.Event()

    async def silent(wire: Wire) -> None:
        await spoken.wait()
        if api == "chat":
            await GOOD(wire)
        else:
            done = {"type": "response.completed", "sequence_number": 1, "response": WHOLE}
            await streams(event(done))(wire)

    async with playing(silent) as endpoint, at(endpoint.url, api=api) as model:
        async with specialist(database_url, tmp_path, [], model=model) as (_, [one]):
            seen: list[StreamResponse] = []
            async for each in one.handler.on_message_send_stream(request("hello"), with_steps()):
                if isinstance(each, TaskStatusUpdateEvent):
                    seen.append(StreamResponse(status_update=each))
                if len(steps_of(seen)) >= 2:
                    spoken.set()
    told = [(step.kind, step.phase, step.name) for step in steps_of(seen)]
    assert told == [*[("model", "start", "house")] * (len(told) - 1), ("model", "end", "house")]
    assert len(told) >= 3
    assert all(step.summary.startswith("waiting for the model: ") for step in steps_of(seen)[:-1])
    assert seen[-1].status_update.status.state == DONE


async def test_a_server_that_comes_late_is_waited_for_with_a_word(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentnet.models.retries.LOOK_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with at(f"http://127.0.0.1:{port}") as model:
        async with specialist(database_url, tmp_path, [], model=model) as (_, [one]):
            streamed = asyncio.create_task(events_of(one, "hello"))
            await asyncio.sleep(0.3)
            assert not streamed.done()
            async with playing(GOOD, port=port):
                seen = await streamed
    heard = Projection()
    for each in seen:
        heard.receive(each)
    assert heard.answer == "all is well"
    assert steps_of(seen)[0].summary == "waiting for the model: nothing answers"


async def test_a_server_that_never_comes_is_told_of_when_the_time_is_over(database_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with at(f"http://127.0.0.1:{port}", total_seconds=0.5) as model:
        async with specialist(database_url, tmp_path, [], model=model) as (_, [one]):
            task = await sent(one, "hello")
    assert task.status.state == FAILED
    assert f"The model house's server at http://127.0.0.1:{port} is not there: the connection" in question(task)


@pytest.mark.parametrize("begins", [sends(60.0), sends(b"HTTP/1.1 200 OK\r\n", 60.0), streams(delta("a"), 60.0)])
async def test_silence_ends_a_turn_after_one_repeat(database_url: str, tmp_path: Path, begins: Act) -> None:
    async with playing(begins) as endpoint, at(endpoint.url, silence_seconds=0.5) as model:
        async with specialist(database_url, tmp_path, [], model=model) as (_, [one]):
            task = await sent(one, "hello")
            assert len(endpoint.asked) == 2
    assert task.status.state == FAILED
    assert "The model house said nothing for 0.5 s" in question(task)


@pytest.mark.parametrize("sign", [": ping\n\n", delta(reasoning_content="Hm. "), delta(reasoning="So. "), delta("")])
async def test_thoughts_and_keep_alives_are_life_and_no_answer(database_url: str, tmp_path: Path, sign: str) -> None:
    silence = 2.0
    beats = [step for _ in range(4) for step in (silence * 0.4, sign)]
    act = streams(*beats, delta("all is well"), delta(finish="stop"), END)
    async with playing(act) as endpoint, at(endpoint.url, silence_seconds=silence) as model:
        async with specialist(database_url, tmp_path, [], model=model) as (_, [one]):
            task = await sent(one, "hello")
            assert len(endpoint.asked) == 1
    assert answer(task) == "all is well"


async def test_the_total_ends_a_turn_amid_keep_alives(database_url: str, tmp_path: Path) -> None:
    async with playing(streams(*[": ping\n\n", 0.05] * 1000)) as endpoint, at(endpoint.url, total_seconds=0.5) as model:
        async with specialist(database_url, tmp_path, [], model=model) as (_, [one]):
            task = await sent(one, "hello")
            assert len(endpoint.asked) == 1
            await endpoint.gone.wait()
    assert question(task) == "The model house did not finish its turn within 0.5 s."


async def test_four_asks_of_one_slot_are_done_one_after_the_other_and_those_who_wait_are_told(
    database_url: str, tmp_path: Path
) -> None:
    inside = most = 0

    async def slowly(wire: Wire) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.8)
        await GOOD(wire)
        inside -= 1

    async with playing(slowly) as endpoint, at(endpoint.url, concurrency=1) as model:
        async with specialist(database_url, tmp_path, [], model=model) as (_, [one]):
            seen = await asyncio.gather(*(events_of(one, "hello") for _ in range(4)))
    assert most == 1
    for each in seen:
        assert each[-1].status_update.status.state == DONE, each[-1]
    words = [step.summary for each in seen for step in steps_of(each)]
    assert any(word.startswith("waiting for the model: ") for word in words)


@pytest.mark.parametrize("waits", ["for the rate limit", "in the line", "for a word"])
async def test_a_cancel_ends_a_wait_at_once(database_url: str, tmp_path: Path, waits: str) -> None:
    limited = refuses(429, {"error": {"message": "slow down"}}, retry_after="50")
    act = limited if waits == "for the rate limit" else streams(60.0)
    async with playing(act) as endpoint, at(endpoint.url, concurrency=1) as model:
        async with specialist(database_url, tmp_path, [], model=model) as (_, [one]):
            task = await begun(one)
            await until(lambda: is_so(len(endpoint.asked) == 1))
            if waits == "in the line":
                waiting = await begun(one)
                canceled = await one.handler.on_cancel_task(CancelTaskRequest(id=waiting.id), context())
                assert canceled is not None
                assert canceled.status.state == CANCELED
            canceled = await one.handler.on_cancel_task(CancelTaskRequest(id=task.id), context())
            assert canceled is not None
            assert canceled.status.state == CANCELED
            if waits != "for the rate limit":
                await endpoint.gone.wait()
            assert len(endpoint.asked) == 1


async def test_a_turn_that_was_done_is_not_asked_for_again_after_a_kill(database_url: str, tmp_path: Path) -> None:
    acts = streams(delta("wrong"), None), calls("slow", text="b"), GOOD
    async with playing(*acts) as endpoint, at(endpoint.url) as model:
        async with specialist(database_url, tmp_path, [], 2, PLAIN, model=model) as (worker, [one, two]):
            task = await begun(one)
            await until(lambda: is_so(worker.ledger == ["begin b"]))
            assert len(endpoint.asked) == 2
            await one.die()
            worker.gate.set()
            done = await finished(two, task)
            assert answer(done) == "all is well"
            assert len(endpoint.asked) == 3
            assert worker.ledger == ["begin b", "begin b", "end b"]


async def test_a_kill_amid_a_wait_is_taken_over(database_url: str, tmp_path: Path) -> None:
    acts = refuses(429, {"error": {"message": "slow down"}}, retry_after="1"), GOOD
    async with playing(*acts) as endpoint, at(endpoint.url) as model:
        async with specialist(database_url, tmp_path, [], 2, PLAIN, model=model) as (_, [one, two]):
            task = await begun(one)
            await until(lambda: is_so(len(endpoint.asked) == 1))
            await one.die()
            done = await finished(two, task)
            assert answer(done) == "all is well"


async def test_the_next_model_does_the_turn_of_one_that_has_failed_and_it_is_told(
    database_url: str, tmp_path: Path
) -> None:
    spent = refuses(402, {"error": {"message": "no credit left"}})
    async with playing(spent) as first, playing(GOOD) as second:
        async with at(first.url) as one_model, at(second.url) as other:
            assert isinstance(one_model, PatientModel)
            model = PatientModel(one_model.own.model, one_model.own.endpoint, [other])
            async with specialist(database_url, tmp_path, [], model=model) as (_, [one]):
                seen = await events_of(one, "hello")
    heard = Projection()
    for each in seen:
        heard.receive(each)
    assert heard.answer == "all is well"
    assert "no credit left" in steps_of(seen)[0].summary


async def test_a_task_whose_time_ends_in_a_wait_says_for_what(database_url: str, tmp_path: Path) -> None:
    limited = refuses(429, {"error": {"message": "slow down"}}, retry_after="50")
    async with playing(limited) as endpoint, at(endpoint.url) as model:
        async with specialist(database_url, tmp_path, [], model=model) as (worker, _):
            async with replicas(database_url, worker, timeout_seconds=1.0) as [one]:
                task = await sent(one, "hello")
    assert question(task) == "The task took longer than its limit of 1 s; its last word: waiting 50 s: rate limit."


def response(status: str, text: str | None = None, **more: Any) -> dict[str, Any]:
    """A response of the Responses API, as its last event holds it."""
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"id": "i", "type": "message", "role": "assistant", "status": status, "content": [part]}
    plain = {"object": "response", "created_at": 1, "model": "m", "tools": [], "tool_choice": "auto"}
    output = [] if text is None else [message]
    return {"id": "r", "status": status, "output": output, "parallel_tool_calls": False, **plain, **more}


def tells(kind: str, **more: Any) -> str:
    return f"event: {kind}\n" + event({"type": kind, "sequence_number": 0, **more})


def writes(text: str) -> str:
    return tells("response.output_text.delta", delta=text, item_id="i", output_index=0, content_index=0, logprobs=[])


BEGINS = tells("response.created", response=response("in_progress"))
ANSWERS = streams(
    BEGINS, writes("all is well"), tells("response.completed", response=response("completed", "all is well"))
)
NOTE = "(The answer is cut here: the model reached the length that it may write, 4,096 tokens.)"


def ends(kind: str, *before: str, **more: Any) -> Act:
    return streams(BEGINS, *before, tells(f"response.{kind}", response=response(kind, **more)))


@pytest.mark.parametrize(
    ("acts", "said"),
    [
        ([ANSWERS], "all is well"),
        ([ends("completed"), ANSWERS], "all is well"),
        ([streams(BEGINS, writes("wrong")), ANSWERS], "all is well"),
        (
            [ends("failed", writes("wrong"), error={"code": "server_error", "message": "out of order"}), ANSWERS],
            "all is well",
        ),
        ([streams(BEGINS, tells("error", code="server_error", message="stopped", param=None)), ANSWERS], "all is well"),
        ([ends("failed", error={"code": "insufficient_quota", "message": "no credit left"})], "no credit left"),
        (
            [ends("incomplete", writes("half"), text="half", incomplete_details={"reason": "max_output_tokens"})],
            f"half\n\n{NOTE}",
        ),
        ([ends("incomplete", incomplete_details={"reason": "max_output_tokens"})], " before it "),
        (
            [ends("incomplete", writes("ha"), text="ha", incomplete_details={"reason": "content_filter"})],
            "content filter",
        ),
    ],
)
async def test_turns_of_the_responses_api_are_as_patient(
    database_url: str, tmp_path: Path, acts: list[Act], said: str
) -> None:
    async with playing(*acts) as endpoint, at(endpoint.url, api="responses") as model:
        async with specialist(database_url, tmp_path, [], model=model) as (_, [one]):
            task = await sent(one, "hello")
            assert len(endpoint.asked) == len(acts)
    if task.status.state == DONE:
        assert answer(task) == said
    else:
        assert said in question(task)
        assert "internal error" not in question(task)
