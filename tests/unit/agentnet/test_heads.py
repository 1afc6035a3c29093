"""A head goes out together with what comes behind it, and alone where nothing does."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from agentnet.process.heads import WithHeads

pytestmark = pytest.mark.anyio

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Wire:
    """What a transport was told, a system call each."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def is_closing(self) -> bool:
        return b"closed" in self.calls

    def close(self) -> None:
        self.calls.append(b"closed")


Step = bytes | memoryview | str
CASES: dict[str, tuple[list[Step], list[bytes]]] = {
    "head and body": ([HEAD, b"body"], [HEAD + b"body"]),
    "head and the pieces of a body": ([HEAD, b"bo", b"dy"], [HEAD + b"bo", b"dy"]),
    "a head alone": ([HEAD, "turn"], [HEAD]),
    "a body that comes later": ([HEAD, "turn", b"body"], [HEAD, b"body"]),
    "two answers": ([HEAD, b"one", HEAD, b"two"], [HEAD + b"one", HEAD + b"two"]),
    "what a client waits for": ([CONTINUE, HEAD, b"body"], [CONTINUE, HEAD + b"body"]),
    "a body that looks like a head": ([HEAD, b"HTTP/1.1 is old"], [HEAD + b"HTTP/1.1 is old"]),
    "a later piece that looks like one": (
        [HEAD, b"bo", b"HTTP/1.1 is old", b"dy"],
        [HEAD + b"bo", b"HTTP/1.1 is olddy"],
    ),
    "pieces that are no bytes": ([HEAD, memoryview(b"bo"), memoryview(b"dy")], [HEAD + b"bo", b"dy"]),
    "a head before the end": ([HEAD, "close", "turn"], [HEAD, b"closed"]),
    "a body before the end": ([HEAD, b"body", "close", "turn"], [HEAD + b"body", b"closed"]),
    "an end from elsewhere": ([HEAD, "cut", "turn"], [b"closed"]),
}


@pytest.mark.parametrize("name", CASES)
async def test_heads_go_out_with_what_comes_behind_them(name: str) -> None:
    steps, expected = CASES[name]
    wire = Wire()
    answers = WithHeads(cast(asyncio.Transport, wire), asyncio.get_running_loop())
    acts: dict[str, Callable[[], None]] = {"close": answers.close, "cut": wire.close}
    for step in steps:
        if isinstance(step, bytes | memoryview):
            answers.write(step)
        elif step == "turn":
            await asyncio.sleep(0)
        else:
            acts[step]()
    assert wire.calls == expected
