# SQLModel declares `__tablename__` as a descriptor:
# pyright: reportAssignmentType=false
"""The table of upstream MCP servers; see `agentnet.upstreams`."""

from datetime import datetime

from sqlalchemy import Column, DateTime, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class UpstreamServerRow(SQLModel, table=True):
    """An MCP server outside the network that a tenant may use."""

    __tablename__ = "upstream_servers"

    tenant: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    url: str
    description: str
    credential: bytes | None = None
    """JSON, sealed."""
    enabled: bool = Field(sa_column_kwargs={"server_default": text("true")})
    call_seconds: float | None = None
    timeouts: dict[str, float] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'{}'")))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()"))
    )
