"""What a turn of a model waits for, told as a step of the run: people see why nothing happens."""

from dataclasses import replace

from agentnet.models.endpoints.notice import Notice
from agentnet.runs.scope import OpenStep, RunScope, shorten


class Waiting:
    """The waits of one turn, which share a step: it begins with the first word of them and ends with the answer's."""

    def __init__(self, scope: RunScope, key: str) -> None:
        self._scope = scope
        self._key = key
        self._step: OpenStep | None = None
        self.is_told = False
        """Whether the step has begun, and not ended."""

    async def say(self, notice: Notice) -> None:
        """Tell what the turn waits for now."""
        self._scope.run.waits_for = notice.text
        if self._step is None or not self.is_told:
            self._step = await self._scope.begin("model", f"{self._key}/wait", notice.model, notice.text)
            self.is_told = True
        else:
            await self._scope.say(replace(self._step.step, name=notice.model, summary=shorten(notice.text)))

    async def over(self, failure: Exception | None = None) -> None:
        """The model answers, or it never will."""
        if self._step is not None and self.is_told:
            self.is_told = False
            self._scope.run.waits_for = ""
            await self._step.end("" if failure is None else str(failure), ok=failure is None)
