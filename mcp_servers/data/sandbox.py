"""A process for each job: DuckDB reads what strangers send, so it runs where memory and time can be taken away.

One process is started ahead and waits, so that a call does not pay for the start. It inherits no secret.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress

from agentnet.errors import BusyError, InvalidInputError, TooLargeError, UnavailableError
from mcp_servers.data.models import Job, Outcome

MODULE = "mcp_servers.data.worker"
WORKERS = 4
QUEUE_SECONDS = 30.0
GRACE_SECONDS = 10.0
"""What a worker may take beyond the time of its statement, to start, to draw and to answer."""
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")


class Sandbox:
    """Runs jobs, `WORKERS` at a time. Close it to end the process that waits."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(WORKERS)
        self._ahead: asyncio.Task[Process] | None = None

    async def run(self, job: Job) -> Outcome:
        """Do `job` in a process of its own.

        Raises `InvalidInputError` and `TooLargeError` as the job says, `BusyError` when no worker gets free.
        """
        try:
            async with asyncio.timeout(QUEUE_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise BusyError("The data server is busy.", retry_after=QUEUE_SECONDS) from None
        try:
            process = await self._process()
            self.prepare()
            return await _converse(process, job)
        finally:
            self._slots.release()

    def prepare(self) -> None:
        """Start the next process ahead of its job."""
        if self._ahead is None:
            self._ahead = asyncio.create_task(_start(), name="data worker")

    async def _process(self) -> Process:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            process = await ahead
            # It may have died while it waited, as when the machine was short of memory.
            if process.returncode is None:
                return process
        return await _start()

    async def close(self) -> None:
        """End the process that waits."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            with suppress(UnavailableError):
                await _end(await ahead)


async def _start() -> Process:
    # Named one by one: what is not named, a secret perhaps, is not inherited.
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    environment["TZ"] = "UTC"  # the drawing engine would move dates into the zone of this machine
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", MODULE, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment
        )
    except OSError as error:
        raise UnavailableError(f"A worker of the data server did not start: {error.strerror}.") from error


async def _converse(process: Process, job: Job) -> Outcome:
    try:
        async with asyncio.timeout(job.seconds + GRACE_SECONDS):
            output, _ = await process.communicate(job.model_dump_json().encode())
    except TimeoutError:
        raise TooLargeError(f"The call took longer than the limit of {job.seconds:g} seconds.") from None
    finally:
        await _end(process)
    # A worker that ran into its limit of memory says nothing any more.
    if not output:
        raise TooLargeError("The call needed more memory than one call may use; select fewer rows or columns.")
    outcome = Outcome.model_validate_json(output)
    if outcome.error is not None:
        raise (TooLargeError if outcome.too_large else InvalidInputError)(outcome.error)
    return outcome


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await process.communicate()
