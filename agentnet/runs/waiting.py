"""What a turn of a model waits for, told as a step of the run: people see why nothing happens."""

import asyncio
import logging

from agentnet.models.endpoints.notice import Notice
from agentnet.runs.scope import OpenStep, RunScope

logger = logging.getLogger(__name__)


class Waiting:
    """The waits of one turn, which share a step: it begins with the first word of them and ends with the answer's."""

    def __init__(self, scope: RunScope, key: str) -> None:
        self._scope = scope
        self._key = key
        self._step: OpenStep | None = None
        self._saying: asyncio.Task[None] | None = None
        """What is said by a timer."""
        self.is_told = False
        """Whether the step has begun, and not ended."""

    async def say(self, notice: Notice) -> None:
        """Tell what the turn waits for now."""
        await self._settle()
        await self._tell(notice)

    def later(self, notice: Notice) -> None:
        """The same, told by a timer while the turn itself waits. A word that comes too soon is left out."""
        if self._saying is None or self._saying.done():
            self.is_told = True
            self._saying = asyncio.create_task(self._tell_alone(notice))

    async def over(self, failure: Exception | None = None) -> None:
        """The model answers, or it never will."""
        if not self.is_told:
            return
        await self._settle()
        self.is_told = False
        self._scope.run.waits_for = ""
        step, self._step = self._step, None
        if step is not None:
            await step.end("" if failure is None else str(failure), ok=failure is None)

    def drop(self) -> None:
        """The turn is over, whatever became of it: say nothing more."""
        if self._saying is not None:
            self._saying.cancel()

    async def _settle(self) -> None:
        if self._saying is not None:
            await asyncio.wait([self._saying])
            self._saying = None

    async def _tell_alone(self, notice: Notice) -> None:
        try:
            await self._tell(notice)
        except Exception:  # the run itself finds out why nothing more can be told, and ends
            logger.debug("what a turn waits for was not told", exc_info=True)

    async def _tell(self, notice: Notice) -> None:
        self._scope.run.waits_for = notice.text
        self.is_told = True
        if self._step is None:
            self._step = await self._scope.begin(
                "model", f"{self._key}/wait", notice.model, notice.text, seconds=notice.seconds
            )
        else:
            await self._step.goes_on(notice.model, notice.text)
