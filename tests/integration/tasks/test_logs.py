"""What is logged while a task runs says whose it is, and nothing else says so."""

import asyncio
import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events.event_queue import EventQueue
from a2a.types.a2a_pb2 import Task

from agentnet.settings import Settings
from agentnet.telemetry.logs import bound, configure_logging
from tests.integration.tasks.replicas import context, replicas, request

pytestmark = pytest.mark.anyio


@pytest.fixture
def lines() -> Iterator[StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = StringIO()
    configure_logging(Settings(log_level="INFO", log_format="json"), stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


class Talkative(AgentExecutor):
    """Logs with a logger that knows nothing of this network, in a task of its own, and fails."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        async def say() -> None:
            logging.getLogger("a.library").info("said within")

        await asyncio.create_task(say())
        raise ValueError("said at the end")

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        pass


async def test_what_is_logged_while_a_task_runs_has_its_ids(database_url: str, lines: StringIO) -> None:
    async with replicas(database_url, Talkative()) as [replica]:
        sent = [replica.handler.on_message_send(request(text), context("acme")) for text in ("one", "two")]
        tasks = [task for task in await asyncio.gather(*sent) if isinstance(task, Task)]
        assert bound() == {}
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    within = [entry for entry in logged if entry["message"] == "said within"]
    failed = [entry for entry in logged if "said at the end" in entry.get("exception", "")]
    for entries in (within, failed):
        told = {(entry["task_id"], entry["context_id"], entry["tenant"]) for entry in entries}
        assert told == {(task.id, task.context_id, "acme") for task in tasks}
        assert len({entry["agent"] for entry in entries}) == 1
