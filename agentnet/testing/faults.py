"""What befalls a process, done to parts that run: leases that nobody renews, a kill, a connection that broke.

The one place that reaches into these parts for tests; it is not part of what `agentnet.testing` promises to others.
"""

import asyncio
from typing import Any

from agentnet.push.service import Push
from agentnet.runs.toolservers import ToolServers
from agentnet.tasks.run import TaskRun
from agentnet.tasks.worker import Worker


def renew_no_lease(worker: Worker) -> None:
    """Let the leases of `worker` run out while all else goes on, as those of a process that stood still."""
    worker._loops[0].cancel()


def stand_still(worker: Worker) -> None:
    """Renew no lease and take nothing over any more. What runs goes on."""
    for loop in worker._loops:
        loop.cancel()


def kill(worker: Worker) -> None:
    """What kill -9 does, as far as others can see: nothing is renewed, released or written any more."""
    stand_still(worker)
    for active in worker._active.values():
        active.run._failure = RuntimeError("dead")
        if active.running:
            active.running.cancel()
    worker._closing = True


def outlast_trust(run: TaskRun) -> None:
    """Let so much time pass for `run` alone that it trusts its lease no more."""
    run._confirmed -= run._store.lease_seconds


async def kill_deliverer(push: Push) -> None:
    """What kill -9 does, as far as others can see: nothing is sent, recorded or given back any more."""

    async def nothing(*_: Any, **__: Any) -> None:
        pass

    deliverer = push._deliverer
    deliverer._outbox.release = nothing  # type: ignore[method-assign]
    killed = [*deliverer._serving, *([deliverer._loop] if deliverer._loop else [])]
    for task in killed:
        task.cancel()
    await asyncio.gather(*killed, return_exceptions=True)


async def break_connections(servers: ToolServers) -> None:
    """Break the connections to MCP servers; they are still kept for the next call."""
    await asyncio.gather(*(connection.close() for connection in servers._connections._connections.values()))
