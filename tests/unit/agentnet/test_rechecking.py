"""Answers to requests with a key, when the key is not taken any more."""

import pytest
from starlette.types import Message

from agentnet.errors import DatabaseAwayError, UnauthenticatedError
from agentnet.frame.rechecking import Rechecked

pytestmark = pytest.mark.anyio

CHUNK: Message = {"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True}
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


def head(kind: bytes) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", kind)]}


async def answered(
    monkeypatch: pytest.MonkeyPatch, kind: bytes, error: Exception | None, seconds: float = 0.0
) -> list[Message]:
    """What goes out of an answer in two parts."""
    monkeypatch.setattr("agentnet.frame.rechecking.RECHECK_SECONDS", seconds)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def check() -> None:
        if error is not None:
            raise error

    rechecked = Rechecked(send, check)
    for message in (head(kind), CHUNK, CHUNK):
        await rechecked(message)
    return sent


async def test_a_stream_ends_once_its_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = b"text/event-stream; charset=utf-8"
    assert await answered(monkeypatch, kind, UnauthenticatedError("revoked")) == [head(kind), END]


@pytest.mark.parametrize(
    ("kind", "error", "seconds"),
    [
        (b"text/event-stream", None, 0.0),
        (b"text/event-stream", DatabaseAwayError("away"), 0.0),
        (b"text/event-stream", UnauthenticatedError("revoked"), 3600.0),
        (b"application/json", UnauthenticatedError("revoked"), 0.0),
    ],
)
async def test_anything_else_goes_on(
    monkeypatch: pytest.MonkeyPatch, kind: bytes, error: Exception | None, seconds: float
) -> None:
    assert await answered(monkeypatch, kind, error, seconds) == [head(kind), CHUNK, CHUNK]
