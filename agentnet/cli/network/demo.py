"""`agentnet demo`: one real job on real input, from a cold start to the files on disk.

The input is the project's own: its documentation, and the log of the tasks that this very network has done so far.
"""

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import typer
from rich.console import Console

from agentnet.cli.command import exits
from agentnet.cli.command.loop import run
from agentnet.cli.gateway.client import Gateway, client_settings
from agentnet.cli.network.up import Progress
from agentnet.cli.show import screen
from agentnet.cli.tasks.ask import converse
from agentnet.cli.tasks.job import Job
from agentnet.cli.tasks.outcome import Outcome
from agentnet.cli.tasks.talk import Talk
from agentnet.process.launch import network, with_free_ports, with_project_docs
from agentnet.settings import Settings

JOB = """\
Find out from the documentation how a task survives the crash of the replica that runs it, with citations. \
Count the tasks in the network's task log by agent and draw a bar chart of it. \
Then write a short report of both, have it reviewed, and revise it once."""

FIRST_TASKS = (
    "What time is it in Tokyo when it is 09:00 in Berlin?",
    "Convert 26.2 miles to kilometers.",
    "What does the documentation say about leases?",
)
"""Small tasks that come first, so that a new network has a log to look at."""

FIRST_TASKS_SECONDS = 15.0


def run_demo(home: Path | None, out: Path | None) -> None:
    """Run the demo; leave with 0 when its job is done."""
    from agentnet.models import no_model

    settings = client_settings()
    if missing := no_model(settings):
        raise missing
    with ExitStack() as stack:
        if home is None:
            # PostgreSQL may still write into it: its wheel stops it when the process ends.
            temporary = tempfile.TemporaryDirectory(prefix="agentnet-demo-", ignore_cleanup_errors=True)
            home = Path(stack.enter_context(temporary))
            home.chmod(0o755)  # the embedded PostgreSQL runs as a user of its own when root starts it
        settings = with_project_docs(with_free_ports(settings)).model_copy(update={"home": home})
        code = run(_demo(settings, out, screen.output()))
    raise typer.Exit(code)


async def _demo(settings: Settings, out: Path | None, console: Console) -> int:
    began = time.monotonic()
    console.print("Starting a network of its own: PostgreSQL, registry, tools, agents, gateway")
    async with network(settings, report=Progress(console)) as running, Gateway.open(running.settings) as gateway:
        console.print(f"\nGiving it {len(FIRST_TASKS)} small tasks, so that there is a task log to look at")
        await _first_tasks(gateway, console)
        console.print(f"\nThe job:\n\n{JOB}\n")
        job = Job(JOB, out=out)
        talk = Talk(out=out, console=console)
        code = await converse(await gateway.agent(), job.message(settings.max_file_bytes), talk)
        console.print("Stopping the network")
    console.print(f"The demo took {screen.duration((time.monotonic() - began) * 1000)}.")
    # Nobody is there to answer: a question is a demo that failed.
    return code if code != exits.QUESTION else exits.TASK_FAILED


async def _first_tasks(gateway: Gateway, console: Console) -> None:
    concierge = await gateway.agent()

    async def one(text: str) -> None:
        outcome = Outcome()
        async for event in concierge.send(Job(text).message(0)):
            outcome.take(event)
        console.print(f"  {outcome.state_name}: {text}")

    try:
        async with asyncio.timeout(FIRST_TASKS_SECONDS):
            await asyncio.gather(*(one(text) for text in FIRST_TASKS))
    except TimeoutError:
        console.print("  (not all ended in time; the log shows them as they are)")
