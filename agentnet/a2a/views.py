"""A task as a caller finds it: from its run where it runs here, else from the store; and what is answered of it."""

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID

from a2a.types.a2a_pb2 import GetTaskRequest, Message, SendMessageConfiguration, Task
from a2a.utils.errors import TaskNotFoundError

from agentnet.a2a.errors import wrong_field
from agentnet.a2a.limits import check_same
from agentnet.errors import InvalidInputError
from agentnet.identity import Principal
from agentnet.tasks.events import RESTING_STATES, bare_answer
from agentnet.tasks.position import WHOLE, Position
from agentnet.tasks.run import TaskRun
from agentnet.tasks.store import TaskStore
from agentnet.tasks.worker import Worker


@dataclass(slots=True)
class View:
    """A task as a caller found it, and the place in its stream behind which its events go on."""

    task_id: UUID
    task: Task
    position: Position


class Views:
    """Of the tasks of one agent."""

    def __init__(self, store: TaskStore, worker: Worker, agent: str) -> None:
        self._store = store
        self._worker = worker
        self._agent = agent

    async def view(self, task_id: UUID, principal: Principal) -> View:
        """The task as it is and the place behind it. Raises `TaskNotFoundError`, also for another tenant's."""
        run = self._worker.run_of(task_id)
        if run is not None and run.leased.tenant == principal.tenant:
            return View(task_id, run.task(), run.position())
        found = await self._store.read(task_id, principal.tenant, self._agent, None)
        if found is None:
            raise TaskNotFoundError(f"There is no task {task_id}.")
        task, seq = found
        return View(task_id, task, Position(seq, 0, WHOLE, seq))

    async def task(self, task_id: UUID, tenant: str, history_length: int | None) -> Task:
        """The task as it is, with no more history than is asked for. Raises `TaskNotFoundError`."""
        run = self._worker.run_of(task_id)
        if run is not None and run.leased.tenant == tenant:  # else the query does not find it either
            return run.task(history_length)
        found = await self._store.read(task_id, tenant, self._agent, history_length)
        if found is None:
            raise TaskNotFoundError(f"There is no task {task_id}.")
        return found[0]

    async def rested(self, view: View, run: TaskRun | None, until: float) -> None:
        """Wait until the task rests, or until that moment of the monotonic clock; `run` is its run in this process, if
        it has one."""
        if run is not None:
            # Without `asyncio.timeout`, whose price every blocking request would pay.
            await self._worker.finished(view.task_id, max(0.0, until - time.monotonic()))
            if run.state in RESTING_STATES:
                return
        limit = asyncio.timeout(until - time.monotonic())
        try:
            async with limit:
                await self._store.feeds.reached(view.task_id, view.position, RESTING_STATES)
        except TimeoutError:
            if not limit.expired():
                raise


def check_place(after: Position | None, view: View) -> None:
    """Raises `InvalidInputError` for a place that no stream of the task can have reached."""
    if after is None:
        return
    there = view.position
    # Under the epoch of the view the task is known to its last event; another writer's may not be stored yet.
    if after.durable > there.seq or (after.epoch == there.epoch and after.seq > there.seq):
        raise InvalidInputError(
            f"Last-Event-ID {str(after)[:80]!r} lies behind the last event of task {view.task_id}.",
            hint="Send the id of an event of this task, or none for the task as it is.",
        )


def repeated(view: View, message: Message, stated_context: str) -> View:
    """`view` of the task that has a message of this id. Raises `InvalidParamsError` if it is another message."""
    task = view.task
    if stated_context and stated_context != task.context_id:
        place = f"context {task.context_id} (task {task.id})"
        raise wrong_field("message.messageId", f"{message.message_id} was used in {place}; a new message has a new id")
    for known in task.history:
        if known.message_id == message.message_id:
            check_same(message, known)
    return view


def answer_of(task: Task) -> Task | Message:
    """The task, or the message that its agent answered with in place of one."""
    return bare_answer(task.status) or task


def shortened(task: Task, history_length: int | None) -> Task:
    """`task` with no more history than is asked for."""
    if history_length is not None and len(task.history) > history_length:
        del task.history[: len(task.history) - history_length]
    return task


def history_length_of(params: SendMessageConfiguration | GetTaskRequest) -> int | None:
    """How much history a request asks for; None for all."""
    return params.history_length if params.HasField("history_length") else None
