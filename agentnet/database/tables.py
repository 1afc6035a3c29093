# SQLModel declares `__tablename__` as a descriptor:
# pyright: reportAssignmentType=false
"""Every table, declared once. Alembic's migrations create them; hot paths read them with plain SQL (tasks/sql.py).

Every row has a tenant, but for those of six tables. `registry_leases` go with the entries that name them.
`mcp_subscriptions`, `mcp_cancels` and `mcp_calls` belong to a row of `mcp_sessions` and `mcp_call_events` to one of
`mcp_calls`: they have its tenant and go with it, and a request comes to them only by way of its session, which is found
for its tenant and subject. The one row of `retention_turns` is the network's.

Task ids are UUIDv7, so `tasks`, `task_events` and `journal` can be partitioned by range of id, which is by time,
without changing a key.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Computed, DateTime, Index, Integer, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlmodel import Field, SQLModel

NOW = text("now()")


def _moment(nullable: bool = False, default: bool = True) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable, server_default=NOW if default else None)


class ApiKey(SQLModel, table=True):
    """A caller's key. Only its SHA-256 is stored; the secret part has 256 random bits."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("api_keys_list", "tenant", "created_at", "id"),)

    id: str = Field(primary_key=True)
    tenant: str
    name: str
    hash: bytes
    scopes: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime | None = Field(default=None, sa_column=_moment())
    expires_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True, default=False))
    revoked_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True, default=False))


class TaskRow(SQLModel, table=True):
    """A task: its state, its lease, who asked for it and the snapshot of its last rest."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("tasks_message", "tenant", "agent", "principal", "message_id", unique=True),
        Index("tasks_list", "tenant", "agent", "state", "status_at", "id"),
        Index("tasks_context", "tenant", "context_id", "agent", "state", "status_at", "id"),
        Index("tasks_root", "root_id", "parent_id", "id", postgresql_where=text("parent_id IS NOT NULL")),
        Index("tasks_open", "agent", "run_after", postgresql_where=text("state IN (1, 2)")),
    )

    id: UUID = Field(primary_key=True)
    tenant: str
    agent: str
    context_id: str
    principal: str
    """Who asked at the root: `key:<id>`."""
    message_id: str
    """The client's id of the message that began the task: a repeated one finds the same task."""
    parent_id: UUID | None = None
    root_id: UUID
    chain: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    """Who asked whom, outermost first: `["key:k1", "agent:concierge"]`."""
    budget: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """What is left for this task and all below it."""
    definition: str
    """Version of the agent's definition that the task runs under."""
    state: int = Field(sa_column=Column(SmallInteger, nullable=False))
    """A2A TaskState number."""
    status_at: datetime = Field(sa_column=_moment())
    created_at: datetime | None = Field(default=None, sa_column=_moment())
    last_seq: int = Field(sa_column=Column(Integer, nullable=False))
    snapshot: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """A2A Task (protobuf) as of `snapshot_seq`, without its history, which is in the events."""
    snapshot_seq: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    lease_owner: str | None = None
    lease_until: datetime | None = Field(default=None, sa_column=_moment(nullable=True, default=False))
    epoch: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    """Rises with every claim; a write under an older epoch is refused."""
    attempt: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    run_after: datetime = Field(sa_column=_moment())
    inputs: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    """Messages that reached the task while it ran; it may not rest before its owner has taken them all."""
    cancel_requested: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    push: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    """Ids of its push configs. Kept in this row, whose lock makes every event see exactly the configs of its moment."""


class TaskEvent(SQLModel, table=True):
    """One event of a task: an A2A StreamResponse (protobuf). Append-only; `seq` is dense from 1."""

    __tablename__ = "task_events"
    __table_args__ = (Index("task_history", "task_id", "seq", postgresql_where=text("kind IN (1, 2, 4)")),)

    task_id: UUID = Field(primary_key=True)
    seq: int = Field(sa_column=Column(Integer, primary_key=True))
    tenant: str
    kind: int = Field(sa_column=Column(SmallInteger, nullable=False))
    """What it is, so that history is read without parsing the rest: tasks/events.py names the kinds."""
    epoch: int = Field(sa_column=Column(Integer, nullable=False))
    """Under which claim of the task it was written."""
    body: bytes
    at: datetime | None = Field(default=None, sa_column=_moment())


class TaskInput(SQLModel, table=True):
    """A message that reached a running task; its owner takes it into the log at the next step."""

    __tablename__ = "task_inputs"

    task_id: UUID = Field(primary_key=True)
    message_id: str = Field(primary_key=True)
    tenant: str
    body: bytes
    at: datetime | None = Field(default=None, sa_column=_moment())


class JournalEntry(SQLModel, table=True):
    """The result of one finished step of a run: a model turn, a tool call, a delegation."""

    __tablename__ = "journal"

    task_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True)
    tenant: str
    value: bytes
    at: datetime | None = Field(default=None, sa_column=_moment())


class PushConfig(SQLModel, table=True):
    """Where a client wants to be told of a task's events (A2A 1.0 section 4.3), and how far that has come.

    Its deliveries go out one after the other, so what is claimed is the config and not a delivery.
    """

    __tablename__ = "push_configs"
    __table_args__ = (Index("push_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),)

    task_id: UUID = Field(primary_key=True)
    id: str = Field(primary_key=True)
    tenant: str
    config: bytes
    """A2A TaskPushNotificationConfig (protobuf), sealed: it holds a token and credentials."""
    version: str
    """Protocol version of the client that made it: what it gets is said in that version."""
    address: str
    """The URL without its query, to be shown to operators."""
    created_at: datetime | None = Field(default=None, sa_column=_moment())
    due_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True, default=False))
    """When its next delivery is to be tried; NULL while there is none."""
    lease_until: datetime | None = Field(default=None, sa_column=_moment(nullable=True, default=False))
    fence: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    """Rises with every claim; a result under an older fence is refused."""
    wakes: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    """Rises with every write of deliveries, so that none is overlooked when the last one known is done."""
    failures: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    """Failed tries since the last one that went well."""


class PushDelivery(SQLModel, table=True):
    """One event on its way to one config, written in the same statement as the event."""

    __tablename__ = "push_deliveries"
    __table_args__ = (
        Index("push_id", "id", unique=True),
        Index("push_pending", "task_id", "config_id", "seq", postgresql_where=text("state = 'pending'")),
        Index("push_list", "tenant", "state", "created_at"),
        Index("push_done", "state", "done_at", postgresql_where=text("done_at IS NOT NULL")),
    )

    task_id: UUID = Field(primary_key=True)
    config_id: str = Field(primary_key=True)
    seq: int = Field(sa_column=Column(Integer, primary_key=True))
    id: UUID = Field(sa_column_kwargs={"server_default": text("gen_random_uuid()")})
    """Names the delivery to the receiver (`jti`) and to operators."""
    tenant: str
    state: str = Field(default="pending", sa_column_kwargs={"server_default": "pending"})
    """`pending`, `delivered` or `dead`."""
    attempts: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    last_error: str | None = None
    created_at: datetime | None = Field(default=None, sa_column=_moment())
    done_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True, default=False))


class SigningKey(SQLModel, table=True):
    """A key that signs notifications; its public half is published until it retires."""

    __tablename__ = "signing_keys"

    kid: str = Field(primary_key=True)
    tenant: str
    private: bytes
    """PEM, sealed."""
    public: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """JWK."""
    created_at: datetime | None = Field(default=None, sa_column=_moment())
    retires_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True, default=False))


class StoredFile(SQLModel, table=True):
    """A file that a tenant sent or an agent made, found by the hash of its content."""

    __tablename__ = "files"

    tenant: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    name: str
    media_type: str
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    body: bytes
    created_at: datetime | None = Field(default=None, sa_column=_moment())


class FileUse(SQLModel, table=True):
    """That a task holds a file, which goes with the last of them."""

    __tablename__ = "file_uses"
    __table_args__ = (Index("file_uses_file", "tenant", "file_id"),)

    task_id: UUID = Field(primary_key=True)
    file_id: str = Field(primary_key=True)
    tenant: str


class RetentionRule(SQLModel, table=True):
    """How long a tenant keeps tasks that ended in a state; NULL is no limit, no row the network's default."""

    __tablename__ = "retention_rules"

    tenant: str = Field(primary_key=True)
    state: str = Field(primary_key=True)
    days: int | None = None
    count: int | None = None


class RetentionTurn(SQLModel, table=True):
    """When some process last began to sweep: one row, which is the network's and no tenant's."""

    __tablename__ = "retention_turns"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_column=_moment(default=False))


class RegistryEntry(SQLModel, table=True):
    """One instance of a registered agent or MCP server, offered until its lease runs out."""

    __tablename__ = "registry_entries"
    __table_args__ = (
        Index("registry_search", "search", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        Index("registry_lease", "lease", unique=True),
        Index("registry_names", "kind", "tenant", "name"),
        Index("registry_endings", "kind", "tenant", text("reverse(name)"), "name"),
    )

    kind: str = Field(primary_key=True)
    """`agent` or `mcp`."""
    name: str = Field(primary_key=True)
    instance: str = Field(primary_key=True)
    tenant: str
    url: str
    description: str
    skills: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    document: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """The Agent Card, or what the MCP server says of itself."""
    labels: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    """The stems of each skill id and tag."""
    search: Any = Field(default=None, sa_column=Column(TSVECTOR))
    """Stems of name (A), description (B) and other words, and the marks that registry/sql.py tells of."""
    lease: UUID
    """The digest of all that is registered, which names its lease."""
    registered_at: datetime | None = Field(default=None, sa_column=_moment())


class RegistryLease(SQLModel, table=True):
    """Until when an instance is offered. Narrow, and in no index but that of its key: a heartbeat stays on its page."""

    __tablename__ = "registry_leases"

    digest: UUID = Field(primary_key=True, foreign_key="registry_entries.lease", ondelete="CASCADE")
    seconds: float
    """How long a heartbeat is good for."""
    lease_until: datetime = Field(sa_column=_moment(default=False))


class RegistryKnown(SQLModel, table=True):
    """A name that was registered once, and whose it was: it stays when its instances leave."""

    __tablename__ = "registry_known"

    kind: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)


class KnowledgeDocument(SQLModel, table=True):
    """A document that was ingested, found again by its source and the hash of its text."""

    __tablename__ = "knowledge_documents"
    __table_args__ = (Index("knowledge_source", "tenant", "source", unique=True),)

    id: UUID = Field(primary_key=True)
    tenant: str
    source: str
    title: str
    hash: str
    text: str
    ingested_at: datetime | None = Field(default=None, sa_column=_moment())


class KnowledgePassage(SQLModel, table=True):
    """A passage of a document: what search ranks and an answer cites."""

    __tablename__ = "knowledge_passages"
    __table_args__ = (Index("knowledge_search", "search", postgresql_using="gin"),)

    document_id: UUID = Field(primary_key=True, foreign_key="knowledge_documents.id", ondelete="CASCADE")
    ordinal: int = Field(sa_column=Column(Integer, primary_key=True))
    tenant: str
    heading: str
    first_line: int = Field(sa_column=Column(Integer, nullable=False))
    text: str
    search: Any = Field(
        default=None,
        sa_column=Column(
            TSVECTOR,
            Computed("setweight(to_tsvector('english', heading), 'A') || to_tsvector('english', text)", persisted=True),
        ),
    )
