"""The worker of one agent in one process: runs leased tasks, keeps their leases, takes over what others left.

A task runs where it was accepted if there is room, else wherever there is some. Leases are renewed together; a task
whose lease is lost is dropped at once. A graceful end gives all leases back first, so that others go on without delay.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

import asyncpg
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import Message, Role, SendMessageRequest, StreamResponse
from a2a.utils.errors import A2AError

from agentnet.errors import AgentNetError
from agentnet.signals import Signal, Signals
from agentnet.tasks.events import CANCELED, COMPLETED, failed, status_update
from agentnet.tasks.queue import RunQueue
from agentnet.tasks.run import TaskRun
from agentnet.tasks.store import Lease, LeasedTask, LostLeaseError, TaskStore

logger = logging.getLogger(__name__)

RUN = "agentnet.run"
"""Key of the run in the state of the call context that an executor gets."""
MAX_ATTEMPTS = 5
HEARTBEATS_PER_LEASE = 3
CANCEL_SECONDS = 5.0
"""How long an executor's own `cancel` may take."""
DATABASE_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class _Stop(Enum):
    """Why a run is ended from outside."""

    CANCEL = "canceled by request"
    LOST = "lease lost"
    SHUTDOWN = "replica stops"


@dataclass(slots=True)
class _Active:
    run: TaskRun
    running: "asyncio.Task[None]"
    stop: _Stop | None = None
    resting: bool = False
    """The write that brings the task to rest is under way: nothing interrupts it."""


class Worker:
    """Runs the tasks of `agent` with `executor`, at most `concurrency` at once."""

    def __init__(
        self,
        store: TaskStore,
        signals: Signals,
        agent: str,
        executor: AgentExecutor,
        *,
        concurrency: int,
        timeout_seconds: float,
        repeatable: bool = True,
    ) -> None:
        self._store = store
        self._signals = signals
        self._agent = agent
        self._executor = executor
        self._concurrency = concurrency
        self._timeout_seconds = timeout_seconds
        self._repeatable = repeatable
        self._active: dict[UUID, _Active] = {}
        self._reserved = 0
        self._look = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._unlisten: Callable[[], None] | None = None
        self._closing = False

    @property
    def room(self) -> int:
        """How many more tasks may run here."""
        return 0 if self._closing else max(0, self._concurrency - len(self._active) - self._reserved)

    def reserve(self) -> bool:
        """Keep a place for a task that is about to be accepted; `start` or `unreserve` gives it back."""
        if self.room == 0:
            return False
        self._reserved += 1
        return True

    def unreserve(self) -> None:
        """Give a reserved place back."""
        was_full = self.room == 0
        self._reserved -= 1
        if was_full:
            self._look.set()

    def start(self, leased: LeasedTask) -> TaskRun:
        """Run a task whose lease this process holds, in the background."""
        run = TaskRun(self._store, leased, self._tell)
        running = asyncio.create_task(self._run(run), name=f"task {leased.lease.task_id}")
        self._active[leased.lease.task_id] = _Active(run, running)
        return run

    def run_of(self, task_id: UUID) -> TaskRun | None:
        """The run of a task that runs here."""
        active = self._active.get(task_id)
        return active.run if active else None

    async def finished(self, task_id: UUID) -> None:
        """Wait until a task that runs here does so no more."""
        active = self._active.get(task_id)
        if active:
            await asyncio.wait([active.running])

    async def cancel(self, task_id: UUID) -> bool:
        """Stop a task that runs here and bring it to rest as canceled; False if it does not run here or was done."""
        active = self._active.get(task_id)
        if active is None:
            return False
        self._end(active, _Stop.CANCEL)
        await asyncio.wait([active.running])
        return active.run.state == CANCELED

    async def open(self) -> None:
        """Begin to keep leases and to take over."""
        self._unlisten = self._signals.listen(self._heard)
        self._loops = [
            asyncio.create_task(self._forever(self._keep_leases), name=f"leases of {self._agent}"),
            asyncio.create_task(self._forever(self._take_over), name=f"takeover for {self._agent}"),
        ]

    async def close(self) -> None:
        """Stop what runs and give its leases back at once."""
        if self._closing:
            return
        self._closing = True
        if self._unlisten:
            self._unlisten()
        for loop in self._loops:
            loop.cancel()
        active = list(self._active.values())
        for item in active:
            self._end(item, _Stop.SHUTDOWN)
        waiting = [*self._loops, *(item.running for item in active)]
        if waiting:
            await asyncio.wait(waiting)

    def _tell(self, leased: LeasedTask) -> None:
        self._signals.publish(Signal("task", str(leased.lease.task_id)))

    def _heard(self, signal: Signal) -> None:
        if signal.topic == "queue" and signal.id == self._agent:
            self._look.set()
        elif signal.topic == "control" and (active := self._active.get(UUID(signal.id))):
            self._end(active, _Stop.CANCEL)

    def _end(self, active: _Active, why: _Stop) -> None:
        if active.stop is None:
            active.stop = why
            if not active.resting:
                active.running.cancel()

    async def _forever(self, once: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await once()
            except DATABASE_ERRORS as error:
                logger.warning("database: %s: %s", type(error).__name__, error)
                await asyncio.sleep(0.5)

    async def _keep_leases(self) -> None:
        await asyncio.sleep(self._store.lease_seconds / HEARTBEATS_PER_LEASE)
        mine = {task_id: active for task_id, active in self._active.items() if active.stop is None}
        if not mine:
            return
        kept = {beat.task_id: beat for beat in await self._store.heartbeat(list(mine))}
        for task_id, active in mine.items():
            beat = kept.get(task_id)
            if self._active.get(task_id) is not active:
                continue
            if beat is None or beat.epoch != active.run.lease.epoch:
                self._end(active, _Stop.LOST)
            elif beat.cancel_requested:
                self._end(active, _Stop.CANCEL)

    async def _take_over(self) -> None:
        if self.room:
            leases = await self._store.claim(self._agent, self.room)
            for lease in leases:
                await self._adopt(lease)
            if leases:
                return
        pause = self._store.lease_seconds / HEARTBEATS_PER_LEASE * random.uniform(0.5, 1.0)  # noqa: S311
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._look.wait()
        self._look.clear()

    async def _adopt(self, lease: Lease) -> None:
        with suppress(LostLeaseError):
            leased = await self._store.load(lease)
            if lease.attempt > 1:
                logger.info("task %s: attempt %d begins here", lease.task_id, lease.attempt)
            self.start(leased)

    async def _run(self, run: TaskRun) -> None:
        task_id = run.lease.task_id
        active: _Active | None = None
        try:
            await asyncio.sleep(0)
            active = self._active[task_id]
            await self._execute(run)
        except asyncio.CancelledError:
            await self._stopped(run, active or self._active[task_id])
        except LostLeaseError:
            run.abandon()
        except DATABASE_ERRORS as error:
            logger.warning("task %s: given up here: %s", task_id, error)
            run.abandon()
        finally:
            was_full = self.room == 0
            self._active.pop(task_id, None)
            self._signals.publish(Signal("task", str(task_id)))
            if was_full:
                self._look.set()

    async def _stopped(self, run: TaskRun, active: _Active) -> None:
        try:
            match active.stop:
                case _Stop.CANCEL:
                    await self._cancel(run)
                case _Stop.SHUTDOWN:
                    await run.flush()
                    await self._store.release([run.lease])
                    run.abandon()
                    self._signals.publish(Signal("queue", self._agent))
                case _:
                    run.abandon()
        except LostLeaseError:
            run.abandon()
        except DATABASE_ERRORS as error:
            logger.warning("task %s: the lease will run out: %s", run.lease.task_id, error)
            run.abandon()

    async def _execute(self, run: TaskRun) -> None:
        leased = run.leased
        if leased.cancel_requested:
            await self._cancel(run)
            return
        refusal = self._refusal(leased)
        if refusal is not None:
            await self._rest(run, failed(run.task(0), refusal))
            return
        while True:
            final = await self._final(run)
            if self._active[run.lease.task_id].stop is _Stop.CANCEL:  # an executor may have swallowed the cancellation
                await self._cancel(run)
                return
            if await self._rest(run, final):
                return
            await run.take_inputs()

    def _refusal(self, leased: LeasedTask) -> str | None:
        if leased.lease.attempt > MAX_ATTEMPTS:
            return f"Given up: {MAX_ATTEMPTS} replicas began this task and none of them lived to finish it."
        if leased.lease.attempt > 1 and not self._repeatable:
            return (
                "A replica died in the middle of this task, and this agent does not say that its work may be repeated."
            )
        return None

    async def _final(self, run: TaskRun) -> StreamResponse:
        """Execute once; the event that brings the task to rest."""
        queue = RunQueue(run)
        limit = asyncio.timeout(self._timeout_seconds)
        try:
            async with limit:
                await self._executor.execute(request_context(run), queue)
        except TimeoutError:
            if not limit.expired():
                logger.exception("task %s failed", run.lease.task_id)
                return failed(run.task(0), "The agent failed: something that it waited for took too long.")
            return failed(run.task(0), f"The task took longer than its limit of {self._timeout_seconds:g} s.")
        except (AgentNetError, A2AError) as error:
            logger.info("task %s failed: %s", run.lease.task_id, error)
            return failed(run.task(0), str(error))
        except Exception:  # the boundary of foreign code: whatever an executor raises, its task must come to rest
            logger.exception("task %s failed", run.lease.task_id)
            return failed(run.task(0), "The agent failed with an internal error; its log has the details.")
        return queue.final or status_update(run.task(0), COMPLETED)

    async def _rest(self, run: TaskRun, event: StreamResponse) -> bool:
        active = self._active[run.lease.task_id]
        active.resting = True
        try:
            rested = await run.rest(event)
        finally:
            active.resting = False
        if active.stop is not None and not rested:
            raise asyncio.CancelledError
        return rested

    async def _cancel(self, run: TaskRun) -> None:
        queue = RunQueue(run)
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await self._executor.cancel(request_context(run), queue)
        except Exception as error:  # noqa: BLE001 - the task is canceled whatever its executor says
            logger.info("task %s: cancel of the executor: %s", run.lease.task_id, error)
        event = queue.final
        if event is None or event.status_update.status.state != CANCELED:
            event = status_update(run.task(0), CANCELED)
        while not await run.rest(event):
            await run.take_inputs()


def request_context(run: TaskRun) -> RequestContext:
    """What an executor gets to see: the task with its history, and the user's latest message."""
    leased = run.leased
    task = run.task()
    message = Message()
    message.CopyFrom(latest_user_message(task.history))
    call_context = ServerCallContext(state={RUN: run}, tenant=leased.tenant)
    return RequestContext(
        call_context,
        request=SendMessageRequest(message=message),
        task_id=task.id,
        context_id=task.context_id,
        task=task,
    )


def latest_user_message(history: Sequence[Message]) -> Message:
    """The last message of the user's; an empty one if there is none."""
    for message in reversed(history):
        if message.role == Role.ROLE_USER:
            return message
    return Message(role=Role.ROLE_USER)
