"""No task is ever lost or stuck: three replicas behind the gateway while everything around them is killed and paused.

`make chaos` runs the full form, the tests of every day a short one; AGENTNET_CHAOS_TASKS and AGENTNET_CHAOS_SEED change
either, and AGENTNET_CHAOS_KEEP leaves the logs and the database behind.
"""

import asyncio
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from a2a.types.a2a_pb2 import Task

from agentnet.testing import OpenAIServer, Scenario, serving
from tests.chaos.client import SILENCE_SECONDS, Client, RefusedError, agent_url, stored
from tests.chaos.faults import Faults
from tests.chaos.processes import Network
from tests.chaos.stage import HELPER, WORKER, Job, brain, folders
from tests.chaos.verdict import Verdict, judge_client, judge_ledger, judge_store

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TASKS = int(os.environ.get("AGENTNET_CHAOS_TASKS", "40"))
SEED = int(os.environ.get("AGENTNET_CHAOS_SEED", "1"))
LEASE_SECONDS = 3.0
AT_ONCE = 10 + TASKS // 20
BOUND_SECONDS = 120.0 + 8.0 * TASKS


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where the processes write; not pytest's own directory, which PostgreSQL's user may not enter."""
    path = Path(tempfile.mkdtemp(prefix="agentnet-chaos-"))
    path.chmod(0o755)
    yield path
    if "AGENTNET_CHAOS_KEEP" not in os.environ:
        shutil.rmtree(path, ignore_errors=True)


async def test_no_task_is_lost_or_stuck_while_everything_fails(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = OpenAIServer(Scenario(brain=brain, chunk_delay_seconds=0.01))
    agents = folders(directory / "agents")
    verdict = Verdict()
    async with serving(server.app) as model_url:
        network = Network(directory, agents, model_url, LEASE_SECONDS, {WORKER: 3, HELPER: 2})
        headers = {"authorization": f"Bearer {network.key}", "A2A-Version": "1.0"}
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=5.0)
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(headers=headers, timeout=timeout, limits=limits, trust_env=False) as http:
            async with network.running():
                url = agent_url(network.gateway_url)
                began = time.monotonic()
                faults = Faults(network, LEASE_SECONDS, random.Random(SEED))
                clients = [Client(http, url, Job(number), random.Random(f"{SEED}-{number}")) for number in range(TASKS)]
                unfinished = await _let_it_happen(clients, faults)
                seconds = time.monotonic() - began
                verdict.stuck = len(unfinished)
                for client in unfinished:
                    verdict.wrong.append(f"job {client.job.number} never ended at its client: {client.errors[-3:]}")
                for client in clients:
                    if client not in unfinished:
                        judge_client(verdict, client, await _stored(http, url, client.task_id))
                await judge_store(verdict, network.postgres.url, clients, faults.times)
                await judge_ledger(verdict, network.postgres.url, network.ledger)
    with capsys.disabled():
        print(f"\nchaos, seed {SEED}\n{verdict.report(faults.done, clients, seconds)}")
    assert not verdict.wrong, "\n".join(verdict.wrong)


async def _let_it_happen(clients: list[Client], faults: Faults) -> list[Client]:
    """Run all clients under faults; those that did not see their end within the bound."""
    room, stop = asyncio.Semaphore(AT_ONCE), asyncio.Event()

    async def one(client: Client) -> None:
        async with room:
            await client.run()

    running = {asyncio.create_task(one(client)): client for client in clients}
    failing = asyncio.create_task(faults.run(stop))
    _, pending = await asyncio.wait(running, timeout=BOUND_SECONDS)
    stop.set()
    await failing
    for task in pending:
        task.cancel()
    await asyncio.wait(running)
    for task in running.keys() - pending:
        task.result()
    return [running[task] for task in pending]


async def _stored(http: httpx.AsyncClient, url: str, task_id: str) -> Task:
    """What is stored, once the network answers again after the last fault."""
    async with asyncio.timeout(120):
        while True:
            try:
                return await stored(http, url, task_id)
            except (httpx.HTTPError, RefusedError, ValueError):
                await asyncio.sleep(0.2)
