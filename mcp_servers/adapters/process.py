"""A command that speaks MCP over standard input and output, as a transport of the SDK's client.

The SDK's own transport hands its environment down, reads lines of any length and leaves a dead leader's children alive.
"""

import asyncio
import logging
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage

from agentnet.errors import ConfigurationError, TooLargeError
from agentnet.http.json_scan import JsonLimits, check_json
from agentnet.upstreams.declarations import CommandServer
from mcp_servers.adapters.stderr import log_stderr

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
LIMITS = JsonLimits(depth=1_000, values=200_000)
"""Of one message, as of those of servers that are spoken to over HTTP."""
LEAVE_SECONDS = 2.0
"""Given to the command after its input was closed, and once more after SIGTERM."""
LAST_WORDS_SECONDS = 0.5
"""Given to standard error to end after the command did; a process that left the group may hold it open."""
POLL_SECONDS = 0.02
LAST_LINES = 3

logger = logging.getLogger(__name__)

Received = SessionMessage | Exception


class Ending:
    """How a command ended."""

    def __init__(self) -> None:
        self.code: int | None = None
        """Its exit code, where it ended by itself."""
        self.lines: deque[str] = deque(maxlen=LAST_LINES)
        """The last ones of its standard error: for the log, not for callers, for they may hold what is secret."""


@asynccontextmanager
async def run_command(
    server: CommandServer, environment: dict[str, str], ending: Ending
) -> AsyncIterator[TransportStreams]:
    """The command, for as long as the block runs; then it is stopped with its whole process group, and `ending` says
    how it ended.

    Raises `ConfigurationError` when it cannot be started.
    """
    process = await _start(server, environment)
    ending.code = None
    ending.lines.clear()
    sending, received = anyio.create_memory_object_stream[Received](0)
    written, writing = anyio.create_memory_object_stream[SessionMessage](0)
    errors = asyncio.create_task(log_stderr(server.name, process, ending.lines))
    try:
        async with asyncio.TaskGroup() as tasks:
            reader = tasks.create_task(_read(server.name, process, sending))
            writer = tasks.create_task(_write(process, writing))
            try:
                yield received, written
            finally:
                for task in (reader, writer):
                    task.cancel()
    finally:
        for stream in (sending, received, written, writing):
            stream.close()
        await asyncio.shield(_stop(process, errors, ending))
        if ending.code:
            said = " | ".join(ending.lines) or "nothing on its standard error"
            logger.warning("the command of %s ended with exit code %d: %s", server.name, ending.code, said)


async def _start(server: CommandServer, environment: dict[str, str]) -> Process:
    try:
        # In a group of its own: npx and uvx leave the server itself to a child, which has to end with them.
        process = await asyncio.create_subprocess_exec(
            *server.command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            cwd=server.directory,
            start_new_session=True,
            limit=MAX_MESSAGE_BYTES,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigurationError(f"The command of {server.name} cannot be started: {why}.") from None
    logger.info("started the command of %s, process %d", server.name, process.pid)
    return process


async def _read(name: str, process: Process, sending: MemoryObjectSendStream[Received]) -> None:
    """Lines as messages until the command closes its output, or says one that is too long: that ends it."""
    assert process.stdout is not None
    async with sending:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while True:
                try:
                    line = await process.stdout.readline()
                # asyncio says so of a line over the limit, whose rest would be taken for messages.
                except ValueError:
                    logger.warning("%s sent a message over the limit of %d bytes", name, MAX_MESSAGE_BYTES)
                    return
                if not line:
                    return
                try:
                    check_json(line, LIMITS)  # first: what is built of a list of brackets is fifty times its size
                except TooLargeError as error:
                    logger.warning("%s sent a message that is over a limit: %s", name, error.message)
                    return
                message = _message(name, line)
                if message is not None:
                    await sending.send(message)


def _message(name: str, line: bytes) -> SessionMessage | None:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        # Standard output is for messages alone (2025-11-25, transports: stdio), and yet packages print to it.
        if line.strip():
            logger.warning("%s wrote a line to its output that is no message (%d bytes)", name, len(line))
        return None


async def _write(process: Process, writing: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None
    with suppress(ConnectionError):  # the reader tells of the end
        async for item in writing:
            text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(text.encode() + b"\n")
            await process.stdin.drain()


async def _stop(process: Process, errors: "asyncio.Task[None]", ending: Ending) -> None:
    """As the specification has it (2025-11-25, lifecycle: shutdown), and then whatever is left of its group. What it
    says to the end is logged: of a command that died, it is the reason."""
    assert process.stdin is not None
    process.stdin.close()
    if await _left(process):
        ending.code = process.returncode
    else:
        _signal(process, signal.SIGTERM)
        await _left(process)
    _signal(process, signal.SIGKILL)
    await _left(process)
    await asyncio.wait([errors], timeout=LAST_WORDS_SECONDS)
    errors.cancel()
    # A process that left the group may hold a pipe open; asyncio would wait for it, and complain at the end.
    if transport := getattr(process, "_transport", None):
        transport.close()


async def _left(process: Process) -> bool:
    """Whether it is gone in time. `Process.wait` would also wait for whoever inherited its pipes."""
    deadline = asyncio.get_running_loop().time() + LEAVE_SECONDS
    while process.returncode is None:
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(POLL_SECONDS)
    return True


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
