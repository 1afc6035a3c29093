"""An execution: a run in the hands of the agent's executor, until its task rests, is canceled, or goes elsewhere."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from enum import Enum

import asyncpg
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import Message, SendMessageRequest, StreamResponse
from a2a.utils.errors import A2AError

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import AgentNetError, DatabaseAwayError
from agentnet.settings import MAX_FILE_BYTES
from agentnet.tasks.events import CANCELED, COMPLETED, INTERRUPTED_STATES, ROLE_USER, WORKING, failed, status_update
from agentnet.tasks.feed import Changes
from agentnet.tasks.foreign import (
    GRACE_SECONDS,
    Apart,
    CodeTask,
    ForeignCodeError,
    LeftBehindError,
    OverTimeError,
    Work,
    described,
    words,
)
from agentnet.tasks.queue import RunQueue
from agentnet.tasks.records import Lease, LeasedTask, LostLeaseError
from agentnet.tasks.request import CONTEXT, Caller, restored
from agentnet.tasks.run import TaskRun
from agentnet.telemetry.logs import bind

logger = logging.getLogger(__name__)

RUN = "agentnet.run"
"""Key of the run in the state of the call context that an executor gets."""
MAX_ATTEMPTS = 5
CANCEL_SECONDS = 5.0
"""How long an executor's own `cancel` may take."""
CLOSE_SECONDS = 3.0
"""How long a stopping replica waits for the database to take its leases back."""
AWAY = (*DATABASE_AWAY, DatabaseAwayError)
STORE_ERRORS = (
    DatabaseAwayError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
)
"""What says in the middle of an execution that the database is away, and nothing about the agent."""

GiveBack = Callable[[Lease], Awaitable[None]]
"""Gives a lease back, so that another replica goes on at once."""


class Stop(Enum):
    """Why a run is ended from outside."""

    CANCEL = "canceled by request"
    LOST = "lease lost"
    SHUTDOWN = "replica stops"


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every execution of an agent."""

    executor: AgentExecutor
    timeout_seconds: float
    repeatable: bool
    grace_seconds: float = GRACE_SECONDS
    max_file_bytes: int = MAX_FILE_BYTES


class Execution:
    """One execution of `run`, begun with `begin`. `over` is told once nothing of it is left to do here."""

    def __init__(self, run: TaskRun, terms: Terms, give_back: GiveBack, over: Callable[["Execution"], None]) -> None:
        self.run = run
        self.running: CodeTask | None = None
        """The task that carries it out, another one after code that does not end was left behind."""
        self.stop: Stop | None = None
        self._terms = terms
        self._give_back = give_back
        self._loop = asyncio.get_running_loop()
        self._tell = over
        self._context: Context | None = None
        self._code: Apart | None = None
        """What the executor's code does at the moment."""
        self._begun = False
        self._resting = False
        """The write that brings the task to rest is under way: nothing interrupts it."""
        self._is_over = False
        self._over = Changes()

    def begin(self) -> None:
        """Carry it out, in the background."""
        self._go_on(self._execute)

    def end(self, why: Stop) -> None:
        """End the run. One that has not begun to run finds it when it does: cancelled now, it could not clean up."""
        if self.stop is None:
            self.stop = why
            if self._code is not None:
                self._code.tell()
            elif self._begun and not self._resting and self.running:
                self.running.cancel()

    async def ended(self, seconds: float | None = None) -> None:
        """Wait for its end, for so long at most."""
        if not self._is_over:
            await self._over.wait(seconds)

    async def carry_out(self, work: Work) -> None:
        """Bring the task to rest, or leave it to others, by `work`."""
        run, leased = self.run, self.run.leased
        # What is begun in here inherits it: tools, writes and timers of the run log with these ids too.
        ids = {"task_id": run.task_id, "context_id": leased.context_id, "tenant": leased.tenant, "agent": leased.agent}
        try:
            with bind(**ids):
                self._context = copy_context()
                self._begun = True
                await self._bounded(work)
        except LeftBehindError:
            return  # another task goes on in the place of this one
        except BaseException:
            self._finish()
            raise
        self._finish()

    def _go_on(self, work: Work) -> None:
        self._begun = False
        self.running = CodeTask(
            self.carry_out(work), loop=self._loop, name=f"task {self.run.task_id}", context=self._context
        )

    def _finish(self) -> None:
        self._is_over = True
        try:
            self._tell(self)
        finally:
            self._over.tell()

    async def _bounded(self, work: Work) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            await self._stopped()
        except LostLeaseError:
            self.run.abandon()
        except Exception as error:  # noqa: BLE001 - the lease runs out, and another attempt begins from the log
            self._give_up(error)

    async def _stopped(self) -> None:
        try:
            match self.stop:
                case Stop.CANCEL:
                    await self._cancel()
                case Stop.SHUTDOWN:
                    async with asyncio.timeout(CLOSE_SECONDS):
                        await self.run.flush()
                        await self._give_back(self.run.lease)
                    self.run.abandon()
                case _:
                    self.run.abandon()
        except LostLeaseError:
            self.run.abandon()
        except Exception as error:  # noqa: BLE001 - as above
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        logger.warning("task %s: given up here: %s", self.run.task_id, error, exc_info=not isinstance(error, AWAY))
        self.run.abandon()

    async def _execute(self) -> None:
        run, leased = self.run, self.run.leased
        if self.stop is not None:
            await self._stopped()
            return
        if leased.cancel_requested:
            await self._cancel()
            return
        if leased.input_waits:
            await run.take_inputs()
        refusal = self._refusal(leased)
        await self._settle(failed(run.named, refusal) if refusal is not None else await self._final(), refusal)

    async def _settle(self, final: StreamResponse, refusal: str | None = None) -> None:
        """Bring the task to rest with `final`, or with that of a further execution where messages came meanwhile."""
        while self.stop is not Stop.CANCEL:  # which an executor may have swallowed
            if await self._rest(final):
                return
            if final.status_update.status.state in INTERRUPTED_STATES:
                # What was said before a question was asked is no answer to it: a call would be approved unseen.
                await self.run.take_inputs()
                continue
            await self._keep(final)
            if await self.run.take_inputs() and refusal is None:
                final = await self._final()
        await self._cancel()

    def _refusal(self, leased: LeasedTask) -> str | None:
        if leased.lease.attempt > MAX_ATTEMPTS:
            return f"Given up: {MAX_ATTEMPTS} replicas began this task and none of them lived to finish it."
        if leased.lease.attempt > 1 and not self._terms.repeatable:
            return (
                "A replica died in the middle of this task, and this agent does not say that its work may be repeated."
            )
        return None

    async def _final(self) -> StreamResponse:
        """Execute once; the event that brings the task to rest."""
        run, seconds = self.run, self._terms.timeout_seconds
        queue, context = RunQueue(run, self._terms.max_file_bytes), request_context(run)
        try:
            await self._apart(
                lambda: self._terms.executor.execute(context, queue), seconds, lambda: self._settle(self._overdue())
            )
        except OverTimeError:
            return self._overdue()
        except TimeoutError:  # one of the executor's own waits, which is an error like any other
            logger.exception("task %s failed", run.task_id)
            return failed(run.named, "The agent failed: something that it waited for took too long.")
        except STORE_ERRORS:  # the agent did nothing wrong: the task is left to its next attempt, not failed
            raise
        except (AgentNetError, A2AError) as error:
            reason = words(error)
            exits = isinstance(error, ForeignCodeError)
            logger.log(
                logging.ERROR if exits else logging.INFO, "task %s failed: %s", run.task_id, reason, exc_info=exits
            )
            return failed(run.named, reason)
        except Exception:  # the boundary of foreign code: whatever an executor raises, its task must come to rest
            logger.exception("task %s failed", run.task_id)
            return failed(run.named, "The agent failed with an internal error; its log has the details.")
        return queue.final or status_update(run.named, COMPLETED)

    async def _apart(self, work: Work, seconds: float, then: Work) -> None:
        """Have the executor's code do `work`. Raises as `Apart.ended`; code that does not end can emit no more.

        Where it took too long and does not end, another task goes on with `then`.
        """
        assert self.running

        def leave(code: Apart) -> None:
            self.run.fence_off(code)
            self._code = None
            self._go_on(self._stopped if code.was_told else then)

        self._code = code = Apart(work, self.running, leave, self._terms.grace_seconds)
        try:
            await code.ended(seconds)
        finally:
            if self._code is code:
                self._code = None

    def _overdue(self) -> StreamResponse:
        waits_for = self.run.waits_for
        told = f"The task took longer than its limit of {self._terms.timeout_seconds:g} s"
        return failed(self.run.named, f"{told}; its last word: {waits_for}." if waits_for else f"{told}.")

    async def _rest(self, event: StreamResponse) -> bool:
        self._resting = True
        try:
            rested = await self.run.rest(event)
        finally:
            self._resting = False
        if self.stop is not None and not rested:  # `end` left the write alone; now it holds
            raise asyncio.CancelledError
        return rested

    async def _keep(self, final: StreamResponse) -> None:
        """What the agent said at the end of an execution that is followed by another is not lost."""
        status = final.status_update.status
        if status.HasField("message"):
            said = Message()
            said.CopyFrom(status.message)
            said.task_id = self.run.task_id
            await self.run.emit(status_update(self.run.named, WORKING, said))

    async def _cancel(self) -> None:
        run = self.run
        queue, context = RunQueue(run, self._terms.max_file_bytes), request_context(run, of_cancel=True)

        async def rest() -> None:
            await self._rest_canceled(queue.final)

        try:
            await self._apart(lambda: self._terms.executor.cancel(context, queue), CANCEL_SECONDS, rest)
        except Exception as error:  # noqa: BLE001 - the task is canceled whatever its executor says
            logger.info("task %s: cancel of the executor: %s", run.task_id, described(error))
        await rest()

    async def _rest_canceled(self, event: StreamResponse | None) -> None:
        run = self.run
        if event is None or event.status_update.status.state != CANCELED:
            event = status_update(run.named, CANCELED)
        while not await run.rest(event):  # nothing that a client was told is taken may be missing from the history
            await run.take_inputs()


def request_context(run: TaskRun, *, of_cancel: bool = False) -> RequestContext:
    """What an executor gets to see, as under a2a-sdk: a task that is new is not there yet, and its message is."""
    leased = run.leased
    message = latest_user_message(leased.projection.history)
    known = leased.circumstances
    if known is None or known.message_id != message.message_id:
        stored = leased.journal.get(CONTEXT + message.message_id)
        known = restored(message.message_id, stored, leased.principal)
    call_context = ServerCallContext(
        user=Caller(known.user),
        state={RUN: run, "headers": dict(known.headers)},
        tenant=leased.tenant,
        requested_extensions=set(known.extensions),
    )
    request = SendMessageRequest(message=message)
    if known.request.HasField("configuration"):  # most often there is neither: to copy nothing takes a copy's time
        request.configuration.CopyFrom(known.request.configuration)
    if known.request.HasField("metadata"):
        request.metadata.CopyFrom(known.request.metadata)
    return RequestContext(
        call_context,
        request=request,
        task_id=run.task_id,
        context_id=leased.context_id,
        task=run.task() if of_cancel or not run.is_new else None,
    )


def latest_user_message(history: Sequence[Message]) -> Message:
    """The last message of the user's; an empty one if there is none."""
    for message in reversed(history):
        if message.role == ROLE_USER:
            return message
    return Message(role=ROLE_USER)
