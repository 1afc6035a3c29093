"""What goes wrong: replicas killed and paused, PostgreSQL restarted, Redis killed, one fault after another."""

import asyncio
import itertools
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.processes import Network, Process

FAULTS = ("kill", "pause", "postgres fast", "kill", "redis", "postgres immediate", "pause")
CALM_SECONDS = (1.0, 2.5)
"""Between two faults."""


@dataclass(slots=True)
class Faults:
    """Brings faults over a network until it is told to stop. `times` are their moments, as Unix time."""

    network: Network
    lease_seconds: float
    rng: random.Random
    done: Counter[str] = field(default_factory=Counter[str])
    times: list[float] = field(default_factory=list[float])

    async def run(self, stop: asyncio.Event) -> None:
        """Every kind in turn, at replicas drawn by lot; at least each kind once."""
        for number, kind in enumerate(itertools.cycle(FAULTS)):
            if stop.is_set() and number >= len(FAULTS):
                self.network.revive()
                return
            await asyncio.sleep(self.rng.uniform(*CALM_SECONDS))
            self.network.revive()
            self.times.append(time.time())
            self.done[kind] += 1
            match kind:
                case "kill":
                    await self._kill(self.rng.choice(self.network.agents))
                case "pause":
                    await self._pause(self.rng.choice(self.network.agents))
                case "redis":
                    await self._kill(self.network.redis)
                case _:
                    await asyncio.to_thread(self.network.postgres.restart, kind.split()[1])

    async def _kill(self, process: Process) -> None:
        await asyncio.to_thread(process.kill)
        await asyncio.sleep(self.rng.uniform(0.2, 1.5))
        process.start()

    async def _pause(self, process: Process) -> None:
        """Stand still for longer than a lease, then go on as if nothing had been."""
        process.send(signal.SIGSTOP)
        await asyncio.sleep(self.lease_seconds * self.rng.uniform(1.2, 2.0))
        process.send(signal.SIGCONT)
