"""A run: a leased task in the hands of its owner. Everything that happens to a running task goes through here.

Events are shown to followers at once and stored in the background, in order, one write of a task at a time; streamed
text is coalesced before it is stored. What ends the run is stored before it is shown: a client that sees a task at rest
can rely on it.

A write of events that has begun is finished whatever becomes of the code that waits for it: a cancelled step must not
leave the run in doubt about where its log ends. The last one is awaited by the execution alone, which nothing
interrupts then.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import cached_property

from a2a.types.a2a_pb2 import Message, StreamResponse, Task, TaskState

from agentnet.errors import DatabaseAwayError
from agentnet.signals.alarms import Alarm, alarms_of
from agentnet.tasks.events import RESTING_STATES, ROLE_USER, kind_of, moment_of, state_of
from agentnet.tasks.feed import Changes
from agentnet.tasks.foreign import Apart, here
from agentnet.tasks.log import FeedItem
from agentnet.tasks.open_text import OpenText, is_text
from agentnet.tasks.position import WHOLE, Position
from agentnet.tasks.records import Append, Lease, LeasedTask, LostLeaseError
from agentnet.tasks.store import TaskStore

logger = logging.getLogger(__name__)

# A row for each token would be most of the log. Readers at other replicas see text so much later.
COALESCE_SECONDS = 0.025
COALESCE_CHARACTERS = 1024
TRUSTED_SHARE = 0.5
"""Share of a lease for which it is trusted without asking."""
GATHER_SECONDS = 0.004
"""Other events wait so long for company: a task that is done at once is stored in one write."""
BACKLOG_EVENTS = 512
"""Events that may wait to be stored; more make their writer wait."""


class TaskRun:
    """One run of `leased`. `notify` is told its id whenever something was stored, for signals to other processes."""

    def __init__(self, store: TaskStore, leased: LeasedTask, notify: Callable[[str], None]) -> None:
        self._store = store
        self._leased = leased
        self.task_id = leased.projection.task_id or str(leased.lease.task_id)
        self._notify = notify
        self._feed = store.feeds.open(leased.lease.task_id)
        self._generation = self._feed.attach(leased.last_seq)
        self._loop = asyncio.get_running_loop()
        self._confirmed = self._loop.time()
        """When the lease was last known to be held."""
        self._seq = leased.last_seq
        """Number of the last event that was shown, stored or not."""
        self._durable = leased.last_seq
        self._open: OpenText | None = None
        self._events: list[tuple[int, bytes]] = []
        self._steps: list[tuple[str, bytes]] = []
        """Journal entries that wait to be stored."""
        self._state: StreamResponse | None = None
        """The latest status among the events that wait."""
        self._writing: asyncio.Task[bool] | None = None
        self._queued = self._stored = 0
        """How many events and steps were ever given to be stored, and how many of them are."""
        self._progress = Changes()
        """Told when more is stored or nothing more will be."""
        self._is_resting = False
        """Whether the write that brings the task to rest is under way: what is emitted meanwhile waits for it."""
        self._timer: Alarm | None = None
        self._due_at = 0.0
        self._failure: BaseException | None = None
        self._ended = False
        self._rested: Task | None = None
        """The task as it rests, until somebody takes it."""
        self._circumstances_stored = False
        self._fenced_off: set[Apart] = set()
        self.waits_for = ""
        """What the agent waits for at the moment, in words; told when the task's time is over."""

    @property
    def lease(self) -> Lease:
        """The right under which this run writes."""
        return self._leased.lease

    @property
    def leased(self) -> LeasedTask:
        """The task as it was loaded, with its journal."""
        return self._leased

    @property
    def state(self) -> TaskState:
        """The state that the task is in."""
        return self._leased.projection.state

    def task(self, history_length: int | None = None) -> Task:
        """The task as of now, ahead of the log by what waits to be stored."""
        return self._leased.projection.task(history_length)

    def answer(self, history_length: int | None = None) -> Task:
        """As `task`, of a task that rests. It is the caller's alone, and for the first one no copy."""
        task, self._rested = self._rested, None
        if task is None:
            return self.task(history_length)
        task.history.extend(self._leased.projection.last(history_length))
        return task

    @cached_property
    def named(self) -> Task:
        """The task by its ids alone, which is what events of it need. Not to be changed."""
        return Task(id=self.task_id, context_id=self._leased.context_id)

    @property
    def is_new(self) -> bool:
        """Whether its user has said nothing but the message that began it."""
        return sum(message.role == ROLE_USER for message in self._leased.projection.history) <= 1

    def position(self) -> Position:
        """The place behind everything shown so far."""
        offset = self._open.length if self._open else WHOLE
        return Position(self._seq, self.lease.epoch, offset, self._durable)

    @property
    def is_current(self) -> bool:
        """Whether the lease is surely held: not so when this process or its database stood still for a while."""
        age = self._loop.time() - self._confirmed
        return self._failure is None and age < self._store.lease_seconds * TRUSTED_SHARE

    def confirm(self, moment: float) -> None:
        """The lease was held at `moment` of the loop's clock, and renewed."""
        self._confirmed = max(self._confirmed, moment)

    async def make_sure(self) -> None:
        """Before something with effects outside: raises `LostLeaseError` when another replica has the task by now."""
        self._check()
        if not self.is_current:
            moment = self._loop.time()
            try:
                held = await self._store.holds(self.lease)
            except DatabaseAwayError:  # not to know counts as lost: an effect outside cannot be taken back
                held = False
            if not held:
                self._failure = LostLeaseError()
                raise self._failure
            self.confirm(moment)

    async def emit(self, event: StreamResponse) -> None:
        """Show an event and let it be stored soon. Waits only when too much waits already. Raises `LostLeaseError`."""
        while self._is_resting:
            await self._progress.wait()
        self._check()
        self._leased.projection.apply(event)
        if self._open is not None and self._open.continues_with(event):
            self._grow(self._open, event)
        else:
            self._close_open()
            self._begin(event)
        if len(self._events) > BACKLOG_EVENTS:
            await self.flush()

    async def flush(self) -> None:
        """Wait until everything emitted is stored. Raises `LostLeaseError`."""
        self._close_open()
        target = self._queued
        while self._stored < target:  # not "nothing waits": others may emit for as long as this waits
            self._check()
            self._write_soon()
            await self._progress.wait()
        self._check()

    async def journal(self, key: str, value: bytes) -> None:
        """Store the result of a step together with all events before it. Raises `LostLeaseError`."""
        self.note(key, value, at_once=True)
        await self.flush()

    def note(self, key: str, value: bytes, *, at_once: bool = False) -> None:
        """Let the result of a step be stored soon, behind all that came before it. Raises `LostLeaseError`.

        For what may be done again: a turn of a model, a look at something. It waits for company as text does, unless
        the write is to begin `at_once`. Before something with effects outside one waits for all of it with `flush`; the
        task's rest need not, since it is stored behind this or with it.
        """
        self._check()
        self._leased.journal[key] = value
        self._steps.append((key, value))
        self._queued += 1
        self._close_open()
        if at_once:
            self._write_soon()
        else:
            self._write_later(COALESCE_SECONDS)

    async def rest(self, event: StreamResponse) -> bool:
        """Bring the task to rest with `event`, store its snapshot and give the lease back, all in one.

        False: there is input that this run has not taken; nothing was stored, and the run has to go on.
        Raises `LostLeaseError`.
        """
        self._close_open()
        while self._writing:
            await asyncio.shield(self._writing)
        self._check()
        self._is_resting = True
        if self._timer is not None:  # what waits goes along, or is flushed behind a refusal
            self._timer.cancel()
            self._timer = None
        rested = await self._guarded(self._write_rest(event))
        self._check_failure()
        return rested

    async def take_inputs(self) -> list[Message]:
        """Take messages that reached the task while it ran into its log, oldest first."""
        count, messages = await self._store.inputs(self.lease.task_id)
        known = {message.message_id for message in self._leased.projection.history}
        fresh = [message for message in messages if message.message_id not in known]
        for message in fresh:
            await self.emit(StreamResponse(message=message))
        await self.flush()  # only then are they forgotten: who dies in between leaves them, and their ids are known
        self._leased.inputs = count
        await self._store.drop_inputs(self.lease.task_id, [message.message_id for message in messages])
        return fresh

    def abandon(self) -> None:
        """End without a word: the lease is lost, or given back for others to go on."""
        if not self._ended:
            self._failure = self._failure or LostLeaseError()
            self._end()
            self._feed.reset(self._generation)

    def fence_off(self, code: Apart) -> None:
        """Take nothing more from `code`, nor from what it began: it is told that the lease is lost."""
        self._fenced_off.add(code)

    def _check_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _check(self) -> None:
        self._check_failure()
        if self._fenced_off and here() in self._fenced_off:
            raise LostLeaseError
        if self._ended:
            raise RuntimeError("The run has ended.")

    def _preview(self, event: StreamResponse) -> Task:
        """The snapshot as it will be behind the resting `event`."""
        task = self._leased.projection.snapshot()
        task.status.CopyFrom(event.status_update.status)
        return task

    def _begin(self, event: StreamResponse) -> None:
        self._seq += 1
        if is_text(event):
            self._open = OpenText(event)
            self._show(event, self._open.length)
            self._write_later(COALESCE_SECONDS)
        else:
            self._queue(event)
            if state_of(event) is not None:
                self._state = event
            self._show(event, WHOLE)
            self._write_later(GATHER_SECONDS)

    def _grow(self, text: OpenText, event: StreamResponse) -> None:
        begins, ends = text.length, event.artifact_update.last_chunk
        text.add(event)
        # The last piece may be empty: its place is the end of the event, not the place of the piece before it.
        self._show(event, WHOLE if ends else text.length, begins)
        if ends:
            self._close_open()
            self._write_later(GATHER_SECONDS)  # most often the task comes to rest in a moment, and it goes along
        elif text.length >= COALESCE_CHARACTERS:
            self._close_open()
            self._write_soon()

    def _close_open(self) -> None:
        if self._open is not None:
            closed = self._open.close()
            self._open = None
            self._queue(closed)

    def _queue(self, event: StreamResponse) -> None:
        self._events.append((kind_of(event), event.SerializeToString()))
        self._queued += 1

    def _show(self, event: StreamResponse, offset: int, begins: int = 0) -> None:
        position = Position(self._seq, self.lease.epoch, offset, self._durable)
        self._feed.publish(FeedItem(position, event, begins), self._generation)

    def _write_later(self, seconds: float) -> None:
        when = self._loop.time() + seconds
        if self._timer is not None:
            if self._due_at <= when:
                return
            self._timer.cancel()
        self._timer, self._due_at = alarms_of(self._loop).at(when, self._due), when

    def _due(self) -> None:
        self._timer = None
        self._close_open()
        self._write_soon()

    def _write_soon(self) -> None:
        waits = self._events or self._steps
        if waits and self._writing is None and not self._is_resting and self._failure is None and not self._ended:
            self._writing = self._loop.create_task(self._guarded(self._write()))

    async def _guarded(self, write: Coroutine[None, None, bool]) -> bool:
        """Any write: what it fails of ends the run, since nobody knows any more where its log ends."""
        try:
            return await write
        except LostLeaseError as error:
            self._failure = error
        except asyncio.CancelledError:  # from outside, as when the loop ends: nobody knows whether it was stored
            self._failure = LostLeaseError()
            raise
        except Exception:  # the boundary to the database: the lease runs out, and another attempt begins from the log
            logger.exception("task %s: not stored", self.lease.task_id)
            self._failure = LostLeaseError()
        finally:
            self._writing, self._is_resting = None, False
            self._progress.tell()  # behind that: who waits may begin the next write
        return False

    async def _write(self) -> bool:
        while (self._events or self._steps) and not self._ended:
            # Taken before the write begins: what is emitted while it is under way belongs to the next one.
            events, self._events = tuple(self._events), []
            steps, self._steps = tuple(self._steps), []
            status, self._state = self._state, None
            lease, state, moment = self.lease, _open_state(status), _moment(status)
            began = self._loop.time()
            entries = (*self._circumstances(), *steps)
            await self._store.append(Append(lease.task_id, lease.epoch, self._durable, events, entries, state, moment))
            self.confirm(began)  # not now: the database renewed it at some moment since then
            self._durable += len(events)
            self._stored += len(events) + len(steps)
            self._progress.tell()
            if events:
                self._notify(self.task_id)
        return True

    def _circumstances(self) -> tuple[tuple[str, bytes], ...]:
        """What another replica would miss, once: with what is written first. A task that is done at once needs none."""
        if self._circumstances_stored or (known := self._leased.circumstances) is None:
            return ()
        self._circumstances_stored = True
        return ((known.key, known.stored()),)

    async def _write_rest(self, event: StreamResponse) -> bool:
        final, events, steps = self._preview(event), tuple(self._events), tuple(self._steps)
        write = Append(
            self.lease.task_id,
            self.lease.epoch,
            self._durable,
            (*events, (kind_of(event), event.SerializeToString())),
            steps,
            state=final.status.state,
            status_at=moment_of(final.status.timestamp),
            snapshot=final.SerializeToString(),
            release=True,
            inputs=self._leased.inputs,
        )
        if not await self._store.append(write):
            return False  # all of it was refused: what waited waits on
        self._events, self._steps, self._stored = [], [], self._queued
        self._leased.projection.apply(event)
        self._rested = final
        self._seq += 1
        self._durable = self._seq
        self._show(event, WHOLE)
        self._end()
        self._feed.detach(self._generation)
        return True

    def _end(self) -> None:
        self._ended = True
        self._progress.tell()
        if self._timer is not None:
            self._timer.cancel()
        self._store.feeds.close(self.lease.task_id)


def _open_state(status: StreamResponse | None) -> int | None:
    """The state for the task's row. A state of rest is written by `rest` alone."""
    state = state_of(status) if status is not None else None
    return None if state is None or state in RESTING_STATES else int(state)


def _moment(status: StreamResponse | None) -> datetime | None:
    if status is None or status.WhichOneof("payload") != "status_update":
        return None
    return moment_of(status.status_update.status.timestamp)
