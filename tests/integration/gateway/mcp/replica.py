"""A replica of the gateway as a process of its own, to be killed: `python -m tests.integration.gateway.mcp.replica HOME
REGISTRY_URL` says `ready URL` and serves until then."""

import asyncio
import sys
from pathlib import Path

from agentnet.process.runtime import Runtime
from agentnet.process.service import Service, running
from agentnet.settings import Settings
from tests.integration.gateway.mcp.conftest import Spawned


class Replica(Spawned):
    """Start it, then kill it."""

    def __init__(self, home: Path, registry_url: str) -> None:
        super().__init__("tests.integration.gateway.mcp.replica")
        self._arguments = (str(home), registry_url)
        self.url = ""

    async def start(self) -> "Replica":
        """Returns when it answers."""
        self.url = await self.spawn(*self._arguments)
        return self


async def serve(home: str, registry_url: str) -> None:
    """Serve until killed."""
    settings = Settings(home=Path(home), port=0, registry_url=registry_url, _env_file=None)
    async with Runtime.open(settings) as runtime, running(runtime, Service("gateway", "gateway", 0)) as gateway:
        print(f"ready {gateway.url}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
