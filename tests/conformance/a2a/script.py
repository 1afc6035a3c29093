"""The executor of the agent under test: it does what the message says, one word after the other."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events.event_queue import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types.a2a_pb2 import Part, TaskState

from agentnet.tasks.steps import Step

FOREVER_SECONDS = 3600.0


class Stage:
    """What tests and executors of one process share."""

    def __init__(self) -> None:
        self.gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.begun: defaultdict[str, int] = defaultdict(int)
        """How often a task was begun, by its id."""
        self.stopped: set[str] = set()
        """Tasks whose execution was broken off."""

    async def until_begun(self, task_id: str) -> None:
        """Wait until the executor has the task."""
        while not self.begun[task_id]:
            await asyncio.sleep(0.005)


stage = Stage()


class Script(AgentExecutor):
    """`ask`, `authorise`, `reject`, `fail`, `file`, `data`, `count N`, `wait GATE`, `step`, `forever`,
    `stubborn GATE`, `once PATH`.

    Any other word becomes an artifact.
    """

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.task_id and context.context_id
        stage.begun[context.task_id] += 1
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        try:
            await _perform(updater, iter(context.get_user_input().split()))
        except asyncio.CancelledError:
            stage.stopped.add(context.task_id)
            raise

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        stage.stopped.add(context.task_id or "")


async def _perform(updater: TaskUpdater, words: Iterator[str]) -> None:
    for word in words:
        match word:
            case "ask":
                await updater.requires_input(updater.new_agent_message([Part(text="which?")]))
                return
            case "authorise":
                await updater.requires_auth(updater.new_agent_message([Part(text="log in first")]))
                return
            case "reject":
                await updater.reject(updater.new_agent_message([Part(text="not mine")]))
                return
            case "fail":
                raise RuntimeError("secret detail")
            case "file":
                await updater.add_artifact([Part(raw=b"\x00\x01", filename="a.bin", media_type="text/plain")], "file")
            case "count":
                for number in range(int(next(words))):
                    await updater.add_artifact([Part(text=f"{number} ")], artifact_id="n", append=number > 0)
                    await asyncio.sleep(0)
            case "wait":
                await stage.gates[next(words)].wait()
            case "step":
                step = Step("s1", "tool", "end", "count", ("scripted",), updater.task_id)
                await updater.update_status(TaskState.TASK_STATE_WORKING, metadata=step.as_metadata())
            case "forever":
                await asyncio.sleep(FOREVER_SECONDS)
            case "stubborn":
                await _ignoring_cancel(stage.gates[next(words)])
            case "once":
                await _hang_the_first_time(Path(next(words)))
            case other:
                await updater.add_artifact([Part(text=other)], artifact_id=other)
    await updater.complete()


async def _ignoring_cancel(gate: asyncio.Event) -> None:
    with suppress(asyncio.CancelledError):
        await gate.wait()


async def _hang_the_first_time(marker: Path) -> None:
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return
    await asyncio.sleep(FOREVER_SECONDS)
