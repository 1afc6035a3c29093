from collections.abc import AsyncIterator

import pytest

from agentnet.errors import UnavailableError
from agentnet.http.sse import data_of

pytestmark = pytest.mark.anyio

SEPARATORS = b'"\xe2\x80\xa8\xc2\x85\x0b"'
"""What `str.splitlines` takes for the end of a line, and an event stream does not."""
STREAM = (
    b': ping\r\n\r\nevent: message\r\ndata: {"a":1}\r\n\r\nid: 7\ndata:one\ndata: two\n\n'
    b"data: " + SEPARATORS + b"\n\ndata: cut"
)


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_events_are_read_however_they_are_cut(size: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(STREAM), size):
            yield STREAM[start : start + size]

    assert [data async for data in data_of(chunks())] == [b'{"a":1}', b"one\ntwo", SEPARATORS]


@pytest.mark.parametrize("stream", [b"data: " + b"x" * 200, b"data: xxxxxxxxxx\n" * 20])
async def test_an_event_over_the_limit_is_refused(stream: bytes) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield stream

    with pytest.raises(UnavailableError, match="100 bytes"):
        [data async for data in data_of(chunks(), max_bytes=100)]
