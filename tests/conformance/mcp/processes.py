"""The fixture as a process of its own, and waiting for one."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 180.0
STOP_SECONDS = 10.0


@asynccontextmanager
async def fixture_running() -> AsyncIterator[str]:
    """A fixture server for the length of the block; gives its base URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-m", "tests.conformance.mcp.fixture.server"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'agents'}"},
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        assert line.startswith(b"ready "), "the fixture did not start"
        yield f"http://127.0.0.1:{int(line.split()[1])}"
    finally:
        process.stdin.close()
        await stopped(process)


async def stopped(process: asyncio.subprocess.Process) -> None:
    """Wait for a process that was told to end; end it when it does not listen."""
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
