"""A conversation that outgrows the model's context goes on: over true sockets, after a kill, in the cache."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agentnet.tasks.steps import STEPS, step_of
from agentnet.tasks.values import struct_json
from agentnet.testing import Call, Decision, OpenAIServer, Scenario
from tests.integration.runs.small_server import SmallContext, model_at
from tests.integration.runs.specialists_under_test import (
    DONE,
    answer,
    begun,
    finished,
    is_so,
    sent,
    specialist,
    until,
)
from tests.integration.tasks.replicas import context, request

pytestmark = pytest.mark.anyio

MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
limits:
  max_output_tokens: null  # the whole context is the prompt's
"""
CUT_TO = 2_048
MESSAGES = '"messages":'
REFUSALS = {
    "openai": "This model's maximum context length is {limit} tokens. However, your messages resulted in "
    "{size} tokens.",
    "vllm": "This model's maximum context length is {limit} tokens. However, your request has {size} input tokens.",
    "llama.cpp": "request ({size} tokens) exceeds the available context size ({limit} tokens), try increasing it",
    "lm studio": "Trying to keep the first {size} tokens when context the overflows. However, the model is loaded with "
    "context length of only {limit} tokens, which is not enough.",
    "gemini": "The input token count ({size}) exceeds the maximum number of tokens allowed ({limit}).",
}


def notes(count: int, size: int = 4_000) -> list[Decision]:
    return [Decision(calls=(Call("note", {"text": f"{number} " + "x" * size}),)) for number in range(count)]


def scripted(script: Sequence[Decision]) -> OpenAIServer:
    return OpenAIServer(Scenario(script=script))


async def told(one: Any, text: str) -> list[str]:
    """What a task tells of itself on the way."""
    with_steps = context()
    with_steps.requested_extensions.add(STEPS)
    events = [event async for event in one.handler.on_message_send_stream(request(text), with_steps)]
    updates = [event if hasattr(event, "metadata") else getattr(event, "status_update", None) for event in events]
    steps = [step_of(struct_json(update.metadata)) for update in updates if update is not None]
    return [step.summary for step in steps if step is not None and step.kind == "model"]


async def test_what_would_overflow_is_left_out_and_people_are_told(database_url: str, tmp_path: Path) -> None:
    server = SmallContext(scripted([*notes(8), Decision(text="done")]).app, limit=4_096)
    async with (
        model_at(server, context_tokens=4_096) as model,
        specialist(database_url, tmp_path, [], manifest=MANIFEST, model=model) as (worker, [one]),
    ):
        said = await told(one, "go")
    assert server.refused <= 1  # the first prompt is measured by our count alone
    assert len(worker.ledger) == 8
    assert any(words.startswith("left out ") for words in said)
    messages = server.asked[-1]["messages"]
    assert "left out here" in json.dumps(messages[:-1], ensure_ascii=False)
    assert messages[1]["content"].startswith("go")
    assert messages[-1]["content"] == "noted 7 " + "x" * 4_000


@pytest.mark.parametrize("words", REFUSALS)
async def test_a_server_that_refuses_a_long_prompt_is_asked_again_with_less(
    database_url: str, tmp_path: Path, words: str
) -> None:
    server = SmallContext(scripted([*notes(8), Decision(text="done")]).app, limit=4_096, words=REFUSALS[words])
    async with (
        model_at(server) as model,
        specialist(database_url, tmp_path, [], manifest=MANIFEST, model=model) as (worker, [one]),
    ):
        task = await sent(one, "go")
    assert task.status.state == DONE, task.status
    assert answer(task) == "done"
    assert len(worker.ledger) == 8
    assert 1 <= server.refused <= 2


@pytest.mark.parametrize("known", [{"context_tokens": 4_096}, {}], ids=["declared", "learnt"])
async def test_a_run_that_is_taken_over_sends_what_it_would_have_sent(
    database_url: str, tmp_path: Path, known: dict[str, Any]
) -> None:
    script = [
        *notes(5),
        Decision(calls=(Call("slow", {"text": "gate"}),)),
        *notes(4, 2_500),
        Decision(text="done"),
    ]
    prompts: list[list[Any]] = []
    for killed in (False, True):
        server = SmallContext(scripted(script).app, limit=4_096)
        async with (
            model_at(server, **known) as model,
            specialist(database_url, tmp_path / str(killed), [], 2, MANIFEST, model=model) as (worker, [one, two]),
        ):
            if not killed:
                worker.gate.set()
            task = await begun(one)
            if killed:
                await until(lambda: is_so("begin gate" in worker.ledger))
                await one.die()
                worker.gate.set()
            done = await finished(two, task)
            assert done.status.state == DONE, done.status
        prompts.append([body["messages"] for body in server.asked])
    assert len(prompts[0]) == len(script)
    assert prompts[1] == prompts[0]


def prefix(body: bytes) -> bytes:
    """The messages of a request as they were sent, without their end."""
    text = body.decode()
    begin = text.index(MESSAGES) + len(MESSAGES)
    _, end = json.JSONDecoder().raw_decode(text, begin)
    return text[begin : end - 1].encode()


async def test_each_prompt_begins_byte_by_byte_as_the_one_before_over_turns_tasks_and_a_takeover(
    database_url: str, tmp_path: Path
) -> None:
    turns = [*notes(3, 50), Decision(calls=(Call("slow", {"text": "gate"}),)), *notes(2, 50), Decision(text="done")]
    server = SmallContext(scripted([*turns, *turns]).app)
    async with (
        model_at(server) as model,
        specialist(database_url, tmp_path, [], 2, MANIFEST, model=model) as (worker, [one, two]),
    ):
        worker.gate.set()
        first = await sent(one, "go")
        assert first.status.state == DONE, first.status
        worker.gate.clear()
        worker.ledger.clear()
        second = await begun(one)
        await until(lambda: is_so("begin gate" in worker.ledger))
        await one.die()
        worker.gate.set()
        done = await finished(two, second)
        assert done.status.state == DONE, done.status
    bodies = server.bodies
    assert len(bodies) == 2 * len(turns)
    tools = {json.dumps(json.loads(body)["tools"]) for body in bodies}
    assert len(tools) == 1, "the tools come first in a prompt, and in one order"
    halves = bodies[: len(turns)], bodies[len(turns) :]
    for half in halves:
        for before, after in itertools.pairwise(half):
            assert prefix(after).startswith(prefix(before))
    assert [prefix(body) for body in halves[0]] == [prefix(body) for body in halves[1]]
    assert len({json.dumps(json.loads(body)["messages"][0]) for body in bodies}) == 1


class Cutting:
    """A server that reads 2,048 tokens of a prompt at most, and says nothing of what it drops. It calls a tool six
    times, and then answers."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = json.loads(await Request(scope, receive).body())
        if not scope["path"].endswith("/chat/completions"):
            await Response(status_code=404)(scope, receive, send)
            return
        number, self.asked = self.asked % 7, self.asked + 1
        said = " ".join(str(message.get("content") or "") for message in body["messages"])
        read = min(len(said.split()) + 500, CUT_TO)
        function = {"name": "note", "arguments": json.dumps({"text": f"{number} " + "word " * 900})}
        call = {"index": 0, "id": f"call_w{self.asked}x5z8", "type": "function", "function": function}
        delta = {"content": "done"} if number == 6 else {"tool_calls": [call]}
        head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        choices = [{"index": 0, "delta": delta}, {"index": 0, "delta": {}, "finish_reason": "stop"}]
        usage = {"prompt_tokens": read, "completion_tokens": 9, "total_tokens": read + 9}
        chunks = [*({**head, "choices": [each]} for each in choices), {**head, "choices": [], "usage": usage}]
        text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        await Response(text, media_type="text/event-stream")(scope, receive, send)


@pytest.mark.parametrize("known", [{}, {"context_tokens": 32_768}], ids=["unknown", "declared in vain"])
async def test_a_server_that_cuts_prompts_without_a_word_is_told_of_once_and_sent_what_it_reads(
    database_url: str, tmp_path: Path, known: dict[str, Any]
) -> None:
    server = SmallContext(Cutting())
    async with (
        model_at(server, **known) as model,
        specialist(database_url, tmp_path, [], manifest=MANIFEST, model=model) as (worker, [one]),
    ):
        said = await told(one, "go")
        assert len(worker.ledger) == 6
        again = await told(one, "go")
    notices = [words for words in said if "drops the rest without a word" in words]
    assert len(notices) == 1
    assert "reads 2,048 tokens of a prompt" in notices[0]
    assert not any("drops the rest" in words for words in again), "once for an endpoint"
    assert any(words.startswith("left out ") for words in said)
    sizes = [len(json.dumps(body["messages"]).split()) for body in server.asked]
    assert max(sizes[:4]) > CUT_TO, "it was cut at first"
    assert max(sizes[5:]) <= CUT_TO, "and is not any more"
