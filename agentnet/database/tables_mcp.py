# SQLModel declares `__tablename__` as a descriptor:
# pyright: reportAssignmentType=false
"""The tables of the MCP door: legacy sessions, their subscriptions and calls, answers and cancellations, profiles."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


def _moment() -> Any:
    return Column(DateTime(timezone=True), nullable=False, server_default=text("now()"))


class McpSession(SQLModel, table=True):
    """A session of a client that began with `initialize`; any replica serves it until it has been idle for too long."""

    __tablename__ = "mcp_sessions"
    __table_args__ = (
        Index("mcp_sessions_owner", "tenant", "subject", "seen_at"),
        Index("mcp_sessions_seen", "seen_at"),
    )

    id: str = Field(primary_key=True)
    tenant: str
    subject: str
    """Whose credential opened it: nobody else's finds it."""
    profile: str
    version: str
    """Protocol version that was agreed."""
    capabilities: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    client_info: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    upstreams: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'{}'")))
    """Sessions at upstream servers by name, opened when they are needed: `{"url", "id", "version"}`."""
    log_level: str | None = None
    created_at: datetime | None = Field(default=None, sa_column=_moment())
    seen_at: datetime | None = Field(default=None, sa_column=_moment())


class McpSubscription(SQLModel, table=True):
    """A resource that a session is subscribed to; it goes with the session."""

    __tablename__ = "mcp_subscriptions"

    session: str = Field(
        sa_column=Column(String, ForeignKey("mcp_sessions.id", ondelete="CASCADE"), primary_key=True, nullable=False)
    )
    uri: str = Field(primary_key=True)
    """As the client names it."""
    provider: str
    """The server whose resource it is, or the agents."""
    own: str
    """As the provider names it."""
    version: str
    """What the client knew of it when it subscribed; empty where nobody can tell."""


class McpAnswer(SQLModel, table=True):
    """A client's answer to a question of the gateway, for the replica that asked."""

    __tablename__ = "mcp_answers"
    __table_args__ = (Index("mcp_answers_at", "at"),)

    session: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    tenant: str
    body: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """The JSON-RPC response."""
    at: datetime | None = Field(default=None, sa_column=_moment())


class McpCancel(SQLModel, table=True):
    """A request of a session that its client cancelled, for the replica that serves it."""

    __tablename__ = "mcp_cancels"
    __table_args__ = (Index("mcp_cancels_session", "session"),)

    call: str = Field(primary_key=True)
    """The session's id and the request's."""
    session: str = Field(foreign_key="mcp_sessions.id", ondelete="CASCADE")
    at: datetime | None = Field(default=None, sa_column=_moment())


class McpCall(SQLModel, table=True):
    """A call that the gateway drives for a legacy client over several requests, which the client may come back to."""

    __tablename__ = "mcp_calls"
    __table_args__ = (Index("mcp_calls_session", "session"), Index("mcp_calls_alive", "alive_at"))

    id: str = Field(primary_key=True)
    session: str = Field(foreign_key="mcp_sessions.id", ondelete="CASCADE")
    owner: str
    """The process that drives it."""
    request: str
    """JSON: what another replica needs to go on with it."""
    waiting: str | None = None
    """JSON: what the server asked, while the client is to answer; then any replica can go on with it."""
    is_over: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    alive_at: datetime | None = Field(default=None, sa_column=_moment())
    """When its owner was last there."""


class McpCallEvent(SQLModel, table=True):
    """An event of the stream of such a call, to be sent again to a client that did not get it."""

    __tablename__ = "mcp_call_events"

    call: str = Field(primary_key=True, foreign_key="mcp_calls.id", ondelete="CASCADE")
    number: int = Field(primary_key=True)
    body: str
    """The JSON-RPC message. A text, for `jsonb` takes no NUL in strings."""


class McpProfile(SQLModel, table=True):
    """A profile of the MCP door, as an admin of the tenant stored it."""

    __tablename__ = "mcp_profiles"

    tenant: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    definition: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime | None = Field(default=None, sa_column=_moment())
