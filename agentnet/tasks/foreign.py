"""Code of others in our process: an executor's method, run apart, so that whatever it does stays its own.

It runs as a task of its own. What would end the event loop, and all else that no `except Exception` sees, is made an
error of the agent inside that task: asyncio lets SystemExit and KeyboardInterrupt of a task out of the loop. Code that
does not end when it is told to is left behind, and fenced off from its run. Not held are code that blocks the event
loop, `os._exit`, and signals that it sends to its own process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from agentnet.errors import AgentNetError
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


class Apart:
    """One call of foreign code, begun at once."""

    def __init__(self, work: Work, name: str, grace_seconds: float = GRACE_SECONDS) -> None:
        self.name = name
        self._loop = asyncio.get_running_loop()
        self._grace_seconds = grace_seconds
        self._told = False
        self._woken: asyncio.Future[None] = self._loop.create_future()
        self.is_left_behind = False
        """Whether it still runs though it was told to end: nobody waits for it any more."""
        self._task = self._loop.create_task(self._contained(work))
        self._task.add_done_callback(self._wake)

    async def ended(self, seconds: float) -> None:
        """Wait for its end. Raises what it raised, as an `Exception` or `LostLeaseError`; `OverTimeError`.

        Cancelled, or after `seconds`, it tells the code to end, and waits no longer than the time of grace. What ends
        well all the same has ended well.
        """
        timer = self._loop.call_later(seconds, self._wake)
        try:
            await self._woken
        except asyncio.CancelledError:
            if not await self._ends_when_told():
                raise
            return
        finally:
            timer.cancel()
        if not self._task.done():
            if not await self._ends_when_told():
                raise OverTimeError
        elif self._task.cancelled():  # it cancelled its own task, and returned
            raise _cancelled_itself()
        else:
            self._task.result()

    def _wake(self, _: object = None) -> None:
        if not self._woken.done():
            self._woken.set_result(None)

    async def _ends_when_told(self) -> bool:
        self._told = True
        self._task.cancel()
        try:
            await asyncio.wait([self._task], timeout=self._grace_seconds)
        finally:  # or cancelled meanwhile: then there is no more time
            if not self._task.done():
                self._leave_behind()
        if self.is_left_behind:
            return False
        return not self._task.cancelled() and self._task.exception() is None

    def _leave_behind(self) -> None:
        self.is_left_behind = True
        _left_behind.add(self._task)
        self._task.add_done_callback(self._is_over)
        self._task.cancel()  # once more: some code loses the first
        count = len(_left_behind)
        logger.error(
            "%s: its code did not end %.1f s after it was told to, and is left behind; so runs code of %d tasks here",
            self.name,
            self._grace_seconds,
            count,
        )

    def _is_over(self, task: "asyncio.Task[None]") -> None:
        _left_behind.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, or asyncio logs that nobody did
        logger.info("%s: its code, which was left behind, has ended", self.name)

    async def _contained(self, work: Work) -> None:
        _current.set(self)
        try:
            await work()
        except (Exception, LostLeaseError):
            raise
        except asyncio.CancelledError as error:
            if self._told:
                raise
            raise _cancelled_itself() from error
        except GeneratorExit as error:
            if not self._loop.is_running():  # the loop was closed, and this is how its tasks go
                raise
            raise _unusual(type(error).__name__) from error
        except BaseException as error:
            raise tamed(error) from error


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
