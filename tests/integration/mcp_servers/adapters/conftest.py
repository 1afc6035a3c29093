"""`present(server, **settings)`: one declared server, presented by the network."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

Present = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def present(serve: Callable[..., AbstractAsyncContextManager[Any]], tmp_path: Path) -> Present:
    @asynccontextmanager
    async def presented(server: dict[str, Any], **settings: Any) -> AsyncIterator[Any]:
        file = tmp_path / "servers.yaml"
        file.write_text(yaml.safe_dump({"servers": [server]}))
        options = {"allow_private_urls": True, "mcp_commands": True} | settings
        async with serve(server["name"], mcp_servers_file=file, **options) as served:
            yield served

    return presented
