"""What goes wrong with a turn, byte for byte, and what becomes of the task: the right answer, or a clear sentence."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from a2a.types.a2a_pb2 import Task, TaskState

from agentnet.models import model_provider
from agentnet.settings import Settings
from tests.integration.models.playing import (
    STREAM,
    Act,
    Endpoint,
    delta,
    event,
    playing,
    refuses,
    says,
    sends,
    streams,
)
from tests.integration.runs.specialists_under_test import DONE, answer, question, sent, specialist
from tests.integration.tasks.replicas import Replica

pytestmark = pytest.mark.anyio

WELL = "all is well"
GOOD = says("all ", "is ", "well")
END = event("[DONE]")
FAILED = TaskState.TASK_STATE_FAILED
CUT = "(The answer is cut here: the model reached the length that it may write, 4,096 tokens.)"


@dataclass(frozen=True)
class Row:
    """What the server does, the last act again and again, and what is told in the end."""

    acts: Sequence[Act]
    said: str = WELL
    """The answer; of a failure a part of its sentence."""
    state: int = DONE
    asked: int = 0
    """How often the server is asked: as often as there are acts, unless said."""


def again(*acts: Act) -> Row:
    """Another try mends it."""
    return Row([*acts, GOOD])


def fails(said: str, *acts: Act, asked: int = 1) -> Row:
    return Row(acts, said, FAILED, asked)


def error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


BEFORE_A_WORD = {
    "reset before a byte": again(sends(None)),
    "closed before a byte": again(sends()),
    "no HTTP": again(sends(b"SSH-2.0-OpenSSH_9.7\r\n")),
    "a head that is cut": again(sends(b"HTTP/1.1 200 OK\r\ncontent-ty", None)),
    "a body of a refusal that is cut": again(sends(b"HTTP/1.1 500 X\r\ncontent-length: 99\r\n\r\n{")),
    "three resets": again(sends(None), sends(None), sends(None)),
    "resets without end": fails("closed the connection without an answer. It was asked 5 times", sends(None), asked=5),
}
STATUSES = {
    **{f"status {code}": again(refuses(code)) for code in (408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529)},
    "a page of a proxy": again(refuses(502, b"<html><title>502 Bad Gateway</title></html>", content_type="text/html")),
    "a model that loads": again(*[refuses(503, error("Loading model", code=503))] * 8),
    "a short Retry-After": again(refuses(429, error("slow down"), retry_after="0.01")),
    "a Retry-After in milliseconds": again(refuses(429, error("slow down"), retry_after_ms="5")),
    "Gemini's RetryInfo": again(refuses(429, [error("Quota exceeded", details=[{"retryDelay": "0.01s"}])])),
    "a long Retry-After": fails(
        "come back later. It is to be left alone for 300 s", refuses(429, error("come back later"), retry_after="300")
    ),
    "no quota": fails(
        "You exceeded your current quota",
        refuses(429, error("You exceeded your current quota", code="insufficient_quota")),
    ),
    "no credit": fails("Insufficient Balance", refuses(402, error("Insufficient Balance"))),
    "errors without end": fails("out of order. It was asked 5 times", refuses(500, error("out of order")), asked=5),
    "a bad key": fails("Incorrect API key provided", refuses(401, error("Incorrect API key provided"))),
    "a bad key at Gemini": fails("API key not valid", refuses(400, [error("API key not valid", status="INVALID")])),
    "a model that is not there": fails(
        "model 'x' not found. Check the model's name", refuses(404, error("model 'x' not found"))
    ),
    "a field that is refused": fails(
        "body.model: no such", refuses(422, {"detail": [{"loc": ["body", "model"], "msg": "no such"}]})
    ),
    "a string for an error": fails("the moon is not full", refuses(400, {"error": "the moon is not full"})),
    "a text for an error": fails("404 page not found", refuses(404, b"404 page not found")),
    "too long a prompt": fails(
        "longer than the model's context", refuses(400, error("maximum context length is 4096 tokens")), asked=3
    ),
    "a filter before the model": fails(
        "triggered a policy", refuses(400, error("triggered a policy", code="content_filter"))
    ),
    "a circle": fails("leads elsewhere to /v1/chat/completions", refuses(307, location="/v1/chat/completions")),
}
NO_ANSWERS = {
    "a page with 200": again(refuses(200, b"<html><title>Welcome</title></html>", content_type="text/html")),
    "an error as JSON with 200": again(refuses(200, error("the engine has stopped"))),
    "an empty body": again(refuses(200)),
    "no content": again(refuses(204)),
    "an empty stream": again(streams()),
    "only an end": again(streams(END)),
    "nothing said": again(streams(delta("", role="assistant"), delta(finish="stop"), END)),
    "blanks said": again(streams(delta(" \n"), delta(finish="stop"), END)),
    "thoughts alone": again(streams(delta(reasoning_content="Hm."), delta(finish="stop"), END)),
    "nothing without end": fails("said nothing", streams(delta("", finish="stop"), END), asked=5),
    "a body that is said to be zipped": again(refuses(200, b"data: {}\n\n", content_encoding="gzip")),
}
IN_THE_STREAM = {
    "a reset after words": again(streams(delta("wrong "), delta("words"), None)),
    "a chunk that is none": again(sends(STREAM.encode() + b"zz\r\n")),
    "an error after words": again(streams(delta("wrong"), event(error("model runner has stopped")))),
    "an error that is a string": again(streams(delta("wrong"), event({"error": "an error was encountered"}))),
    "a limit after words": again(streams(delta("wrong"), event(error("Rate limit exceeded", code=429)))),
    "a refusal in the stream": fails("bad schema", streams(event(error("bad schema", type="invalid_request_error")))),
    "JSON that is cut": again(streams(delta("wrong"), 'data: {"id": \n\n')),
    "a number for an event": again(streams(delta("wrong"), event("7"))),
    "a list for an event": again(streams(event("[1]"))),
    "a text for choices": again(streams(event({"id": "c", "choices": "none"}))),
    "a text for a delta": again(streams(event({"id": "c", "choices": [{"index": 0, "delta": "hello"}]}))),
    "bytes that are no text": again(streams(b"data: \xff\xfe\n\n")),
    "a server that gives up": again(streams(delta("wrong"), delta(finish="error"), END)),
    "words that break off without end": fails("broke off", streams(delta("wrong"), None), asked=5),
}
ENDS = {
    "cut at its length": Row([streams(delta("half"), delta(finish="length"), END)], f"half\n\n{CUT}"),
    "cut before a word": fails(" before it ", streams(delta(reasoning="Hm"), delta(finish="length"), END)),
    "held back": fails("content filter", streams(delta("", finish="content_filter"), END)),
    "held back amid words": fails("content filter", streams(delta("ha"), delta(finish="content_filter"), END)),
    "declined": fails("declined: I must not.", streams(delta(refusal="I must not."), delta(finish="stop"), END)),
    "the same line without end": fails("again and again: “I am sorry.”", streams(*[delta("I am sorry.\n")] * 500)),
}
TABLE: dict[str, Mapping[str, Row]] = {
    "before a word": BEFORE_A_WORD,
    "by status": STATUSES,
    "no answer": NO_ANSWERS,
    "in the stream": IN_THE_STREAM,
    "by its end": ENDS,
}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentnet.models.retries.FIRST_PAUSE_SECONDS", 0.005)


@asynccontextmanager
async def asking(
    database_url: str, path: Path, endpoint: Endpoint, count: int = 1, **values: Any
) -> AsyncIterator[list[Replica]]:
    """Replicas of a specialist whose model is at `endpoint`."""
    plain = {"model": "m", "openai_api_key": "sk-very-secret", "openai_base_url": f"{endpoint.url}/v1"}
    provider = model_provider(Settings.model_validate({**plain, **values}))
    try:
        async with specialist(database_url, path, [], count, model=provider.get_model("m")) as (_, made):
            yield made
    finally:
        await provider.aclose()


def told(task: Task) -> str:
    return answer(task) if task.status.state == DONE else question(task)


@pytest.mark.parametrize("kind", TABLE)
async def test_every_broken_turn_ends_in_the_answer_or_in_a_sentence(
    database_url: str, tmp_path: Path, kind: str
) -> None:
    wrong: dict[str, object] = {}
    async with playing(GOOD) as endpoint, asking(database_url, tmp_path, endpoint) as [one]:
        for name, row in TABLE[kind].items():
            endpoint.acts = list(row.acts)
            endpoint.asked.clear()
            task = await sent(one, name)
            said, asked = told(task), len(endpoint.asked)
            is_right = said == row.said if row.state == DONE else row.said in said
            if not is_right or task.status.state != row.state or asked != (row.asked or len(row.acts)):
                wrong[name] = (TaskState.Name(task.status.state), said, asked)
            assert "internal error" not in said, name
            assert "sk-very-secret" not in said, name
    assert wrong == {}


async def test_there_are_enough_of_them() -> None:
    assert sum(map(len, TABLE.values())) >= 60


async def test_what_is_asked_again_is_the_same(database_url: str, tmp_path: Path) -> None:
    async with playing(sends(None), refuses(500), GOOD) as endpoint, asking(database_url, tmp_path, endpoint) as [one]:
        assert answer(await sent(one, "hello")) == WELL
        first, *others = (json.dumps(asked, sort_keys=True) for asked in endpoint.asked)
        assert others == [first, first]
