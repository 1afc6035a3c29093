"""Cancel: a task and all below it come to rest as canceled, wherever they run, within a second."""

import asyncio
from contextlib import suppress
from uuid import UUID

from agentnet.signals import Signal, Signals, Topic
from agentnet.tasks.events import CANCELED, TERMINAL_STATES, status_update
from agentnet.tasks.position import Position
from agentnet.tasks.records import Lease, LostLeaseError
from agentnet.tasks.run import TaskRun
from agentnet.tasks.store import TaskStore
from agentnet.tasks.worker import Worker

GRACE_SECONDS = 0.7
"""How long the owner of a task elsewhere has to cancel it before it is taken away."""


class Canceling:
    """Cancels tasks of any agent: what runs in this process through `worker`, all others through the store."""

    def __init__(self, store: TaskStore, worker: Worker, signals: Signals) -> None:
        self._store = store
        self._worker = worker
        self._signals = signals

    async def cancel_tree(self, task_id: UUID, tenant: str) -> bool:
        """Cancel a task and what it delegated; False if it has ended already."""
        below = await self._store.open_descendants(task_id, tenant)
        if not await self._cancel(task_id, tenant):
            return False
        await asyncio.gather(*(self._cancel(child, tenant) for child in below))
        return True

    async def _cancel(self, task_id: UUID, tenant: str) -> bool:
        if await self._worker.cancel(task_id):
            return True
        row = await self._store.request_cancel(task_id, tenant)
        if row is None or row["state"] in TERMINAL_STATES:
            return False
        if row["leased"]:
            # Its owner first: only there can the executor's own `cancel` be called.
            self._signals.publish(Signal(Topic.CONTROL, str(task_id)))
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE_SECONDS):
                    await self._store.feeds.reached(task_id, Position(0), TERMINAL_STATES)
        lease = await self._store.claim_one(task_id, tenant, force=True)
        if lease is not None:
            await self._end(lease)
        return True

    async def _end(self, lease: Lease) -> None:
        with suppress(LostLeaseError):
            run = TaskRun(self._store, await self._store.load(lease), lambda _: None)
            while not await run.rest(status_update(run.named, CANCELED)):
                await run.take_inputs()
            self._signals.publish(Signal(Topic.TASK, str(lease.task_id)))
