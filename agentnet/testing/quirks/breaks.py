"""Quirks of connections and of time: what breaks, what is late, and what never comes."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from agentnet.testing.quirks.failures import REASON
from agentnet.testing.quirks.quirk import CHAT, RESPONSES, STREAM, End, Need, Piece, Quirk, Reply

PAUSE = 0.5
"""Seconds between signs of life: far less than anybody's patience."""
SIGNS = 10
"""How many signs come: together they take longer than a test's limit of silence."""


def _broken_after(share: float, end: End) -> Any:
    """The stream ends in its middle."""

    def edit(made: list[bytes]) -> Iterator[Piece]:
        yield from made[: max(1, int(len(made) * share))]
        yield end

    return edit


def _broken_amid_event(made: list[bytes]) -> Iterator[Piece]:
    yield from made[: len(made) // 2]
    yield made[len(made) // 2][:30]
    yield End.CLOSED


def _ended_after(share: float) -> Any:
    """The stream ends well, though its answer does not."""
    return lambda made: made[: max(1, int(len(made) * share))]


def _nothing(end: End) -> Any:
    return lambda exchange: Reply(None, body=[end])


def _head_only(end: End) -> Any:
    return lambda exchange: Reply(HTTPStatus.OK, STREAM, [end])


def _late(*signs: bytes) -> Any:
    """Signs of life come for long, then the stream."""

    def edit(made: list[bytes]) -> Iterator[Piece]:
        for _ in range(SIGNS):
            yield PAUSE
            yield from signs
        yield from made

    return edit


def _thinks_for_long(made: list[bytes]) -> Iterator[Piece]:
    yield made[0]
    head = json.loads(made[0].removeprefix(b"data: "))
    for number in range(SIGNS):
        yield PAUSE
        head["choices"][0]["delta"] = {"reasoning_content": f"{number}. "}
        yield b"data: " + json.dumps(head).encode() + b"\n\n"
    yield from made[1:]


def _drips(made: list[bytes]) -> Iterator[Piece]:
    for frame in made:
        yield PAUSE / 4
        yield frame


def _for_ever(made: list[bytes]) -> Iterator[Piece]:
    """Signs of life, and nothing else."""
    yield made[0]
    while True:
        yield PAUSE
        yield b": keep-alive\n\n"


def _error_amid(error: Any, *, name: bytes = b"", at: float = 0.5) -> Any:
    def edit(made: list[bytes]) -> Iterator[Piece]:
        yield from made[: int(len(made) * at)]
        yield name + b"data: " + json.dumps(error).encode() + b"\n\n"

    return edit


def _closes_after(made: list[bytes]) -> Iterator[Piece]:
    """A right answer; then the connection that was to be kept is closed."""
    yield from made
    yield End.CLOSED


IN_STREAM = {"error": {"message": REASON, "type": "server_error", "code": 500}}
OF_OPENROUTER = {
    "id": "gen-1",
    "object": "chat.completion.chunk",
    "created": 0,
    "model": "m",
    "error": {"code": 502, "message": REASON},
    "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
}

BREAKS = (
    Quirk("break-after-words", "The stream breaks after words.", Need.WORDS, frames=_broken_after(0.6, End.CLOSED)),
    Quirk("break-after-words-once", "So once.", Need.WORDS, times=1, frames=_broken_after(0.6, End.CLOSED)),
    Quirk("break-amid-call", "It breaks amid a call.", on="calls", frames=_broken_after(0.5, End.CLOSED)),
    Quirk("break-amid-call-once", "So once.", on="calls", times=1, frames=_broken_after(0.5, End.CLOSED)),
    Quirk("break-amid-event-once", "It breaks amid an event.", times=1, frames=_broken_amid_event),
    Quirk("break-by-reset-once", "It breaks with a reset.", times=1, frames=_broken_after(0.6, End.RESET)),
    Quirk("end-after-words", "The stream ends after words, as if it were whole.", Need.WORDS, frames=_ended_after(0.5)),
    Quirk("end-after-words-once", "So once.", Need.WORDS, times=1, frames=_ended_after(0.5)),
    Quirk("end-amid-call-once", "It ends amid a call.", on="calls", times=1, frames=_ended_after(0.5)),
    Quirk("end-after-role", "It ends before the first word.", frames=_ended_after(0.0)),
    Quirk("reset-before-head", "The connection is reset before a word.", reply=_nothing(End.RESET)),
    Quirk("reset-before-head-once", "So once.", times=1, reply=_nothing(End.RESET)),
    Quirk("close-before-head-once", "It is closed.", times=1, reply=_nothing(End.CLOSED)),
    Quirk("close-after-head-once", "It is closed after the head.", times=1, reply=_head_only(End.CLOSED)),
    Quirk("close-after-answer", "It is closed, though it was to be kept.", frames=_closes_after),
)

SILENCES = (
    Quirk("never-answers", "No answer comes.", reply=_nothing(End.HANGING)),
    Quirk("never-answers-once", "So once.", times=1, reply=_nothing(End.HANGING)),
    Quirk("silent-after-head", "Nothing comes after the head.", reply=_head_only(End.HANGING)),
    Quirk("silent-amid-words", "The stream falls silent.", Need.WORDS, frames=_broken_after(0.5, End.HANGING)),
    Quirk("silent-amid-words-once", "So once.", Need.WORDS, times=1, frames=_broken_after(0.5, End.HANGING)),
    Quirk("silent-at-the-end", "The stream stays open after its end.", frames=lambda made: [*made, End.HANGING]),
    Quirk("alive-by-comments", "Comments come for long, then the answer.", times=1, frames=_late(b": keep-alive\n\n")),
    Quirk("alive-by-pings", "So do pings.", times=1, frames=_late(b'event: ping\ndata: {"type": "ping"}\n\n')),
    Quirk("alive-by-lines", "So do empty lines.", times=1, frames=_late(b"\n")),
    Quirk("alive-by-thoughts", "So do thoughts.", times=1, frames=_thinks_for_long, apis=CHAT),
    Quirk("slow", "Every event is late.", Need.WORDS, frames=_drips),
    Quirk("alive-for-ever", "Comments come for ever.", frames=_for_ever),
)

ERRORS = (
    Quirk("error-amid", "An error is in the stream.", frames=_error_amid(IN_STREAM)),
    Quirk("error-amid-once", "So once.", times=1, frames=_error_amid(IN_STREAM)),
    Quirk("error-first-once", "It is the first event.", times=1, frames=_error_amid(IN_STREAM, at=0)),
    Quirk(
        "error-amid-named",
        "It is an event `error`.",
        frames=_error_amid(IN_STREAM, name=b"event: error\n"),
        apis=CHAT,
    ),
    Quirk("error-amid-in-words", "It is a word.", frames=_error_amid({"error": REASON})),
    Quirk(
        "error-amid-of-vllm",
        "It has vLLM's form.",
        frames=_error_amid({"object": "error", "message": REASON, "type": "InternalServerError", "code": 500}),
    ),
    Quirk("error-amid-of-openrouter", "It is in a chunk.", frames=_error_amid(OF_OPENROUTER), apis=CHAT),
    Quirk(
        "error-amid-of-quota",
        "It says that the money is spent.",
        frames=_error_amid(
            {
                "error": {
                    "message": "You exceeded your current quota.",
                    "type": "insufficient_quota",
                    "code": "insufficient_quota",
                }
            }
        ),
    ),
    Quirk(
        "error-event",
        "It is an event of Responses.",
        frames=_error_amid(
            {"type": "error", "code": "server_error", "message": REASON, "param": None, "sequence_number": 3},
            name=b"event: error\n",
        ),
        apis=RESPONSES,
    ),
)

QUIRKS = (*BREAKS, *SILENCES, *ERRORS)
