"""The worker process: reads one job as JSON, does it within the limits of its process, writes the outcome, ends."""

import sys

from agentnet.errors import AgentNetError, TooLargeError
from mcp_servers.data.engine import execute
from mcp_servers.data.models import Job, Outcome

MEMORY_FACTOR = 5
"""Process memory for each byte that DuckDB may use: strings, the drawing engine and Python live beside it."""


def _limit(job: Job) -> None:
    try:
        import resource
    except ImportError:  # not on Windows; there DuckDB's own limit is the only one
        return
    size = job.memory_bytes * MEMORY_FACTOR
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    # A core file would hold what the tenant sent.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _outcome(text: str) -> Outcome:
    job = Job.model_validate_json(text)
    _limit(job)
    try:
        return execute(job)
    except AgentNetError as error:
        return Outcome(error=str(error), too_large=isinstance(error, TooLargeError))
    except MemoryError:
        return Outcome(error="The statement needs more memory than one call may use.", too_large=True)


if __name__ == "__main__":
    sys.stdout.write(_outcome(sys.stdin.read()).model_dump_json())
    sys.stdout.flush()
