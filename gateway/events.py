"""Server-sent events out of the chunks of a response (WHATWG HTML section 9.2.6, data fields only)."""

from collections.abc import AsyncIterator

from agentnet.errors import UnavailableError

MAX_EVENT_BYTES = 64 * 1024 * 1024


async def data_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of each event as soon as it is complete. Raises `UnavailableError` for an event without end."""
    rest = b""
    data: list[bytes] = []
    async for chunk in chunks:
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        for line in (line.removesuffix(b"\r") for line in lines):
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line and data:
                yield b"\n".join(data)
                data = []
        if len(rest) + sum(map(len, data)) > MAX_EVENT_BYTES:
            raise UnavailableError(f"The agent sent an event of more than {MAX_EVENT_BYTES} bytes.")
