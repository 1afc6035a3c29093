"""How long a turn may take: in all, and where nobody below sees to it, in silence; and when a word is due meanwhile."""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Any

from agentnet.models.endpoints.failure import Kind, ModelError

SAY_AT_SECONDS = (10.0, 30.0, 60.0)
"""When it is said that nothing came yet; then once for each `SAY_EVERY_SECONDS`."""
SAY_EVERY_SECONDS = 60.0


class Deadline:
    """A turn's time. It runs from `begin` to `rest`, which may come again: what is between does not count.

    One timer for a turn and not one for each event: a model writes 100 words a second. `tell` is called with the
    seconds since `begin` when a word is due, and answers whether it was one: after the first that was not, none is.
    """

    def __init__(self, total: float, silence: float | None = None, tell: Callable[[float], bool] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._total = total
        self._silence = silence
        self._left = total
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Task[Any] | None = None
        """The task that waits for an event just now."""
        self._heard = 0.0
        self._tell = tell
        self._began = 0.0
        self._tell_at = inf
        self._over: ModelError | None = None

    @property
    def left(self) -> float:
        """Seconds of the total."""
        return self._left if self._timer is None else self._until - self._loop.time()

    def begin(self) -> None:
        """Let it run."""
        self._heard = self._began = self._loop.time()
        self._until = self._heard + max(self._left, 0.0)
        self._tell_at = inf if self._tell is None else self._began + SAY_AT_SECONDS[0]
        self._over = None
        self._set()

    def rest(self) -> None:
        """Stop it."""
        if self._timer is not None:
            self._left = self._until - self._loop.time()
            self._timer.cancel()
            self._timer = None

    def spend(self, seconds: float) -> None:
        """Count a wait that is part of the turn."""
        self._left -= seconds

    async def next(self, events: Any) -> Any:
        """The next of `events`, None at their end. Raises `ModelError` when the time is over."""
        if self._over is not None:
            raise self._over
        task = asyncio.current_task()
        asked = task.cancelling() if task is not None else 0
        self._waiting = task
        if self._silence is not None:
            self._heard = self._loop.time()
        try:
            event = await anext(events, None)
        except BaseException:  # whatever our cancel was made into on its way
            is_ours = self._over is not None and task is not None and task.cancelling() > asked
            if is_ours and task is not None and task.uncancel() <= asked:
                raise self._over from None  # type: ignore[misc]
            raise
        finally:
            self._waiting = None
        if self._silence is not None:
            self._heard = self._loop.time()
        return event

    def _set(self) -> None:
        quiet_until = self._until if self._silence is None else self._heard + self._silence
        self._timer = self._loop.call_at(min(self._until, quiet_until, self._tell_at), self._look)

    def _look(self) -> None:
        now = self._loop.time()
        if now >= self._until:
            self._strike(too_long(self._total))
        elif self._silence is not None and now >= self._heard + self._silence and self._waiting is not None:
            self._strike(silent(self._silence))
        else:
            if self._waiting is None:  # somebody thinks about the last event, which is no silence of the model's
                self._heard = now
            if now >= self._tell_at:
                self._say(now - self._began)
            self._set()

    def _say(self, seconds: float) -> None:
        said = self._tell is not None and self._tell(seconds)
        following = next((each for each in SAY_AT_SECONDS if each > seconds), seconds + SAY_EVERY_SECONDS)
        self._tell_at = self._began + following if said else inf

    def _strike(self, error: ModelError) -> None:
        self._over = error
        if self._waiting is not None:
            self._waiting.cancel()


def silent(seconds: float) -> ModelError:
    """Nothing came for so long."""
    return ModelError(
        Kind.SILENT,
        f"The model said nothing for {seconds:g} s, the longest silence that is waited for.",
        hint="A server that reads long prompts slowly needs more: raise AGENTNET_MODEL_TIMEOUT_SECONDS.",
    )


def too_long(seconds: float) -> ModelError:
    """It did not end in its time."""
    return ModelError(Kind.TOO_LONG, f"The model did not finish its turn within {seconds:g} s.")
