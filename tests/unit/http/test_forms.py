import pytest

from agentnet.errors import BusyError, UnavailableError
from agentnet.http.forms import jsonrpc_error, request_id


@pytest.mark.parametrize(
    ("body", "complete", "identifier"),
    [
        (b'{"jsonrpc":"2.0","id":7,"method":"x"}', True, 7),
        (b'{"id":"a\\"b"}', True, 'a"b'),
        (b'{"id":null}', True, None),
        (b"[1]", True, None),
        (b"not json", True, None),
        (b'{"id": "m-1", "params": {"mess', False, "m-1"),
        (b'{"params": {"mess', False, None),
        (b'{"params": {"message": {"id": "inner", "text": "', False, None),
        (b'{"jsonrpc": "2.0", "method": "SendMessage", "id": 12, "par', False, 12),
        (b'{"jsonrpc": "2.0", "id": 12', False, None),
        (b'{"id": "\\ud800", "x": 1}', True, None),
        (b'{"id": true}', True, None),
        (b"[" * 100_000, True, None),
    ],
)
def test_the_id_is_found_in_whole_and_in_begun_requests(body: bytes, complete: bool, identifier: object) -> None:
    assert request_id(body, complete) == identifier


def test_an_error_names_its_reason() -> None:
    error = jsonrpc_error(BusyError("Too many.", retry_after=2), "x")
    assert error["id"] == "x"
    assert error["error"]["code"] == -32050
    assert error["error"]["data"][0]["reason"] == "RESOURCE_EXHAUSTED"
    assert jsonrpc_error(UnavailableError("Away."), 1)["error"]["code"] == -32051
