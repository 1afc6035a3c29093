"""The task store: tasks, their log, their leases and their journal, in PostgreSQL.

One store serves all agents of a process, so that what they write at one moment goes out in one statement.
"""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from a2a.types.a2a_pb2 import Message, StreamResponse, Task

from agentnet.database import Database
from agentnet.database.commit import GroupCommit
from agentnet.database.retry import LONG_PAUSES, once, retried
from agentnet.errors import UnavailableError
from agentnet.tasks import sql
from agentnet.tasks.events import messages_of, moment_of, task_event
from agentnet.tasks.feeds import Feeds
from agentnet.tasks.log import LogEvent
from agentnet.tasks.projection import Projection
from agentnet.tasks.records import UNSEEN, Append, Heartbeat, Lease, LeasedTask, LostLeaseError, NewTask
from agentnet.tasks.wire import dumps

logger = logging.getLogger(__name__)

ALL_MESSAGES = 2**31 - 1
EVENTS_AT_ONCE = 200
"""Of each task of a list."""


class TaskStore:
    """`owner` names this process in leases; it must be new at every start."""

    def __init__(self, database: Database, owner: str, lease_seconds: float) -> None:
        self.pool = database.pool
        self.owner = owner
        self.lease_seconds = lease_seconds
        self.feeds = Feeds(self.events_after)
        self.pushed: Callable[[], None] = lambda: None
        """Called when something entered the outbox."""
        self._accepts = GroupCommit(self._flush_accepts)
        self._accepting = database.line()
        self._appends = GroupCommit(self._flush_appends)
        self._appending = database.line()

    async def accept(self, new: NewTask) -> UUID:
        """Store a task; answers its id, or that of the task which the same message began before."""
        if await self._accepts.submit(new):
            return new.id
        # Either another task has this message, or this one was stored by a try whose answer was lost: both are found.
        row = await retried(
            lambda: self.pool.fetchrow(sql.FIND_BY_MESSAGE, new.tenant, new.agent, new.principal, new.message_id)
        )
        if row is None:
            raise UnavailableError("The task was not stored; send the message again.")
        return UUID(str(row["id"]))

    async def append(self, write: Append) -> bool:
        """Write for a leased task. False: it may not rest yet, there is input that its owner has not seen.

        Raises `LostLeaseError` when the task has another owner.
        """
        taken = await self._appends.submit(write)
        if taken is None:
            logger.info("lost the lease of task %s", write.id)
            raise LostLeaseError
        return taken

    async def events_after(self, task_id: UUID, seq: int, limit: int) -> list[LogEvent]:
        """Stored events behind `seq`, oldest first."""
        rows = await retried(lambda: self.pool.fetch(sql.EVENTS_AFTER, task_id, seq, limit))
        return [LogEvent(row["seq"], row["epoch"], StreamResponse.FromString(row["body"])) for row in rows]

    async def read(self, task_id: UUID, tenant: str, agent: str, history_length: int | None) -> tuple[Task, int] | None:
        """A task with its latest messages and the number of its last event, or None. A resting task is one row."""
        limit = ALL_MESSAGES if history_length is None else history_length + 1  # the latest may be the status's own
        row = await retried(lambda: self.pool.fetchrow(sql.READ, task_id, tenant, agent, limit))
        if row is None:
            return None
        projection, seq = await self._project(task_id, row["snapshot"], row["snapshot_seq"], row["last_seq"])
        return _with_history(projection.snapshot(), row["messages"], history_length), seq

    async def read_rows(
        self, rows: Sequence[asyncpg.Record], tenant: str, agent: str, history_length: int, *, artifacts: bool
    ) -> list[Task]:
        """The tasks of a list's rows, in one or two statements however many they are."""
        grown = [row for row in rows if row["snapshot_seq"] != row["last_seq"]]
        events = await self._events_of(grown, artifacts) if grown else {}
        messages = await self._messages_of(rows, history_length) if history_length else {}
        tasks: list[Task] = []
        for row in rows:
            projection = Projection(Task.FromString(row["snapshot"]) if row["snapshot"] else None)
            stored = events.get(row["id"], ())
            if len(stored) == EVENTS_AT_ONCE:  # a long run amidst its work: it is read by itself
                found = await self.read(row["id"], tenant, agent, history_length)
                task = found[0] if found else None
            else:
                for body in stored:
                    projection.apply(_event(body))
                task = _with_history(projection.snapshot(), messages.get(row["id"], ()), history_length)
            if task is None or not task.id:  # swept by retention since the page was read
                continue
            if not artifacts:
                task.ClearField("artifacts")
            tasks.append(task)
        return tasks

    async def claim(self, agent: str, limit: int) -> list[Lease]:
        """Claim up to `limit` waiting tasks of `agent`."""
        # Not tried again: a claim whose answer was lost is claimed anew when its lease runs out.
        rows = await self.pool.fetch(sql.CLAIM, self.owner, self.lease_seconds, agent, limit)
        return [_lease(row) for row in rows]

    async def next_expiry(self, agent: str) -> float | None:
        """Seconds until the first lease of `agent`'s tasks runs out, here or elsewhere; None if none is held."""
        seconds: float | None = await self.pool.fetchval(sql.NEXT_EXPIRY, agent)
        return seconds

    async def claim_one(self, task_id: UUID, tenant: str, *, force: bool) -> Lease | None:
        """Claim an open task that nobody owns, or with `force` from whoever does."""
        row = await once(
            lambda: self.pool.fetchrow(sql.CLAIM_ONE, task_id, tenant, force, self.owner, self.lease_seconds)
        )
        return _lease(row) if row else None

    async def load(self, lease: Lease) -> LeasedTask:
        """Everything that is needed to run a task just claimed. Raises `LostLeaseError`."""
        row = await retried(lambda: self.pool.fetchrow(sql.LOAD, lease.task_id, lease.epoch))
        if row is None:
            raise LostLeaseError
        projection, seq = await self._project(lease.task_id, row["snapshot"], row["snapshot_seq"], row["last_seq"])
        bodies = await retried(lambda: self.pool.fetch(sql.HISTORY, lease.task_id, row["snapshot_seq"]))
        older = [message for item in bodies for message in messages_of(_event(item["body"]))]
        if row["snapshot"] and Task.FromString(row["snapshot"]).status.HasField("message"):
            older.pop()  # it is in the status, or has moved from there into the projection's history
        projection.history[:0] = older
        journal = await retried(lambda: self.pool.fetch(sql.JOURNAL, lease.task_id))
        return LeasedTask(
            lease=lease,
            tenant=row["tenant"],
            agent=row["agent"],
            context_id=row["context_id"],
            principal=row["principal"],
            parent_id=row["parent_id"],
            root_id=row["root_id"],
            chain=tuple(json.loads(row["chain"])),
            budget=json.loads(row["budget"]),
            definition=row["definition"],
            last_seq=seq,
            inputs=UNSEEN if row["input_waits"] else row["inputs"],
            cancel_requested=row["cancel_requested"],
            projection=projection,
            input_waits=row["input_waits"],
            journal={item["key"]: item["value"] for item in journal},
        )

    async def heartbeat(self, task_ids: list[UUID]) -> list[Heartbeat]:
        """Renew the leases; a task that is missing from the answer is lost."""
        rows = await retried(
            lambda: self.pool.fetch(sql.HEARTBEAT, self.owner, self.lease_seconds, task_ids), LONG_PAUSES
        )
        return [Heartbeat(row["id"], row["epoch"], row["cancel_requested"], row["renewed"]) for row in rows]

    async def holds(self, lease: Lease) -> bool:
        """Whether `lease` still holds; renews it."""
        return any(beat.epoch == lease.epoch for beat in await self.heartbeat([lease.task_id]))

    async def release(self, leases: list[Lease]) -> None:
        """Give leases back, so that another replica goes on at once."""
        await self.pool.fetch(
            sql.RELEASE, self.owner, [lease.task_id for lease in leases], [lease.epoch for lease in leases]
        )

    async def release_all(self, agent: str) -> int:
        """Give back every task of `agent` that this process still holds; how many there were."""
        return len(await self.pool.fetch(sql.RELEASE_ALL, self.owner, agent))

    async def resume(self, task_id: UUID, tenant: str, agent: str, message: Message, *, leased: bool) -> Lease | None:
        """Wake a task that waits for input with the user's message; None if it does not wait."""
        body = StreamResponse(message=message).SerializeToString()
        owner = self.owner if leased else None
        row = await once(
            lambda: self.pool.fetchrow(
                sql.RESUME, task_id, tenant, agent, body, datetime.now(UTC), owner, self.lease_seconds
            )
        )
        return Lease(task_id, row["epoch"], 1) if row else None

    async def add_input(self, task_id: UUID, tenant: str, agent: str, message: Message) -> Message | None:
        """Leave a message for a task that runs or waits its turn; None if it does neither.

        Answers the message that waits under its id: this one, or one that came before.
        """
        body = message.SerializeToString()
        row = await retried(lambda: self.pool.fetchrow(sql.ADD_INPUT, task_id, tenant, agent, body, message.message_id))
        if row is None:
            return None
        return Message.FromString(row["body"]) if row["body"] is not None else message

    async def leave(self, task_id: UUID, tenant: str, key: str, value: bytes) -> None:
        """Put an entry into the journal of a task that nobody runs, or another replica; the first of a key stays."""
        await retried(lambda: self.pool.execute(sql.LEAVE, task_id, key, tenant, value))

    async def inputs(self, task_id: UUID) -> tuple[int, list[Message]]:
        """How many inputs a task ever had, and those not forgotten yet, oldest first."""
        row = await retried(lambda: self.pool.fetchrow(sql.INPUTS, task_id))
        if row is None:
            raise LostLeaseError
        return row["inputs"], [Message.FromString(body) for body in row["bodies"]]

    async def drop_inputs(self, task_id: UUID, message_ids: list[str]) -> None:
        """Forget inputs that are in the log."""
        await retried(lambda: self.pool.execute(sql.DROP_INPUTS, task_id, message_ids))

    async def request_cancel(self, task_id: UUID, tenant: str) -> "asyncpg.Record | None":
        """Ask the owner to stop; answers state, agent and whether there is an owner, or None."""
        return await retried(lambda: self.pool.fetchrow(sql.REQUEST_CANCEL, task_id, tenant))

    async def open_descendants(self, task_id: UUID, tenant: str) -> list[UUID]:
        """Tasks below this one that have not ended, nearest first."""
        rows = await retried(lambda: self.pool.fetch(sql.OPEN_DESCENDANTS, task_id, tenant))
        return [row["id"] for row in rows]

    async def earlier_in_context(self, leased: LeasedTask, limit: int) -> list[UUID]:
        """Completed tasks of the same context that began before this one, latest first."""
        arguments = (leased.tenant, leased.agent, leased.context_id, leased.lease.task_id, limit)
        rows = await retried(lambda: self.pool.fetch(sql.EARLIER_IN_CONTEXT, *arguments), LONG_PAUSES)
        return [row["id"] for row in rows]

    async def queue_length(self, agent: str, limit: int) -> int:
        """How many tasks wait for a replica of `agent`, counted up to `limit`."""
        return int(await retried(lambda: self.pool.fetchval(sql.QUEUE_LENGTH, agent, limit)))

    async def _events_of(self, rows: Sequence[asyncpg.Record], artifacts: bool) -> dict[UUID, list[bytes]]:
        ids, seqs = [row["id"] for row in rows], [row["snapshot_seq"] for row in rows]
        found = await retried(lambda: self.pool.fetch(sql.EVENTS_OF, ids, seqs, artifacts, EVENTS_AT_ONCE))
        return {row["id"]: row["bodies"] for row in found}

    async def _messages_of(self, rows: Sequence[asyncpg.Record], history_length: int) -> dict[UUID, list[bytes]]:
        ids = [row["id"] for row in rows]
        found = await retried(lambda: self.pool.fetch(sql.MESSAGES_OF, ids, history_length + 1))
        return {row["id"]: row["bodies"] for row in found}

    async def _project(
        self, task_id: UUID, snapshot: bytes | None, snapshot_seq: int, last_seq: int
    ) -> tuple[Projection, int]:
        projection = Projection(Task.FromString(snapshot) if snapshot else None)
        seq = snapshot_seq
        while seq < last_seq:
            page = await self.events_after(task_id, seq, 1000)
            if not page:
                break
            for stored in page:
                projection.apply(stored.event)
                seq = stored.seq
        return projection, seq

    async def _flush_accepts(self, batch: list[NewTask]) -> list[bool]:
        with_push = any(new.push for new in batch)
        statements = sql.ACCEPT_PUSHED if with_push else sql.ACCEPT
        statement, values = statements.with_values([_row_of_new(new, with_push) for new in batch])
        rows = await retried(lambda: self._accepting.fetch(statement, self.owner, self.lease_seconds, *values))
        if with_push:
            self.pushed()
        if len(rows) == len(batch):
            return [True] * len(batch)
        made = {row["id"] for row in rows}
        return [new.id in made for new in batch]

    async def _flush_appends(self, batch: list[Append]) -> list[bool | None]:
        statement, values = sql.APPEND.with_values([_row_of_write(write) for write in batch])
        ids: list[str] = []
        seqs: list[str] = []
        kinds: list[str] = []
        bodies: list[bytes] = []
        for write in batch:
            ids += [str(write.id)] * len(write.events)
            for seq, (kind, body) in enumerate(write.events, write.base_seq + 1):
                seqs.append(str(seq))
                kinds.append(str(kind))
                bodies.append(body)
        entries = [(write.id, key, value) for write in batch for key, value in write.journal]
        rows = await retried(
            lambda: self._appending.fetch(
                statement,
                self.owner,
                self.lease_seconds,
                *(_literal(ids), _literal(seqs), _literal(kinds), bodies),
                *([entry[column] for entry in entries] for column in range(3)),
                *values,
            ),
            LONG_PAUSES,
        )
        if any(row["pushed"] for row in rows):
            self.pushed()
        if len(rows) == len(batch):  # of each task there is one write
            return [True] * len(batch)
        taken = {row["id"] for row in rows}
        refused = [write for write in batch if write.id not in taken]
        verdicts = await self._inspect(refused) if refused else {}
        return [write.id in taken or verdicts[write.id] for write in batch]

    async def _inspect(self, refused: list[Append]) -> dict[UUID, bool | None]:
        """Why writes were not taken: True: they were, by an earlier try; False: there is input; None: lease lost."""
        rows = await retried(lambda: self._appending.fetch(sql.INSPECT, [write.id for write in refused]), LONG_PAUSES)
        found = {row["id"]: row for row in rows}
        verdicts: dict[UUID, bool | None] = {}
        for write in refused:
            row = found.get(write.id)
            if row is None or row["epoch"] != write.epoch:  # another owner, whose events may have these numbers
                verdicts[write.id] = None
            elif row["last_seq"] == write.last_seq and (write.events or row["lease_owner"] is None):
                # Within an epoch there is one writer, and one write under way: nobody else can have made these events.
                verdicts[write.id] = True
            elif write.release and row["inputs"] != write.inputs and row["lease_owner"] == self.owner:
                verdicts[write.id] = False
            else:
                verdicts[write.id] = None
        return verdicts


def _literal(values: list[str]) -> str:
    """An array as PostgreSQL reads it from text, of values that need no quotes."""
    return "{" + ",".join(values) + "}"


def _row_of_new(new: NewTask, with_push: bool) -> tuple[object, ...]:
    row = (
        *(new.id, new.tenant, new.agent, new.context_id, new.principal, new.message_id, new.parent_id, new.root_id),
        *(dumps(new.chain).decode(), dumps(new.budget).decode()),  # as text: ACCEPT casts it, asyncpg would not
        *(new.definition, moment_of(new.task.status.timestamp), new.leased),
        task_event(new.task),
    )
    if not with_push:
        return row
    push = new.push
    return (*row, *((push.id, push.version, push.address, push.sealed) if push else (None,) * 4))


def _row_of_write(write: Append) -> tuple[object, ...]:
    return (
        *(write.id, write.epoch, write.base_seq, write.last_seq, write.state, write.status_at, write.snapshot),
        *(write.release, write.inputs, bool(write.journal)),
    )


def _lease(row: asyncpg.Record) -> Lease:
    return Lease(row["id"], row["epoch"], row["attempt"])


def _with_history(task: Task, newest_first: Sequence[bytes], history_length: int | None) -> Task:
    """`task` with so many of its messages; the one in its status is not history."""
    history = [message for body in reversed(newest_first) for message in messages_of(_event(body))]
    if task.status.HasField("message") and history and history[-1] == task.status.message:
        history.pop()
    if history_length is not None:
        history = history[-history_length:] if history_length else []
    task.history.extend(history)
    return task


def _event(body: bytes) -> StreamResponse:
    event: StreamResponse = StreamResponse.FromString(body)
    return event
