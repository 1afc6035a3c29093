"""Code of others in our process: an executor's method, run so that whatever it does stays its own.

It runs in the task of whoever waits for it: a task for each call would be a twelfth of the price of a short one. What
would end the event loop, and all else that no `except Exception` sees, is made an error of the agent: asyncio lets
SystemExit and KeyboardInterrupt of a task out of the loop. Code that does not end when it is told to is left behind
with its task, and fenced off from its run, for which another task goes on. Not held are code that blocks the event
loop, `os._exit`, and signals that it sends to its own process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar, Token
from typing import Any

from agentnet.errors import AgentNetError
from agentnet.signals.alarms import Alarm, alarms_of
from agentnet.tasks.records import LostLeaseError

logger = logging.getLogger(__name__)

GRACE_SECONDS = 2.0
"""How long code may take to end that was told to."""
MAX_WORDS = 2000
"""Characters of what foreign code says of its failure."""

Work = Callable[[], Awaitable[object]]

_left_behind: set["asyncio.Task[None]"] = set()
_current: ContextVar["Apart | None"] = ContextVar("agentnet_foreign_code", default=None)


class ForeignCodeError(AgentNetError):
    """Foreign code ended as no code of an agent may; its words are for whoever sent the task."""


class OverTimeError(Exception):
    """Foreign code did not end in its time, and was told to end."""


class LeftBehindError(BaseException):
    """Foreign code that was left behind has ended after all: its task has nothing more to do, another went on."""


class CodeTask(asyncio.Task[None]):
    """A task that may run foreign code: each cancel of that time is known, and whether the code itself asked for it."""

    code: "Apart | None" = None
    """What it runs at the moment."""

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel it, unless code of its own that has ended asks for that: by a timer, say, that it left running."""
        asks = here()
        if asks is not None and asks.is_over and asks.task is self:
            return False
        if self.code is not None:
            self.code.note_cancel(asks)
        return super().cancel(msg)


class Apart:
    """One call of foreign code, by `task`. Once it is left behind, `left` is to have another task go on."""

    def __init__(
        self, work: Work, task: CodeTask, left: Callable[["Apart"], None], grace_seconds: float = GRACE_SECONDS
    ) -> None:
        self._work = work
        self.task = task
        self._left = left
        self._grace_seconds = grace_seconds
        self._loop = task.get_loop()
        self._alarms = alarms_of(self._loop)
        self._timer: Alarm | None = None
        """First of its time, then of its grace."""
        self._is_ending = False
        self._cancels = 0
        """How often its task was cancelled since then, by whomever."""
        self._by_others = False
        """Whether one of these came from outside, as when the loop ends."""
        self._is_over_time = False
        self.was_told = False
        """Whether it was told to end before its time was over."""
        self.is_over = False
        """Whether it has ended."""
        self.is_left_behind = False
        """Whether it still runs though it was told to end: nobody waits for it any more."""

    async def ended(self, seconds: float) -> None:
        """Have it work, in this task. Raises what it raised, as an `Exception` or `LostLeaseError`; `OverTimeError`.

        `CancelledError` when it was told to end and did. What ends well all the same has ended well.
        """
        while self.task.cancelling():  # what ended work of ours is not meant for the code
            self.task.uncancel()
        self.task.code = self
        self._timer = self._alarms.after(seconds, self._run_out)
        before = _current.set(self)
        try:
            await self._work()
        except BaseException as error:
            if isinstance(error, GeneratorExit) and not self._loop.is_running():
                raise  # the loop was closed, and this is how its tasks go
            await self._leave(before)
            meant = self._meaning_of(error)
            if meant is error:
                raise
            raise meant from error
        if await self._leave(before) and not self._is_ending:
            raise self._meaning_of(asyncio.CancelledError())  # it cancelled its own task, and returned

    def tell(self) -> None:
        """Have it end soon: nobody waits longer for it than its time of grace."""
        self.was_told = True
        self._end()

    def note_cancel(self, asks: "Apart | None") -> None:
        """Its task is about to be cancelled, by code of `asks` or by ours."""
        self._cancels += 1
        # Contexts tell: what code begins has its own, timers and tasks too.
        self._by_others = self._by_others or asks is not self

    def _run_out(self) -> None:
        self._is_over_time = True
        self._end()

    def _end(self) -> None:
        if not self._is_ending:
            self._is_ending = True
            self._set_timer(self._leave_behind)
        self.task.cancel()

    def _set_timer(self, then: Callable[[], None] | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._alarms.after(self._grace_seconds, then) if then else None

    async def _leave(self, before: "Token[Apart | None]") -> bool:
        """Behind its end; whether a cancel was on its way. Raises `LeftBehindError` where others do not wait for it.

        No cancel of its time may reach what comes behind it, and none may count there.
        """
        _current.reset(before)
        self.is_over = True
        self._set_timer(None)
        if self.is_left_behind:
            raise LeftBehindError
        late = False
        self._by_others = self._by_others and self.task.cancelling() > 0  # else somebody's limit that is over
        while self._cancels:
            self._cancels = 0
            while self.task.cancelling():
                self.task.uncancel()
            try:
                await asyncio.sleep(0)  # up to Python 3.12, to take one back does not keep it from coming
            except asyncio.CancelledError:
                late = True
        self._set_timer(None)  # it may have been told meanwhile
        self.task.code = None
        return late

    def _meaning_of(self, error: BaseException) -> BaseException:
        """What its end with `error` is to those who wait for it."""
        if self.was_told:
            return asyncio.CancelledError()
        if self._is_over_time:
            return OverTimeError()
        if isinstance(error, asyncio.CancelledError) and self._by_others:
            return error
        return tamed(error)

    def _leave_behind(self) -> None:
        self.is_left_behind = True
        self._timer = None
        _left_behind.add(self.task)
        self.task.add_done_callback(self._gone)
        self.task.cancel()  # once more: some code loses the first
        logger.error(
            "%s: its code did not end %.1f s after it was told to, and is left behind; so runs code of %d tasks here",
            self.task.get_name(),
            self._grace_seconds,
            len(_left_behind),
        )
        self._left(self)

    def _gone(self, task: "asyncio.Task[None]") -> None:
        _left_behind.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, or asyncio logs that nobody did
        logger.info("%s: its code, which was left behind, has ended", task.get_name())


def here() -> Apart | None:
    """The foreign code that called this, or began the task that did."""
    return _current.get()


def tamed(error: BaseException) -> BaseException:
    """`error` of foreign code as an `Exception`, or `LostLeaseError` where it is one or holds one."""
    if isinstance(error, Exception):
        return error
    if lost := _leaf(error, (LostLeaseError,)):  # perhaps in a group: it says nothing of the agent
        return lost
    if ends_process := _leaf(error, (SystemExit, KeyboardInterrupt)):
        return ForeignCodeError(f"The agent's code tried to end the process ({described(ends_process)}).")
    if isinstance(error, asyncio.CancelledError):
        return _cancelled_itself()
    return _unusual(type(error).__name__)


def described(error: BaseException) -> str:
    """Kind and words of an error of foreign code, cut."""
    return f"{type(error).__name__}: {words(error)}".removesuffix(": ")


def words(error: BaseException) -> str:
    """What an error of foreign code says, cut; its `__str__` is foreign code too."""
    try:
        said = str(error)
    except BaseException:  # noqa: BLE001 - whatever it raises, and SystemExit above all
        return "(no words)"
    return said if len(said) <= MAX_WORDS else f"{said[:MAX_WORDS]}… ({len(said)} characters)"


def _cancelled_itself() -> ForeignCodeError:
    return ForeignCodeError("The agent's code cancelled its own work; nobody had asked for that.")


def _unusual(kind: str) -> RuntimeError:
    return RuntimeError(f"The agent's code raised {kind}.")


def _leaf(error: BaseException, kinds: tuple[type[BaseException], ...]) -> BaseException | None:
    if isinstance(error, kinds):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((found for each in error.exceptions if (found := _leaf(each, kinds))), None)
    return None
