"""What of a server's answer is taken for the answer to its call."""

import gzip
import json
import logging
from contextlib import nullcontext
from typing import Any

import pytest

from agentnet.errors import UnavailableError
from agentnet.http.sse import Reader, frame
from gateway.mcp.messages.errors import McpError
from gateway.mcp.upstream.events import event_too_large
from gateway.mcp.upstream.sieve import MAX_ODD_BYTES, MAX_QUESTIONS, Sieve, message_in

LARGE = b"x" * 128 * 1024

OWN: list[bytes] = [
    b'{"jsonrpc":"2.0","id":7,"result":{"content":[]}}',
    b'{"jsonrpc": "2.0", "id": 7, "result": {"content": []}}',
    b'{"result":{"structuredContent":{"id":8}},"jsonrpc":"2.0","id":7}',
    b'{"jsonrpc":"2.0","\\u0069d":7,"result":{}}',
    b'{"id":7,"error":{"code":-32000,"message":"\\u0069d"}}',
    b'{"jsonrpc":"2.0","id" : 7,"result":{}}',
    b'{"jsonrpc":"2.0","id":7,"result":{},"error":null}',
    b'{"jsonrpc":"2.0","id":7,"result":null,"error":{"code":-32000,"message":"m"}}',
    b'{"jsonrpc":"2.0","id":7,"result":{"text":"half a pair: \\ud83d"}}',
    b'{"jsonrpc":"2.0","id":7,"result":{"text":"%b","structuredContent":{"id":8}}}' % LARGE,
]
OTHERS: list[bytes] = [
    b'{"jsonrpc":"2.0","id":8,"result":{}}',
    b'{"jsonrpc":"2.0","id":77,"result":{}}',
    b'{"jsonrpc":"2.0","id":"7","result":{}}',
    b'{"jsonrpc":"2.0","id":7,"result":{},"id":8}',
    b'{"jsonrpc":"2.0","id":8,"result":{"id":7}}',
    b'{"jsonrpc":"2.0","\\u0069d":8,"result":{}}',
    b'{"jsonrpc":"2.0","i\\u0064":8,"result":{"id":7}}',
    b'{"jsonrpc":"2.0","id":8,"result":{"content":[{"type":"text","text":"\\"id\\":7,"}]}}',
    b'{"jsonrpc":"2.0","id":true,"result":{}}',
    b'{"jsonrpc":"2.0","id":null,"result":{}}',
    b'{"jsonrpc":"2.0","result":{}}',
    b'{"jsonrpc":"2.0","id":7,"result":{"text":"%b"},"id":8}' % LARGE,
    b'{"jsonrpc":"2.0","result":{"text":"%b"},"id":8}' % LARGE,
]
NO_ANSWERS: dict[str, bytes] = {
    "cut off": b"{",
    "nothing": b"",
    "null": b"null",
    "a number": b"5",
    "a list": b"[1]",
    "a batch": b'[{"jsonrpc":"2.0","id":7,"result":{}}]',
    "a page": b"<html></html>",
    "two documents": b'{"jsonrpc":"2.0","id":7,"result":{}} {}',
    "a byte order mark": b'\xef\xbb\xbf{"jsonrpc":"2.0","id":7,"result":{}}',
    "UTF-16": '{"jsonrpc":"2.0","id":7,"result":{}}'.encode("utf-16"),
    "invalid UTF-8": b'{"jsonrpc":"2.0","id":7,"result":{"text":"\xff"}}',
    "compressed": gzip.compress(b'{"jsonrpc":"2.0","id":7,"result":{}}'),
    "NaN": b'{"jsonrpc":"2.0","id":7,"result":{"x":NaN}}',
    "Infinity": b'{"jsonrpc":"2.0","id":7,"result":{"x":-Infinity}}',
    "nested": b'{"jsonrpc":"2.0","id":7,"result":{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "half a pair in much": b'{"jsonrpc":"2.0","id":7,"result":{"x":"\\ud83d%b"}}' % (b"x" * MAX_ODD_BYTES),
    "neither": b'{"jsonrpc":"2.0","id":7}',
    "both": b'{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":-32000,"message":"m"}}',
    "an error that is a text": b'{"jsonrpc":"2.0","id":7,"error":"boom"}',
    "an error without a code": b'{"jsonrpc":"2.0","id":7,"error":{"message":"m"}}',
    "an error without a message": b'{"jsonrpc":"2.0","id":7,"error":{"code":-32000}}',
    "a result that is a text": b'{"jsonrpc":"2.0","id":7,"result":"x"}',
    "a result that is null": b'{"jsonrpc":"2.0","id":7,"result":null}',
    "a result that is a list": b'{"jsonrpc":"2.0","id":7,"result":[]}',
    "a method that is none": b'{"jsonrpc":"2.0","id":7,"method":5,"result":{}}',
    "a question": b'{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}',
}
NOTES: list[tuple[bytes, bool]] = [
    (b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"id"}}', True),
    (b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}}', True),
    (b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"q","progress":1}}', False),
    (b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress\\u0054oken":"q","progress":1}}', False),
    (b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":1}}', False),
    (b'{"jsonrpc":"2.0","method":"elicitation/create","id":9,"params":{}}', False),
]


REFUSAL = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}'


def sieve(**more: Any) -> Sieve:
    return Sieve("odd", 7, "p", **more)


def data_in(events: bytes) -> list[bytes]:
    return [event.data for event in Reader(1 << 20, event_too_large).feed(events) if event.data]


@pytest.mark.parametrize("data", OWN)
def test_the_calls_own_answer_passes_as_it_is(data: bytes) -> None:
    assert sieve().body(data) is data
    one = sieve()
    events = frame(data, "e1")
    assert one.events(events) is events
    one.end()
    assert (one.is_answered, one.dropped) == (True, 0)


@pytest.mark.parametrize("data", OTHERS)
def test_an_answer_under_another_id_is_dropped_counted_and_told_of(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(McpError, match="'odd' answered under the id of another call"):
        sieve().body(data)
    one = sieve()
    with caplog.at_level(logging.WARNING):
        left = data_in(one.events(frame(data) + frame(NOTES[0][0]) + frame(data)))
        with pytest.raises(UnavailableError, match="without a result"):
            one.end()
    assert left == [NOTES[0][0]]
    assert one.dropped == 2
    assert "2 messages were dropped" in caplog.text


@pytest.mark.parametrize("data", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_what_is_no_answer_reaches_no_host(data: bytes) -> None:
    with pytest.raises(McpError, match="'odd' answered with no JSON-RPC response"):
        sieve().body(data)
    one = sieve()
    assert data_in(one.events(frame(data) + frame(NOTES[0][0]))) == [NOTES[0][0]]
    with pytest.raises(UnavailableError, match="'odd' ended its answer without a result"):
        one.end()


@pytest.mark.parametrize("data", OWN)
def test_nothing_is_an_answer_after_the_answer(data: bytes) -> None:
    together, apart = sieve(), sieve()
    assert data_in(together.events(frame(OWN[0]) + frame(data))) == [OWN[0]]
    assert data_in(apart.events(frame(OWN[0]))) == [OWN[0]]
    assert data_in(apart.events(frame(data) + frame(REFUSAL) + frame(NOTES[0][0]))) == [NOTES[0][0]]
    assert (together.dropped, apart.dropped) == (1, 2)


def test_a_notification_that_holds_the_calls_id_is_not_its_answer() -> None:
    one = sieve()
    note = b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":{"id":7,"result":{}}}}'
    assert data_in(one.events(frame(note))) == [note]
    assert data_in(one.events(frame(OWN[0]))) == [OWN[0]]


@pytest.mark.parametrize(
    ("more", "events", "is_excused"),
    [
        ({}, b"", False),
        ({}, b": comment\n\n", False),
        ({}, b"id: 1\n\n", False),
        ({"may_ask": True}, b": comment\n\n", False),
        ({"may_ask": True}, b"id: 1\n\n", True),
        ({"may_ask": True}, b"id: 1\ndata: " + NOTES[0][0] + b"\n\n", True),
        ({"may_break_off": True}, b"", True),
    ],
)
def test_a_stream_may_end_without_an_answer_only_where_the_client_can_resume_it(
    more: dict[str, bool], events: bytes, is_excused: bool
) -> None:
    one = sieve(**more)
    assert one.events(events) == events
    with nullcontext() if is_excused else pytest.raises(UnavailableError, match="'odd' ended"):
        one.end()


def test_a_server_asks_so_much_at_once_and_no_more() -> None:
    one = sieve(may_ask=True)
    asked = frame(NOTES[-1][0])
    for _ in range(MAX_QUESTIONS):
        assert one.events(asked) == asked
    with pytest.raises(McpError, match="'odd' asks more than 64 questions at once"):
        for _ in range(MAX_QUESTIONS):
            one.events(asked)


@pytest.mark.parametrize("data", OTHERS)
def test_what_is_the_calls_own_beside_it_passes(data: bytes) -> None:
    one = sieve()
    assert data_in(one.events(frame(data) + frame(OWN[0]))) == [OWN[0]]
    one.end()
    assert one.is_answered


@pytest.mark.parametrize(("data", "passes"), NOTES)
def test_progress_is_the_calls_own_and_the_modern_era_has_no_questions(data: bytes, passes: bool) -> None:
    assert data_in(sieve().events(frame(data))) == ([data] if passes else [])


def test_a_server_of_the_legacy_era_may_ask() -> None:
    assert data_in(sieve(may_ask=True).events(frame(NOTES[-1][0]))) == [NOTES[-1][0]]


def test_a_refusal_without_an_id_is_the_calls_own() -> None:
    assert json.loads(sieve().body(REFUSAL))["id"] == 7
    [data] = data_in(sieve().events(frame(REFUSAL)))
    assert json.loads(data)["id"] == 7


def test_in_a_stream_of_no_call_nothing_is_an_answer() -> None:
    one = Sieve("odd", None, may_ask=True)
    assert not any(one.admits({"jsonrpc": "2.0", "id": identifier, "result": {}}) for identifier in (0, "", None, 7))
    assert one.admits({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})


@pytest.mark.parametrize("one", [b"[]", b"{}", b"1", b'""', b'{"type":"text","text":"x"}', b"[[[1]]]"])
def test_an_answer_of_too_many_values_is_refused_before_it_is_built(one: bytes) -> None:
    """27 MB of 900,000 parts stopped the gateway for 3.0 s."""
    data = b'{"jsonrpc":"2.0","id":7,"result":{"content":[%b]}}' % b",".join([one] * 600_000)
    with pytest.raises(McpError, match="over a limit: The body has more than 500000 values"):
        message_in(data)


def test_a_long_text_that_looks_like_many_values_is_read() -> None:
    text = "[,{" * 1_000_000
    data = json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": text}]}}).encode()
    message = message_in(data)
    assert message is not None and message["result"]["content"][0]["text"] == text
