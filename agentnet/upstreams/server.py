"""One MCP server outside the network."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agentnet.manifest import NAME_PATTERN
from agentnet.upstreams.credential import Credential, SafeUrl, UnreadableCredential


class NewServer(BaseModel):
    """What adds one: streamable HTTP at `url`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    url: SafeUrl
    description: str = Field(default="", max_length=2000)
    credential: Credential | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class OutsideServer:
    """A server that a tenant may use."""

    tenant: str
    """Whose it is; `*` for one that the operator declared for every tenant."""
    name: str
    url: str
    description: str
    credential: Credential | UnreadableCredential | None
    enabled: bool
    created_at: datetime | None
    """None for one that the operator declared in a file."""
    allow_private: bool = False
    """Whether it may be at a private address; only the operator's file can say so."""
