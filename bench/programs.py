"""Our program as people start it: `agentnet up`, `agentnet serve`, and commands that end by themselves."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

from bench.processes import SERVER_CORE, Server, environment, pin

READY_SECONDS = 120.0
STOP_SECONDS = 30.0
READY = re.compile(rb"Ready after|answers at http://\S+:(\d+)")
"""What `agentnet up` and `agentnet serve` say on stderr; a service is told with its port."""
MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, in MB of 2^20 bytes."""

    resident: float
    proportional: float
    """Pages that processes share count for each only in part."""
    private: float

    @classmethod
    def of(cls, pid: int) -> "Memory":
        """What a process has now."""
        found = psutil.Process(pid).memory_full_info()
        return cls(found.rss / MEGABYTE, found.pss / MEGABYTE, found.uss / MEGABYTE)


@dataclass(frozen=True, slots=True)
class Started:
    """A program that is ready, and what that took."""

    server: Server
    cost: Cost


@asynccontextmanager
async def started(*arguments: str, variables: dict[str, str], key: str = "") -> AsyncIterator[Started]:
    """`agentnet` with `arguments`, ready, for as long as the block runs."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agentnet", *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment() | variables,
    )
    pin(SERVER_CORE, process.pid)
    assert process.stderr is not None
    server = Server(" ".join(arguments[:3]), 0, key, process)
    try:
        async with asyncio.timeout(READY_SECONDS):
            server.port = await _ready(process.stderr)
        cost = Cost(time.monotonic() - began, server.cpu_seconds())
        draining = asyncio.create_task(process.stderr.read())
        yield Started(server, cost)
        draining.cancel()
    finally:
        await _stop(process)


async def _ready(lines: asyncio.StreamReader) -> int:
    said: list[bytes] = []
    async for line in lines:
        said.append(line)
        if found := READY.search(line):
            return int(found[1] or 0)
    raise RuntimeError(f"It did not start: {b''.join(said[-5:]).decode(errors='replace')}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def command(*arguments: str, variables: dict[str, str]) -> Cost:
    """Run `agentnet` with `arguments` to its end. Blocks. Raises `RuntimeError` when it does not end well."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "agentnet", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment() | variables,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"agentnet {' '.join(arguments)} ended with {process.returncode}.")
    return Cost(time.monotonic() - began, usage.ru_utime + usage.ru_stime)
