"""Quirks of the bytes of a stream: how events are framed, and what stands in its place."""

import gzip
import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from agentnet.testing.apis import frames, streamed, whole
from agentnet.testing.quirks.quirk import CHAT, JSON, STREAM, Exchange, Need, Piece, Quirk, Reply
from agentnet.testing.wire import Event

PAGE = b"""<!DOCTYPE html>
<html><head><title>Welcome to nginx!</title></head>
<body><h1>Welcome to nginx!</h1><p>If you see this page, the web server is successfully installed.</p></body></html>
"""
DONE = b"data: [DONE]\n\n"


def stream(exchange: Exchange) -> bytes:
    """The stream that a right server would send."""
    return "".join(frames(exchange.api, streamed(exchange.api, exchange.turn))).encode()


def _with_type(content_type: str | None) -> Any:
    def reply(exchange: Exchange) -> Reply:
        return Reply(HTTPStatus.OK, {"content-type": content_type} if content_type else {}, [stream(exchange)])

    return reply


def _whole(exchange: Exchange) -> Reply:
    return Reply(HTTPStatus.OK, JSON, [json.dumps(whole(exchange.api, exchange.turn)).encode()])


def _whole_as_stream(exchange: Exchange) -> Reply:
    return Reply(HTTPStatus.OK, STREAM, [json.dumps(whole(exchange.api, exchange.turn)).encode()])


def _whole_as_event(exchange: Exchange) -> Reply:
    made = json.dumps(whole(exchange.api, exchange.turn)).encode()
    return Reply(HTTPStatus.OK, STREAM, [b"data: ", made, b"\n\n", DONE])


def _lines_of_json(exchange: Exchange) -> Reply:
    made = [json.dumps(event).encode() + b"\n" for event in streamed(exchange.api, exchange.turn)]
    return Reply(HTTPStatus.OK, {"content-type": "application/x-ndjson"}, made)


def _packed(exchange: Exchange) -> Reply:
    return Reply(HTTPStatus.OK, {**STREAM, "content-encoding": "gzip"}, [gzip.compress(stream(exchange))])


def _page(exchange: Exchange) -> Reply:
    return Reply(HTTPStatus.OK, {"content-type": "text/html"}, [PAGE])


def _other_json(value: Any) -> Any:
    def reply(exchange: Exchange) -> Reply:
        return Reply(HTTPStatus.OK, JSON, [json.dumps(value).encode()])

    return reply


def _in_crumbs(made: list[bytes]) -> Iterator[Piece]:
    """Thirty-seven bytes at a time: marks, characters and numbers come in pieces."""
    said = b"".join(made)
    for start in range(0, len(said), 37):
        yield said[start : start + 37]


def _with_comments(made: list[bytes]) -> Iterator[Piece]:
    yield b": OPENROUTER PROCESSING\n\n"
    for frame in made:
        yield b": keep-alive\n\n" + frame


def _with_pings(made: list[bytes]) -> Iterator[Piece]:
    for frame in made:
        yield b'event: ping\ndata: {"type": "ping"}\n\n' + frame


def _without_done(made: list[bytes]) -> list[bytes]:
    return [frame for frame in made if frame != DONE]


def _after_done(made: list[bytes]) -> list[bytes]:
    """A chunk comes after the end."""
    return [*made, made[0]]


def _in_two_lines(made: list[bytes]) -> Iterator[bytes]:
    """One event has its data in two lines; between two keys of JSON there may be a line's end."""
    for frame in made:
        yield frame.replace(b', "', b',\ndata: "', 1)


def _replaced(old: bytes, new: bytes) -> Any:
    return lambda made: [frame.replace(old, new) for frame in made]


def _unreadable(line: bytes) -> Any:
    """An event amid the others is no JSON."""
    return lambda made: [made[0], b"data: " + line + b"\n\n", *made[1:]]


def _not_a_number(made: list[bytes]) -> list[bytes]:
    return [frame.replace(b'"logprobs": null', b'"logprobs": {"content": [{"logprob": -Infinity}]}') for frame in made]


def _bad_utf8(made: list[bytes]) -> list[bytes]:
    return [frame.replace(b"42.", b"42.\xff") for frame in made]


def _big(events: list[Event]) -> list[Event]:
    return [{**event, "padding": "x" * 300_000} if number == 1 else event for number, event in enumerate(events)]


FRAMES = (
    Quirk("frames-crlf", "Lines end in CR LF.", frames=_replaced(b"\n", b"\r\n")),
    Quirk("frames-without-space", "There is no space after `data:`.", frames=_replaced(b"data: ", b"data:")),
    Quirk("frames-in-crumbs", "Thirty-seven bytes come at a time.", Need.WORDS, frames=_in_crumbs),
    Quirk("frames-at-once", "All comes at once.", frames=lambda made: [b"".join(made)]),
    Quirk("frames-with-comments", "There are comments between.", frames=_with_comments),
    Quirk("frames-with-pings", "There are events of another kind between.", frames=_with_pings),
    Quirk(
        "frames-with-mark",
        "The stream begins with a byte order mark.",
        frames=lambda made: [b"\xef\xbb\xbf", *made],
    ),
    Quirk("frames-in-two-lines", "The data of an event is in two lines.", frames=_in_two_lines),
    Quirk("frames-with-ids", "Events have ids and a retry.", frames=_replaced(b"data: ", b"id: 7\nretry: 10\ndata: ")),
    Quirk("frames-without-end", "`[DONE]` does not come.", frames=_without_done, apis=CHAT),
    Quirk("frames-with-end", "`[DONE]` comes where it does not belong.", frames=lambda made: [*made, DONE]),
    Quirk("frames-after-end", "A chunk comes after `[DONE]`.", frames=_after_done, apis=CHAT),
    Quirk("frames-without-last-line", "The last line has no end.", frames=lambda made: [*made[:-1], made[-1].rstrip()]),
    Quirk(
        "frames-unnamed",
        "Events of Responses have no name.",
        frames=lambda made: [f[f.index(b"data:") :] for f in made],
    ),
    Quirk("frames-not-json", "An event is no JSON.", times=1, frames=_unreadable(b'{"choices": [')),
    Quirk("frames-word", "An event is a word.", times=1, frames=_unreadable(b"processing")),
    Quirk("frames-null", "An event is null.", frames=_unreadable(b"null")),
    Quirk("frames-number", "An event is a number.", frames=_unreadable(b"7")),
    Quirk("frames-list", "An event is a list.", frames=_unreadable(b"[]")),
    Quirk("frames-empty", "An event is empty.", frames=_unreadable(b"")),
    Quirk("frames-not-a-number", "A number is -Infinity.", frames=_not_a_number, apis=CHAT),
    Quirk("frames-bad-utf8", "A byte is no UTF-8.", frames=_bad_utf8),
    Quirk("frames-big", "An event is 300 KB long.", chat=_big, responses=_big),
)

BODIES = (
    Quirk("type-missing", "The stream has no content type.", reply=_with_type(None)),
    Quirk("type-json", "The stream says that it is JSON.", reply=_with_type("application/json")),
    Quirk("type-text", "The stream says that it is text.", reply=_with_type("text/plain; charset=iso-8859-1")),
    Quirk("stream-packed", "The stream is packed.", reply=_packed),
    Quirk("whole-json", "The answer comes whole, where a stream was asked for.", reply=_whole),
    Quirk("whole-json-as-stream", "It says that it is a stream.", reply=_whole_as_stream),
    Quirk("whole-json-as-event", "It is the only event.", reply=_whole_as_event),
    Quirk("lines-of-json", "The events are lines, as Ollama's own.", reply=_lines_of_json),
    Quirk("html", "A page comes with 200.", reply=_page),
    Quirk("html-once", "Once a page comes with 200.", reply=_page, times=1),
    Quirk("empty-200", "Nothing comes with 200.", reply=lambda _: Reply(HTTPStatus.OK, STREAM)),
    Quirk("empty-200-once", "Once nothing comes with 200.", reply=lambda _: Reply(HTTPStatus.OK, STREAM), times=1),
    Quirk("empty-json-200", "JSON without a byte comes.", reply=lambda _: Reply(HTTPStatus.OK, JSON)),
    Quirk("done-only", "Only `[DONE]` comes.", reply=lambda _: Reply(HTTPStatus.OK, STREAM, [DONE])),
    Quirk("done-only-once", "Once only that.", reply=lambda _: Reply(HTTPStatus.OK, STREAM, [DONE]), times=1),
    Quirk("comments-only", "Only comments come.", reply=lambda _: Reply(HTTPStatus.OK, STREAM, [b": hello\n\n"])),
    Quirk("other-json", "JSON of no API comes.", reply=_other_json({"status": "ok"})),
    Quirk("other-json-list", "A list comes.", reply=_other_json([])),
    Quirk("no-content", "204 comes.", reply=lambda _: Reply(HTTPStatus.NO_CONTENT)),
    Quirk(
        "error-in-200",
        "An error comes with 200.",
        reply=_other_json({"error": {"message": "The GPU fell off the bus.", "type": "server_error"}}),
    ),
    Quirk("error-in-200-of-words", "So does one in a word.", reply=_other_json({"error": "The GPU fell off the bus."})),
    Quirk(
        "ollama-own-api",
        "Ollama's own API answers.",
        reply=_other_json({"model": "m", "message": {"role": "assistant", "content": "Hi."}, "done": True}),
    ),
)

QUIRKS = (*FRAMES, *BODIES)
