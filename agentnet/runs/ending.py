"""How a run ends before its agent has answered: given up by its model, or ended because it went round in circles."""

import asyncio
from dataclasses import dataclass
from typing import Never, Protocol


@dataclass(frozen=True, slots=True)
class Ending:
    """Why there is no answer, in words for whoever sent the task."""

    reason: str
    given_up: bool = False
    """Whether the model said so itself: then the task is rejected where nothing of it was done."""


class Ended(Protocol):
    """A run that may be ended."""

    agent: str
    working: int
    """Calls under way."""

    def stop(self, ending: Ending) -> None:
        """End it, once nothing is at work."""


async def end(run: Ended, ending: Ending) -> Never:
    """End the run from within a call, once the siblings of that call are done. Never returns."""
    run.working -= 1
    try:
        run.stop(ending)
        await asyncio.get_running_loop().create_future()  # the execution is ended from outside
    finally:
        run.working += 1
    raise AssertionError("unreachable")
