"""What of a server's answer is taken for the answer to its call."""

import json
import logging
from typing import Any

import pytest

from agentnet.errors import UnavailableError
from agentnet.http.sse import Reader, frame
from gateway.mcp.messages.errors import McpError
from gateway.mcp.upstream.events import event_too_large
from gateway.mcp.upstream.sieve import SCANNED_BYTES, Sieve

OWN: list[bytes] = [
    b'{"jsonrpc":"2.0","id":7,"result":{"content":[]}}',
    b'{"jsonrpc": "2.0", "id": 7, "result": {"content": []}}',
    b'{"result":{"structuredContent":{"id":8}},"jsonrpc":"2.0","id":7}',
    b'{"jsonrpc":"2.0","\\u0069d":7,"result":{}}',
    b'{"id":7,"error":{"code":-32000,"message":"\\u0069d"}}',
    b'{"jsonrpc":"2.0","id" : 7,"result":{}}',
    b'{"jsonrpc":"2.0","id":7,"result":{"x":NaN}}',
    b'{"jsonrpc":"2.0","id":7,"result":{"text":"%b","structuredContent":{"id":8}}}' % (b"x" * 2 * SCANNED_BYTES),
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
    b'{"jsonrpc":"2.0","id":8,"result":{"x":NaN}}',
    b'[{"jsonrpc":"2.0","id":8,"result":{}}]',
    b'{"jsonrpc":"2.0","id":7,"result":{"text":"%b"},"id":8}' % (b"x" * 2 * SCANNED_BYTES),
    b'{"jsonrpc":"2.0","result":{"text":"%b"},"id":8}' % (b"x" * 2 * SCANNED_BYTES),
]
NOTES: list[tuple[bytes, bool]] = [
    (b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"id"}}', True),
    (b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}}', True),
    (b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"q","progress":1}}', False),
    (b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress\\u0054oken":"q","progress":1}}', False),
    (b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":1}}', False),
    (b'{"jsonrpc":"2.0","method":"elicitation/create","id":9,"params":{}}', False),
]


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
    with pytest.raises(McpError):
        sieve().body(data)
    one = sieve()
    with caplog.at_level(logging.WARNING):
        left = data_in(one.events(frame(data) + frame(NOTES[0][0]) + frame(data)))
        with pytest.raises(UnavailableError, match="without a result"):
            one.end()
    assert left == [NOTES[0][0]]
    assert one.dropped == 2
    assert "2 messages of other calls were dropped" in caplog.text


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
    refusal = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}'
    assert json.loads(sieve().body(refusal))["id"] == 7
    [data] = data_in(sieve().events(frame(refusal)))
    assert json.loads(data)["id"] == 7


def test_in_a_stream_of_no_call_nothing_is_an_answer() -> None:
    one = Sieve("odd", None, may_ask=True)
    assert not any(one.admits({"jsonrpc": "2.0", "id": identifier, "result": {}}) for identifier in (0, "", None, 7))
    assert one.admits({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
