"""One MCP server outside the network."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import httpx
from pydantic import AfterValidator, ConfigDict, Field

from agentnet.manifests.manifest import NAME_PATTERN, RESERVED_NAMES
from agentnet.upstreams.credential import Credential, SafeUrl, UnreadableCredential
from agentnet.upstreams.timeouts import UNLIMITED, Timed, Timeouts


def is_reserved(name: str) -> bool:
    """Whether a name is the network's own, and no server's."""
    return name in RESERVED_NAMES


def unreserved(name: str) -> str:
    """Raises `ValueError` for a name of the network's own."""
    if is_reserved(name):
        raise ValueError(f"{name!r} is a name of the network's own; choose another.")
    return name


ServerName = Annotated[str, Field(pattern=NAME_PATTERN), AfterValidator(unreserved)]


class NewServer(Timed):
    """What adds one: streamable HTTP at `url`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ServerName
    url: SafeUrl
    description: str = Field(default="", max_length=2000)
    credential: Credential | None = None
    enabled: bool = True


class Replacement(Timed):
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

    @property
    def keeps_call_seconds(self) -> bool:
        """Whether the stored ones stay."""
        return "call_seconds" not in self.model_fields_set

    @property
    def new_timeouts(self) -> dict[str, float] | None:
        """Those to be stored; None where the stored ones stay."""
        return self.timeouts if "timeouts" in self.model_fields_set else None


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
    limits: Timeouts = UNLIMITED
    allow_private: bool = False
    """Whether it may be at a private address; only the operator's file can say so."""


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port."""
    parsed = httpx.URL(url)
    return parsed.scheme, parsed.host, parsed.port
