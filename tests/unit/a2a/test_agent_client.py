"""The A2A client over a transport that follows a script."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from a2a.types.a2a_pb2 import Message, Part, Role, SendMessageRequest, StreamResponse, TaskState

from agentnet.a2a.client.agent import AgentClient
from agentnet.a2a.client.errors import HttpAnswerError, RefusedError
from agentnet.a2a.client.transport import Headers, HttpxTransport, Response
from agentnet.cli.gateway.a2a import AgentConnection
from agentnet.errors import AgentNetError, BusyError, ConflictError, NotFoundError, UnauthenticatedError
from agentnet.errors import UnavailableError as Away
from agentnet.tasks.steps import STEPS

pytestmark = pytest.mark.anyio

HELLO = SendMessageRequest(message=Message(message_id="m", role=Role.ROLE_USER, parts=[Part(text="hello")]))
WORKING = {"id": "t", "status": {"state": "TASK_STATE_WORKING"}}
DONE = {"id": "t", "status": {"state": "TASK_STATE_COMPLETED"}}


class Answer:
    """What the agent answers; `breaks` ends it with an error of the transport's."""

    def __init__(self, *chunks: bytes, status: int = 200, kind: str = "application/json", breaks: bool = False) -> None:
        self.status = status
        self.headers: Headers = [(b"Content-Type", kind.encode()), (b"Retry-After", b"7")]
        self.closed = False
        self._chunks = chunks
        self._breaks = breaks

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._breaks:
            raise Away("It broke off.")

    async def close(self) -> None:
        self.closed = True


class Script:
    """A transport whose answers come in order."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.posted: list[tuple[dict[str, Any], dict[bytes, bytes], bool]] = []

    async def post(self, body: bytes, headers: Headers, *, stream: bool) -> Response:
        self.posted.append((json.loads(body), dict(headers), stream))
        return self.answers[len(self.posted) - 1]


def result(value: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": value}, ensure_ascii=False).encode()


def error(code: Any, message: str = "No.", **more: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message, **more}}).encode()


def stream(*data: bytes, breaks: bool = False) -> Answer:
    return Answer(*(b"data: %b\n\n" % each for each in data), kind="text/event-stream; charset=utf-8", breaks=breaks)


async def heard(client: AgentClient) -> list[StreamResponse]:
    return [event async for event in client.stream(HELLO)]


async def test_a_message_is_sent_and_its_events_come_one_by_one() -> None:
    said = {"artifactUpdate": {"taskId": "t", "artifact": {"artifactId": "a", "parts": [{"text": "a\u2028b\x85"}]}}}
    script = Script(stream(result({"task": WORKING}), result(said), result({"task": DONE, "later": 1})))
    first, second, third = await heard(AgentClient(script))
    assert (first.task.id, third.task.id) == ("t", "t")
    assert second.artifact_update.artifact.parts[0].text == "a\u2028b\x85"
    [(call, headers, is_stream)] = script.posted
    assert (call["method"], call["params"]["message"]["messageId"], is_stream) == ("SendStreamingMessage", "m", True)
    assert (headers[b"a2a-version"], headers[b"a2a-extensions"]) == (b"1.0", STEPS.encode())
    assert script.answers[0].closed


async def test_a_watched_task_that_is_over_is_not_subscribed_to() -> None:
    open_task, over = Script(Answer(result(WORKING)), stream(result({"task": DONE}))), Script(Answer(result(DONE)))
    assert len([event async for event in AgentClient(open_task).watch("t")]) == 2
    assert [call["method"] for call, _, _ in open_task.posted] == ["GetTask", "SubscribeToTask"]
    assert [event.task.id async for event in AgentClient(over).watch("t")] == ["t"]


async def test_an_agent_that_does_not_stream_answers_at_once() -> None:
    [event] = await heard(AgentClient(Script(Answer(result({"message": {"messageId": "n", "role": "ROLE_AGENT"}})))))
    assert event.message.message_id == "n"


@pytest.mark.parametrize("refusal", [Answer(error(-32004)), stream(error(-32004))])
async def test_an_agent_that_refuses_to_stream_is_sent_the_message_without(
    refusal: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentnet.a2a.client.agent.POLL_SECONDS", 0.0)
    script = Script(refusal, Answer(result({"task": WORKING})), Answer(result(WORKING)), Answer(result(DONE)))
    events = await heard(AgentClient(script))
    assert [call["method"] for call, _, _ in script.posted] == [
        "SendStreamingMessage",
        "SendMessage",
        "GetTask",
        "GetTask",
    ]
    assert script.posted[0][0]["params"] == script.posted[1][0]["params"]
    assert events[-1].task.status.state == TaskState.TASK_STATE_COMPLETED


async def test_an_agent_that_refuses_what_is_asked_of_it_says_so_all_the_same() -> None:
    with pytest.raises(RefusedError, match="has ended"):
        await heard(AgentClient(Script(Answer(error(-32004)), Answer(error(-32004, "It has ended.")))))
    begun = Script(stream(result({"task": WORKING}), error(-32004, "Broken.")))
    with pytest.raises(RefusedError, match="Broken"):
        await heard(AgentClient(begun))


@pytest.mark.parametrize("answer", [Answer(error(-32001, data=[{"a": 1}])), stream(error(-32001, data=[{"a": 1}]))])
async def test_the_agents_own_error_keeps_its_words_its_code_and_its_data(answer: Answer) -> None:
    with pytest.raises(RefusedError, match="No") as refused:
        await heard(AgentClient(Script(answer)))
    assert refused.value.is_unknown_task
    assert (refused.value.code, refused.value.details, refused.value.answered) == (-32001, [{"a": 1}], 200)
    assert answer.closed


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"\xff", b"null", b"[]", b'{"error": "gone"}', b'{"result": 1}', b"[" * 200_000],
    ids=["nothing", "html", "no text", "null", "list", "words", "number", "depth"],
)
async def test_what_cannot_be_read_is_no_answer_and_an_http_error_keeps_its_status(body: bytes) -> None:
    with pytest.raises(Away, match="cannot be read"):
        await AgentClient(Script(Answer(body))).get("t")
    with pytest.raises(HttpAnswerError, match="502 Bad Gateway") as failed:
        await AgentClient(Script(Answer(body, status=502))).get("t")
    assert (failed.value.answered, failed.value.retry_after) == (502, 7)


async def test_an_error_without_a_code_has_the_status_of_http() -> None:
    with pytest.raises(RefusedError) as refused:
        await AgentClient(Script(Answer(error(None), status=503))).cancel("t")
    assert refused.value.code == 503


async def test_a_stream_that_breaks_off_and_one_that_is_left_are_closed() -> None:
    broken, left = stream(result({"task": WORKING}), breaks=True), stream(*[result({"task": WORKING})] * 3)
    with pytest.raises(Away, match="broke off"):
        await heard(AgentClient(Script(broken)))
    async with aclosing(AgentClient(Script(left)).stream(HELLO)) as events:
        await anext(events)
    assert broken.closed and left.closed


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, error(-32001), NotFoundError),
        (200, error(-32002), ConflictError),
        (200, error(-32004), ConflictError),
        (200, error(-32603), Away),
        (401, error(401), UnauthenticatedError),
        (429, error(429), BusyError),
        (429, b"slow down", BusyError),
        (404, b"", NotFoundError),
        (502, b"<html>", Away),
    ],
)
async def test_the_command_line_tells_them_in_its_own_errors(
    status: int, body: bytes, kind: type[AgentNetError]
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers={"retry-after": "3"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        agent = AgentConnection(http, "http://gateway/agents/a", "a")
        with pytest.raises(kind) as one:
            await agent.get("t")
        with pytest.raises(kind) as other:
            _ = [event async for event in agent.subscribe("t")]
    assert type(one.value) is type(other.value) is kind
    if isinstance(one.value, BusyError):
        assert one.value.retry_after == 3


async def test_an_agent_that_is_not_there_is_told_by_its_name() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        client = AgentClient(HttpxTransport(http, "http://a/", "The agent a", idle_seconds=1, token="secret"))
        with pytest.raises(Away, match=r"The agent a does not answer \(ConnectError\)") as away:
            await client.get("t")
    assert "secret" not in str(away.value)
