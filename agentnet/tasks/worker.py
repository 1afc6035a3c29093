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
from a2a.types.a2a_pb2 import Message, SendMessageRequest, StreamResponse
from a2a.utils.errors import A2AError

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import AgentNetError, DatabaseAwayError
from agentnet.signals import Signal, Signals, Topic, Wakeup
from agentnet.tasks.events import CANCELED, COMPLETED, ROLE_USER, failed, status_update
from agentnet.tasks.queue import RunQueue
from agentnet.tasks.records import Lease, LeasedTask, LostLeaseError
from agentnet.tasks.run import TaskRun
from agentnet.tasks.store import TaskStore

logger = logging.getLogger(__name__)

RUN = "agentnet.run"
"""Key of the run in the state of the call context that an executor gets."""
MAX_ATTEMPTS = 5
HEARTBEATS_PER_LEASE = 3
EXPIRY_MARGIN_SECONDS = 0.02
"""How long after a lease ran out one looks for it."""
CANCEL_SECONDS = 5.0
"""How long an executor's own `cancel` may take."""
CLOSE_SECONDS = 3.0
"""How long a stopping replica waits for the database to take its leases back."""
RETRY_SECONDS = 0.5
STORE_ERRORS = (
    DatabaseAwayError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
)
"""What says in the middle of an execution that the database is away, and nothing about the agent."""


class _Stop(Enum):
    """Why a run is ended from outside."""

    CANCEL = "canceled by request"
    LOST = "lease lost"
    SHUTDOWN = "replica stops"


@dataclass(slots=True)
class _Active:
    run: TaskRun
    running: "asyncio.Task[None] | None" = None
    begun: bool = False
    stop: _Stop | None = None
    resting: bool = False
    """The write that brings the task to rest is under way: nothing interrupts it."""

    def end(self, why: _Stop) -> None:
        """End the run. One that has not begun to run finds it when it does: cancelled now, it could not clean up."""
        if self.stop is None:
            self.stop = why
            if self.begun and not self.resting and self.running:
                self.running.cancel()

    async def ended(self) -> None:
        """Wait for its end."""
        if self.running:
            await asyncio.wait([self.running])


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
        self._look = Wakeup()
        self._loops: list[asyncio.Task[None]] = []
        self._unlisten: list[Callable[[], None]] = []
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
            self._look.wake()

    def start(self, leased: LeasedTask) -> TaskRun:
        """Run a task whose lease this process holds, in the background.

        A run of the same task that is still here has lost its lease by this one; in a closing worker the lease is
        given back.
        """
        task_id = leased.lease.task_id
        superseded = self._active.get(task_id)
        if superseded:
            superseded.end(_Stop.LOST)
        run = TaskRun(self._store, leased, self._tell)
        active = self._active[task_id] = _Active(run)
        active.running = asyncio.create_task(self._run(run, active), name=f"task {task_id}")
        if self._closing:
            active.end(_Stop.SHUTDOWN)
        return run

    def run_of(self, task_id: UUID) -> TaskRun | None:
        """The run of a task that surely runs here: not one whose lease may have been lost unnoticed."""
        active = self._active.get(task_id)
        return active.run if active and active.run.is_current else None

    async def finished(self, task_id: UUID) -> None:
        """Wait until a task that runs here does so no more."""
        active = self._active.get(task_id)
        if active:
            await active.ended()

    async def cancel(self, task_id: UUID) -> bool:
        """Stop a task that runs here and bring it to rest as canceled; False if it does not run here or was done."""
        active = self._active.get(task_id)
        if active is None:
            return False
        active.end(_Stop.CANCEL)
        await active.ended()
        return active.run.state == CANCELED

    async def open(self) -> None:
        """Begin to keep leases and to take over."""
        self._unlisten = [
            self._signals.listen(Topic.QUEUE, self._heard_of_work),
            self._signals.listen(Topic.CONTROL, self._heard_of_control),
        ]
        self._loops = [
            asyncio.create_task(self._forever(self._keep_leases), name=f"leases of {self._agent}"),
            asyncio.create_task(self._forever(self._take_over), name=f"takeover for {self._agent}"),
        ]

    async def close(self) -> None:
        """Stop what runs and give its leases back at once."""
        if self._closing:
            return
        self._closing = True
        for unlisten in self._unlisten:
            unlisten()
        for loop in self._loops:
            loop.cancel()
        if self._loops:
            await asyncio.wait(self._loops)
        while self._active:
            stopping = list(self._active.values())
            for active in stopping:
                active.end(_Stop.SHUTDOWN)
            await asyncio.gather(*(active.ended() for active in stopping))
        try:  # what was claimed or accepted and had not begun to run
            async with asyncio.timeout(CLOSE_SECONDS):
                if await self._store.release_all(self._agent):
                    self._signals.publish(Signal(Topic.QUEUE, self._agent))
        except DATABASE_AWAY as error:
            logger.warning("%s: leases will run out: %s: %s", self._agent, type(error).__name__, error)

    def _tell(self, task_id: str) -> None:
        self._signals.publish(Signal(Topic.TASK, task_id))

    def _heard_of_work(self, agent: str) -> None:
        if agent == self._agent:
            self._look.wake()

    def _heard_of_control(self, task_id: str) -> None:
        if active := self._active.get(UUID(task_id)):
            active.end(_Stop.CANCEL)

    async def _forever(self, once: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await once()
            except Exception as error:  # nothing ends these loops: without them tasks would be lost or stuck
                away = isinstance(error, (*DATABASE_AWAY, DatabaseAwayError))
                logger.warning("%s: %s: %s", self._agent, type(error).__name__, error, exc_info=not away)
                await asyncio.sleep(RETRY_SECONDS)

    async def _keep_leases(self) -> None:
        await asyncio.sleep(self._store.lease_seconds / HEARTBEATS_PER_LEASE)
        mine = {task_id: active for task_id, active in self._active.items() if active.stop is not _Stop.LOST}
        if not mine:
            return
        moment = asyncio.get_running_loop().time()
        kept = {beat.task_id: beat for beat in await self._store.heartbeat(list(mine))}
        for task_id, active in mine.items():
            beat = kept.get(task_id)
            if self._active.get(task_id) is not active:
                continue
            if beat is None or beat.epoch != active.run.lease.epoch:
                active.end(_Stop.LOST)
                continue
            if beat.renewed:
                active.run.confirm(moment)
            if beat.cancel_requested:
                active.end(_Stop.CANCEL)

    async def _take_over(self) -> None:
        if self.room:
            leases = await self._store.claim(self._agent, self.room)
            for lease in leases:
                await self._adopt(lease)
            if leases:
                return
        pause = self._store.lease_seconds / HEARTBEATS_PER_LEASE * random.uniform(0.5, 1.0)  # noqa: S311
        expiry = await self._store.next_expiry(self._agent) if self.room else None
        if expiry is not None:
            pause = min(pause, expiry + EXPIRY_MARGIN_SECONDS)
        await self._look.wait(pause)

    async def _adopt(self, lease: Lease) -> None:
        with suppress(LostLeaseError):
            leased = await self._store.load(lease)
            if lease.attempt > 1:
                logger.info("task %s: attempt %d begins here", lease.task_id, lease.attempt)
            self.start(leased)

    async def _run(self, run: TaskRun, active: _Active) -> None:
        task_id = run.lease.task_id
        active.begun = True
        try:
            if active.stop is None:
                await self._execute(run, active)
            else:
                await self._stopped(run, active)
        except asyncio.CancelledError:
            await self._stopped(run, active)
        except LostLeaseError:
            run.abandon()
        except Exception as error:  # noqa: BLE001 - the lease runs out, and another attempt begins from the log
            self._give_up(run, error)
        finally:
            was_full = self.room == 0
            if self._active.get(task_id) is active:
                del self._active[task_id]
            self._tell(run.task_id)
            if was_full:
                self._look.wake()

    async def _stopped(self, run: TaskRun, active: _Active) -> None:
        try:
            match active.stop:
                case _Stop.CANCEL:
                    await self._cancel(run)
                case _Stop.SHUTDOWN:
                    async with asyncio.timeout(CLOSE_SECONDS):
                        await run.flush()
                        await self._store.release([run.lease])
                    run.abandon()
                    self._signals.publish(Signal(Topic.QUEUE, self._agent))
                case _:
                    run.abandon()
        except LostLeaseError:
            run.abandon()
        except Exception as error:  # noqa: BLE001 - as above
            self._give_up(run, error)

    def _give_up(self, run: TaskRun, error: Exception) -> None:
        away = isinstance(error, (*DATABASE_AWAY, DatabaseAwayError))
        logger.warning("task %s: given up here: %s", run.lease.task_id, error, exc_info=not away)
        run.abandon()

    async def _execute(self, run: TaskRun, active: _Active) -> None:
        leased = run.leased
        if leased.cancel_requested:
            await self._cancel(run)
            return
        if leased.input_waits:
            await run.take_inputs()
        refusal = self._refusal(leased)
        if refusal is not None:
            final = failed(run.task(0), refusal)
        else:
            final = await self._final(run)
        while active.stop is not _Stop.CANCEL:  # which an executor may have swallowed
            if await self._rest(run, active, final):
                return
            if await run.take_inputs() and refusal is None:
                final = await self._final(run)
        await self._cancel(run)

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
        except STORE_ERRORS:
            raise
        except (AgentNetError, A2AError) as error:
            logger.info("task %s failed: %s", run.lease.task_id, error)
            return failed(run.task(0), str(error))
        except Exception:  # the boundary of foreign code: whatever an executor raises, its task must come to rest
            logger.exception("task %s failed", run.lease.task_id)
            return failed(run.task(0), "The agent failed with an internal error; its log has the details.")
        return queue.final or status_update(run.task(0), COMPLETED)

    async def _rest(self, run: TaskRun, active: _Active, event: StreamResponse) -> bool:
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
        if message.role == ROLE_USER:
            return message
    return Message(role=ROLE_USER)
