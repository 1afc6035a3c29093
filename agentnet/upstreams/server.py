"""One MCP server outside the network."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import httpx
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


class Replacement(BaseModel):
    """What takes the place of a server's definition. What is not given stays; a null credential takes it away."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SafeUrl
    description: str | None = Field(default=None, max_length=2000)
    credential: Credential | None = None
    enabled: bool | None = None

    @property
    def keeps_credential(self) -> bool:
        """Whether the stored one stays."""
        return "credential" not in self.model_fields_set


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


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    parsed = httpx.URL(url)
    return parsed.scheme, parsed.host, parsed.port
