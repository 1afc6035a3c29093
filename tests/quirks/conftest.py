"""One event loop for all tests of a file: what is asked of the servers with quirks is asked at once."""

from collections.abc import AsyncIterator

import pytest

from tests.quirks.asking import Asks, Case, asking


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def asks(
    request: pytest.FixtureRequest, database_url: str, tmp_path_factory: pytest.TempPathFactory, anyio_backend: str
) -> AsyncIterator[Asks]:
    """The asks of the tests of this file that were chosen; each waits for its own."""
    cases = [
        item.callspec.params["case"]
        for item in request.session.items
        if item.path == request.path and isinstance(item, pytest.Function) and hasattr(item, "callspec")
    ]
    chosen = [case for case in cases if isinstance(case, Case)]
    async with asking(database_url, tmp_path_factory.mktemp("quirks"), chosen) as asks:
        yield asks
