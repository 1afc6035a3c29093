"""What passes between the task store and those who run tasks: leases, new tasks, writes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from a2a.types.a2a_pb2 import Task

from agentnet.tasks.projection import Projection
from agentnet.tasks.push_config import StoredConfig
from agentnet.tasks.request import Circumstances

UNSEEN = -1
"""Seen inputs of an owner that has to look first: it may not rest before."""


class LostLeaseError(BaseException):
    """Another replica owns the task now; this one must stop at once, without a word to anybody.

    Not an `Exception`, so that no executor, tool or SDK takes it for a failure that it may handle.
    """


@dataclass(slots=True)  # not frozen, as all that each message makes: that takes ten times as long
class NewTask:
    """A task to be stored with its first event; nobody changes one."""

    id: UUID
    tenant: str
    agent: str
    context_id: str
    principal: str
    message_id: str
    parent_id: UUID | None
    root_id: UUID
    chain: tuple[str, ...]
    budget: dict[str, Any]
    definition: str
    task: Task
    leased: bool
    """Whether it is to run in this process at once."""
    circumstances: Circumstances | None = None
    """What its message came with, where the executor wants to know."""
    push: StoredConfig | None = None
    """Where the client wants to be told of its events."""
    opens_context: bool = False
    """Whether its context was made for it, so that no other task has been in it before."""


@dataclass(slots=True)
class Append:
    """What one task wants written: dense events behind `base_seq`, journal entries, and perhaps its rest."""

    id: UUID
    epoch: int
    base_seq: int
    events: tuple[tuple[int, bytes], ...] = ()
    """(kind, StreamResponse) each."""
    journal: tuple[tuple[str, bytes], ...] = ()
    state: int | None = None
    status_at: datetime | None = None
    snapshot: bytes | None = None
    release: bool = False
    inputs: int = 0
    """Inputs that the owner has seen; matters with `release`."""

    @property
    def last_seq(self) -> int:
        """The last event's number."""
        return self.base_seq + len(self.events)


@dataclass(slots=True, unsafe_hash=True)
class Lease:
    """The right to run a task."""

    task_id: UUID
    epoch: int
    attempt: int


@dataclass(slots=True)
class LeasedTask:
    """A task as its new owner finds it."""

    lease: Lease
    tenant: str
    agent: str
    context_id: str
    principal: str
    parent_id: UUID | None
    root_id: UUID
    chain: tuple[str, ...]
    budget: dict[str, Any]
    definition: str
    last_seq: int
    inputs: int
    cancel_requested: bool
    projection: Projection
    input_waits: bool = False
    """Whether messages reached the task that no owner has taken into its log."""
    journal: dict[str, bytes] = field(default_factory=dict[str, bytes])
    circumstances: Circumstances | None = None
    """Of the message that the run begins with, if it reached this process and is not in the journal yet."""
    opens_context: bool = False
    """As in `NewTask`; False where it is not known."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a renewed lease learns of its task."""

    task_id: UUID
    epoch: int
    cancel_requested: bool
    renewed: bool


def fresh(new: NewTask) -> LeasedTask:
    """A task just accepted, as `TaskStore.load` would find it."""
    return LeasedTask(
        lease=Lease(new.id, 1, 1),
        tenant=new.tenant,
        agent=new.agent,
        context_id=new.context_id,
        principal=new.principal,
        parent_id=new.parent_id,
        root_id=new.root_id,
        chain=new.chain,
        budget=new.budget,
        definition=new.definition,
        last_seq=1,
        inputs=0,
        cancel_requested=False,
        projection=Projection(new.task),
        circumstances=new.circumstances,
        opens_context=new.opens_context,
    )
