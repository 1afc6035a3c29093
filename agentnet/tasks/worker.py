"""The worker of one agent in one process: runs leased tasks, keeps their leases, takes over what others left.

A task runs where it was accepted if there is room, else wherever there is some. Leases are renewed together; a task
whose lease is lost is dropped at once. A graceful end gives all leases back first, so that others go on without delay.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from a2a.server.agent_execution import AgentExecutor

from agentnet.database.retry import DATABASE_AWAY
from agentnet.settings import MAX_FILE_BYTES
from agentnet.signals import Signal, Signals, Topic, Wakeup
from agentnet.tasks.events import CANCELED
from agentnet.tasks.execution import AWAY, CLOSE_SECONDS, Execution, Stop, Terms
from agentnet.tasks.foreign import GRACE_SECONDS
from agentnet.tasks.records import Lease, LeasedTask, LostLeaseError
from agentnet.tasks.run import TaskRun
from agentnet.tasks.store import TaskStore

logger = logging.getLogger(__name__)

HEARTBEATS_PER_LEASE = 3
# A lease that is asked for the very moment it runs out still holds by the database's clock.
EXPIRY_MARGIN_SECONDS = 0.02
"""How long after a lease ran out one looks for it."""
RETRY_SECONDS = 0.5


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
        grace_seconds: float = GRACE_SECONDS,
        max_file_bytes: int = MAX_FILE_BYTES,
    ) -> None:
        self._store = store
        self._signals = signals
        self._agent = agent
        self._terms = Terms(executor, timeout_seconds, repeatable, grace_seconds, max_file_bytes)
        self._concurrency = concurrency
        self._active: dict[UUID, Execution] = {}
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
            superseded.end(Stop.LOST)
        run = TaskRun(self._store, leased, self._tell)
        active = self._active[task_id] = Execution(run, self._terms, self._give_back, self._over)
        active.begin()
        if self._closing:
            active.end(Stop.SHUTDOWN)
        return run

    def run_of(self, task_id: UUID) -> TaskRun | None:
        """The run of a task that surely runs here: not one whose lease may have been lost unnoticed."""
        active = self._active.get(task_id)
        return active.run if active and active.run.is_current else None

    async def finished(self, task_id: UUID, seconds: float | None = None) -> None:
        """Wait until a task that runs here does so no more, for so long at most."""
        active = self._active.get(task_id)
        if active:
            await active.ended(seconds)

    async def cancel(self, task_id: UUID) -> bool:
        """Stop a task that runs here and bring it to rest as canceled; False if it does not run here or was done."""
        active = self._active.get(task_id)
        if active is None:
            return False
        active.end(Stop.CANCEL)
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
        while self._active:  # a claim or an accept that was under way may still bring one
            stopping = list(self._active.values())
            for active in stopping:
                active.end(Stop.SHUTDOWN)
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
            active.end(Stop.CANCEL)

    async def _forever(self, once: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await once()
            except Exception as error:  # nothing ends these loops: without them tasks would be lost or stuck
                away = isinstance(error, AWAY)
                logger.warning("%s: %s: %s", self._agent, type(error).__name__, error, exc_info=not away)
                await asyncio.sleep(RETRY_SECONDS)

    async def _keep_leases(self) -> None:
        await asyncio.sleep(self._store.lease_seconds / HEARTBEATS_PER_LEASE)
        mine = {task_id: active for task_id, active in self._active.items() if active.stop is not Stop.LOST}
        if not mine:
            return
        moment = asyncio.get_running_loop().time()  # before the question: the lease is no younger than the answer says
        kept = {beat.task_id: beat for beat in await self._store.heartbeat(list(mine))}
        for task_id, active in mine.items():
            beat = kept.get(task_id)
            if self._active.get(task_id) is not active:  # it ended while the database was asked
                continue
            if beat is None or beat.epoch != active.run.lease.epoch:
                active.end(Stop.LOST)
                continue
            if beat.renewed:
                active.run.confirm(moment)
            if beat.cancel_requested:
                active.end(Stop.CANCEL)

    async def _take_over(self) -> None:
        if self.room:
            leases = await self._store.claim(self._agent, self.room)
            for lease in leases:
                await self._adopt(lease)
            if leases:
                return
        # Replicas that were started together do not look together.
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

    def _over(self, active: Execution) -> None:
        """Forget an execution that has ended."""
        task_id = active.run.lease.task_id
        was_full = self.room == 0
        if self._active.get(task_id) is active:
            del self._active[task_id]
        self._tell(active.run.task_id)
        if was_full:
            self._look.wake()

    async def _give_back(self, lease: Lease) -> None:
        await self._store.release([lease])
        self._signals.publish(Signal(Topic.QUEUE, self._agent))
