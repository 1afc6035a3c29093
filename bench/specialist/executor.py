"""The executor that every measured server runs, ours and the SDK's: the first word of a message says what to do."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable

from a2a.helpers.proto_helpers import new_text_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events.event_queue import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types.a2a_pb2 import Part, Role, Task, TaskState, TaskStatus

ARTIFACT_ID = "bench"
RANDOM_TEXT = os.urandom(1 << 16).hex()
"""What chunks are cut from: it does not compress well, and neither does what a model says."""


class BenchExecutor(AgentExecutor):
    """`echo TEXT`, `stream COUNT SIZE`, `paced COUNT PER_SECOND SIZE`, `signal COUNT`, `work SECONDS`, `ask`."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Announce the task, work, complete."""
        assert context.task_id and context.context_id
        known = context.current_task
        if known is None or known.status.state == TaskState.TASK_STATE_SUBMITTED:
            await event_queue.enqueue_event(_submitted(context))
        updater = TaskUpdater(event_queue, context.task_id, context.context_id)
        await updater.start_work()
        word, *rest = context.get_user_input().split()
        await _COMMANDS[word](updater, rest)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Nothing to give back."""


def _submitted(context: RequestContext) -> Task:
    return Task(
        id=context.task_id,
        context_id=context.context_id,
        status=TaskStatus(state=TaskState.TASK_STATE_SUBMITTED),
        history=[context.message] if context.message else [],
    )


async def _echo(updater: TaskUpdater, words: list[str]) -> None:
    await updater.add_artifact([Part(text=" ".join(words))], name="echo")
    await updater.complete()


async def _stream(updater: TaskUpdater, words: list[str]) -> None:
    count, size = int(words[0]), int(words[1])
    for number in range(count):
        await _chunk(updater, number, count, _text(number, size))
        await asyncio.sleep(0)  # a model's stream hands the loop back at every chunk too
    await updater.complete()


async def _paced(updater: TaskUpdater, words: list[str]) -> None:
    count, per_second, size = int(words[0]), float(words[1]), int(words[2])
    began = time.monotonic()
    for number in range(count):
        due = began + number / per_second
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        stamp = f"@{int(due * 1e9)} "
        await _chunk(updater, number, count, stamp + _text(number, size - len(stamp)))
    await updater.complete()


async def _signal(updater: TaskUpdater, words: list[str]) -> None:
    """One chunk, stamped with the moment, at every SIGUSR1."""
    count, signals = int(words[0]), asyncio.Queue[float]()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: signals.put_nowait(time.monotonic()))
    try:
        for number in range(count):
            at = await signals.get()
            await _chunk(updater, number, count, f"@{int(at * 1e9)} ")
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)
    await updater.complete()


async def _work(updater: TaskUpdater, words: list[str]) -> None:
    await asyncio.sleep(float(words[0]))
    await updater.complete()


async def _ask(updater: TaskUpdater, words: list[str]) -> None:
    text = _text(len(words), 200)
    await updater.requires_input(
        new_text_message(text, role=Role.ROLE_AGENT, context_id=updater.context_id, task_id=updater.task_id)
    )


async def _chunk(updater: TaskUpdater, number: int, count: int, text: str) -> None:
    await updater.add_artifact(
        [Part(text=text)],
        artifact_id=ARTIFACT_ID,
        name="chunks",
        append=number > 0,
        last_chunk=number == count - 1,
    )


def _text(number: int, size: int) -> str:
    start = number * 7919 % (len(RANDOM_TEXT) - size)
    return RANDOM_TEXT[start : start + size]


_COMMANDS: dict[str, Callable[[TaskUpdater, list[str]], Awaitable[None]]] = {
    "echo": _echo,
    "stream": _stream,
    "paced": _paced,
    "signal": _signal,
    "work": _work,
    "ask": _ask,
}
