"""How a run ends before its agent has answered: given up by its model, or ended because it went round in circles."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Never

if TYPE_CHECKING:
    from agentnet.runs.scope import RunScope


@dataclass(frozen=True, slots=True)
class Ending:
    """Why there is no answer, in words for whoever sent the task."""

    reason: str
    given_up: bool = False
    """Whether the model said so itself: then the task is rejected where nothing of it was done."""


async def end(scope: "RunScope", ending: Ending) -> Never:
    """End the run, once the siblings of the call that ends it are done. Never returns."""
    scope.working -= 1
    try:
        scope.stop(ending)
        await asyncio.get_running_loop().create_future()  # the execution is ended from outside
    finally:
        scope.working += 1
    raise AssertionError("unreachable")
