"""A replica of the gateway as a process of its own, to be killed: `python -m tests.integration.gateway.mcp.replica HOME
REGISTRY_URL` says `ready URL` and serves until then."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from agentnet.runtime import Runtime
from agentnet.service import Service, running
from agentnet.settings import Settings
from tests.integration.gateway.mcp.conftest import ROOT


class Replica:
    """Start it, then kill it as an outage would."""

    def __init__(self, home: Path, registry_url: str) -> None:
        self._arguments = (str(home), registry_url)
        self._process: asyncio.subprocess.Process | None = None
        self.url = ""

    async def start(self) -> "Replica":
        """Returns when it answers."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "ignore", "-m", "tests.integration.gateway.mcp.replica", *self._arguments),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'agents'}"} | database_in(os.environ),
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            line = await self._process.stdout.readline()
        self.url = line.split()[1].decode()
        return self

    async def kill(self) -> None:
        """At once, with no chance to say anything."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def database_in(environment: Mapping[str, str]) -> dict[str, str]:
    """The database of the session, where that is not the embedded one."""
    return {name: value for name, value in environment.items() if name == "DATABASE_URL"}


async def serve(home: str, registry_url: str) -> None:
    """Serve until killed."""
    settings = Settings(home=Path(home), port=0, registry_url=registry_url, _env_file=None)
    async with Runtime.open(settings) as runtime, running(runtime, Service("gateway", "gateway", 0)) as gateway:
        print(f"ready {gateway.url}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
