"""Server-sent events out of the chunks of a response (WHATWG HTML section 9.2.6, data fields only).

Not `aiter_lines` of httpx: that ends lines where `str.splitlines` does, and JSON may hold U+2028 and U+0085.
"""

from collections.abc import AsyncGenerator, AsyncIterator

from agentnet.errors import UnavailableError

MAX_EVENT_BYTES = 64 * 1024 * 1024


async def data_of(chunks: AsyncIterator[bytes], max_bytes: int = MAX_EVENT_BYTES) -> AsyncGenerator[bytes, None]:
    """The data of each event as soon as it is complete. Raises `UnavailableError` for an event over `max_bytes`."""
    data: list[bytes] = []
    size = 0
    async for line in _lines(chunks, max_bytes):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
            size += len(line)
            if size > max_bytes:
                raise _too_large(max_bytes)
        elif not line and data:
            yield b"\n".join(data)
            data, size = [], 0


async def _lines(chunks: AsyncIterator[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    rest = bytearray()
    async for chunk in chunks:
        seen = len(rest)
        rest += chunk
        while (end := rest.find(b"\n", seen)) >= 0:
            yield bytes(rest[:end].removesuffix(b"\r"))
            del rest[: end + 1]
            seen = 0
        if len(rest) > max_bytes:
            raise _too_large(max_bytes)


def _too_large(limit: int) -> UnavailableError:
    return UnavailableError(f"The agent sent an event over the limit of {limit} bytes.")
