"""A specialist whose answers have a form gives one value, checked, or says why it could not."""

import json
from pathlib import Path
from typing import Any

import pytest
from a2a.types.a2a_pb2 import Message, Part, Role, SendMessageRequest, Task, TaskArtifactUpdateEvent, TaskState

from agentnet.tasks.steps import STEPS, step_of
from agentnet.tasks.values import struct_json, value_json
from agentnet.testing import Call, Decision, OpenAIServer, Scenario
from tests.integration.runs.small_server import SmallContext, model_at
from tests.integration.runs.specialists_under_test import DONE, begun, finished, is_so, sent, specialist, until
from tests.integration.tasks.replicas import context, request

pytestmark = pytest.mark.anyio

MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
output_schema:
  type: object
  properties:
    total: {type: number}
    due: {type: string}
  required: [total, due]
  additionalProperties: false
model_settings: {reasoning: low, temperature: 0, seed: 7, extra_body: {top_k: 1}}
"""
FAILED = TaskState.TASK_STATE_FAILED
RIGHT = {"total": 12.5, "due": "2026-11-30"}
TEXT = json.dumps(RIGHT)
WRONG = json.dumps({"total": "twelve"})


def serving_script(*script: Decision) -> SmallContext:
    return SmallContext(OpenAIServer(Scenario(script=script)).app)


def values(task: Task) -> list[Any]:
    parts = [part for artifact in task.artifacts for part in artifact.parts]
    assert all(part.HasField("data") and part.media_type == "application/json" for part in parts)
    return [value_json(part.data) for part in parts]


async def test_an_agent_without_tools_asks_its_server_for_the_form_and_streams_no_half_of_it(
    database_url: str, tmp_path: Path
) -> None:
    server = serving_script(Decision(text=TEXT))
    async with (
        model_at(server) as model,
        specialist(database_url, tmp_path, [], manifest=MANIFEST, model=model, tools="") as (_, [one]),
    ):
        events = [event async for event in one.handler.on_message_send_stream(request("how much?"), context())]
        task = await finished(one, next(event for event in events if isinstance(event, Task)))
    assert task.status.state == DONE, task.status
    assert values(task) == [RIGHT]
    shown = [event for event in events if isinstance(event, TaskArtifactUpdateEvent)]
    assert [part.HasField("data") for event in shown for part in event.artifact.parts] == [True]
    [asked] = server.asked
    assert asked["response_format"]["json_schema"]["schema"]["required"] == ["total", "due"]
    assert asked["response_format"]["json_schema"]["strict"] is True
    assert "JSON Schema" in asked["messages"][0]["content"]
    assert (asked["reasoning_effort"], asked["temperature"], asked["seed"], asked["top_k"]) == ("low", 0, 7, 1)


@pytest.mark.parametrize("said", [f"Here it is:\n```json\n{TEXT}\n```\nBye.", f"It is {TEXT}, I think.", TEXT])
async def test_the_value_is_found_amid_words_and_tools_are_not_shut_off_for_it(
    database_url: str, tmp_path: Path, said: str
) -> None:
    server = serving_script(Decision(calls=(Call("note", {"text": "a"}),), text="Looking."), Decision(text=said))
    async with (
        model_at(server) as model,
        specialist(database_url, tmp_path, [], manifest=MANIFEST, model=model) as (worker, [one]),
    ):
        task = await sent(one, "how much?")
    assert task.status.state == DONE, task.status
    assert values(task) == [RIGHT]
    assert worker.ledger == ["a"]
    assert not any("response_format" in asked for asked in server.asked)


@pytest.mark.parametrize(("wrong", "named"), [(WRONG, ["total: 'twelve'", "'due'"]), ("It is twelve.", ["no JSON"])])
async def test_an_answer_that_does_not_fit_is_mended_by_one_more_turn_that_names_the_fields(
    database_url: str, tmp_path: Path, wrong: str, named: list[str]
) -> None:
    server = serving_script(Decision(text=wrong), Decision(text=TEXT))
    async with (
        model_at(server) as model,
        specialist(database_url, tmp_path, [], manifest=MANIFEST, model=model) as (_, [one]),
    ):
        task = await sent(one, "how much?")
    assert task.status.state == DONE, task.status
    assert values(task) == [RIGHT]
    first, second = server.asked
    assert "response_format" not in first
    assert "response_format" in second
    assert second["tool_choice"] == "none"
    assert second["messages"][:-2] == first["messages"]
    assert all(name in second["messages"][-1]["content"] for name in named)


async def test_an_answer_that_still_does_not_fit_fails_the_task_with_the_reason(
    database_url: str, tmp_path: Path
) -> None:
    server = serving_script(Decision(text=WRONG), Decision(text=WRONG))
    async with (
        model_at(server) as model,
        specialist(database_url, tmp_path, [], manifest=MANIFEST, model=model) as (_, [one]),
    ):
        task = await sent(one, "how much?")
    assert task.status.state == FAILED
    said = task.status.message.parts[0].text
    assert "does not fit the form" in said
    assert "total: 'twelve' is not of type 'number'." in said
    assert not task.artifacts
    assert len(server.asked) == 2


async def test_a_run_that_is_taken_over_gives_its_value_once(database_url: str, tmp_path: Path) -> None:
    server = serving_script(
        Decision(calls=(Call("slow", {"text": "gate"}),)), Decision(text=WRONG), Decision(text=TEXT)
    )
    async with (
        model_at(server) as model,
        specialist(database_url, tmp_path, [], 2, MANIFEST, model=model) as (worker, [one, two]),
    ):
        task = await begun(one)
        await until(lambda: is_so("begin gate" in worker.ledger))
        await one.die()
        worker.gate.set()
        done = await finished(two, task)
    assert done.status.state == DONE, done.status
    assert values(done) == [RIGHT]
    assert len(server.asked) == 3


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64


def with_files(*parts: Part) -> SendMessageRequest:
    text = Part(text="What is on it?")
    return SendMessageRequest(message=Message(message_id="m-1", role=Role.ROLE_USER, parts=[text, *parts]))


@pytest.mark.parametrize(
    ("takes", "kinds", "unread"),
    [
        (["image", "audio"], ["text", "image_url", "input_audio"], []),
        (["image"], ["text", "image_url"], ["The model local takes no sound; talk.wav was not read."]),
        (
            [],
            None,
            [
                "The model local takes no images; photo.png was not read.",
                "The model local takes no sound; talk.wav was not read.",
            ],
        ),
    ],
)
async def test_images_and_sounds_go_to_a_model_that_takes_them_and_are_named_where_it_does_not(
    database_url: str, tmp_path: Path, takes: list[str], kinds: list[str] | None, unread: list[str]
) -> None:
    server = serving_script(Decision(text="A cat."))
    photo = Part(raw=PNG, filename="photo.png", media_type="image/png")
    talk = Part(raw=b"RIFF" + b"\0" * 40, filename="talk.wav")
    plain = MANIFEST[: MANIFEST.index("output_schema")]
    with_steps = context()
    with_steps.requested_extensions.add(STEPS)
    async with (
        model_at(server, takes=takes) as model,
        specialist(database_url, tmp_path, [], manifest=plain, model=model) as (_, [one]),
    ):
        stream = one.handler.on_message_send_stream(with_files(photo, talk), with_steps)
        events = [event async for event in stream]
    content = server.asked[0]["messages"][-1]["content"]
    text = content if kinds is None else content[0]["text"]
    assert kinds is None or [part["type"] for part in content] == kinds
    assert "photo.png (image/png, 72 bytes): agentnet-file:" in text
    assert all(f"[{sentence}]" in text for sentence in unread)
    steps = [step_of(struct_json(event.metadata)) for event in events if hasattr(event, "metadata")]
    assert [step.summary for step in steps if step and step.kind == "model" and not step.ok] == unread
