"""The file in which the operator declares servers: remote ones, and those that the network presents as MCP itself.

A secret in it may be `{file: PATH}`: the text of that file, without the line break at its end. Names are unique.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from agentnet.errors import ConfigurationError
from agentnet.ids import EVERYONE
from agentnet.upstreams.credential import Credential, SafeUrl
from agentnet.upstreams.server import OutsideServer, ServerName
from agentnet.upstreams.timeouts import Timed

KINDS = ("url", "command", "sse", "openapi")
MAX_SERVERS = 200
MAX_FILE_BYTES = 1024 * 1024
SECRETS = ("value", "token", "client_secret")
ENVIRONMENT = "environment"
"""All in it may be secret."""


class _Declared(Timed):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ServerName
    tenant: str = Field(default=EVERYONE, min_length=1, max_length=128)
    """Who may use it; `*` means every tenant."""
    description: str = Field(default="", max_length=2000)


class _Addressed(_Declared):
    credential: Credential | None = None
    allow_private: bool = False
    """Whether it, and what its tokens come from, may be at a private or loopback address."""

    def _at(self, url: str) -> OutsideServer:
        return OutsideServer(
            self.tenant,
            self.name,
            url,
            self.description,
            self.credential,
            True,
            None,
            self.limits,
            self.allow_private,
        )


class RemoteServer(_Addressed):
    """Streamable HTTP at `url`: the gateway talks to it directly."""

    url: SafeUrl

    def as_upstream(self) -> OutsideServer:
        """What the gateway calls."""
        return self._at(self.url)


class CommandServer(_Declared):
    """A command that speaks MCP over standard input and output."""

    command: list[str] = Field(min_length=1, max_length=100)
    environment: dict[str, str] = Field(default_factory=dict[str, str])
    """What the command gets besides `PATH`, `HOME`, `LANG` and `TMPDIR`, or in their place."""
    directory: Path | None = None


class SseServer(_Addressed):
    """A server of the HTTP+SSE transport of 2024-11-05."""

    sse: SafeUrl

    def as_upstream(self) -> OutsideServer:
        """Where it is and how to prove oneself to it."""
        return self._at(self.sse)


class OpenApiServer(_Addressed):
    """An HTTP API with an OpenAPI 3 document: each operation is a tool."""

    openapi: str = Field(min_length=1, max_length=2048)
    """URL or path of the document, JSON or YAML."""
    base_url: SafeUrl | None = None
    """Where the API is; unset means the document's first server."""
    operations: list[str] = Field(default_factory=list[str], max_length=256)
    """Ids of the operations to offer; empty means all."""
    methods: list[Literal["get", "post", "put", "patch", "delete"]] = Field(
        default=["get", "post", "put", "patch", "delete"]
    )

    def as_upstream(self, base_url: str) -> OutsideServer:
        """The API at `base_url` and how to prove oneself to it."""
        return self._at(base_url)


Adapted = CommandServer | SseServer | OpenApiServer
"""Presented by the network itself, as a service `mcp:<name>` of its own."""


def _kind(data: Any) -> str | None:
    keys = data if isinstance(data, dict) else getattr(type(data), "model_fields", ())
    found = [kind for kind in KINDS if kind in keys]
    return found[0] if len(found) == 1 else None


Declared = Annotated[
    Annotated[RemoteServer, Tag("url")]
    | Annotated[CommandServer, Tag("command")]
    | Annotated[SseServer, Tag("sse")]
    | Annotated[OpenApiServer, Tag("openapi")],
    Discriminator(
        _kind, custom_error_type="kind", custom_error_message="needs one of url, command, sse and openapi, and only one"
    ),
]


class Declarations(BaseModel):
    """The content of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    servers: list[Declared] = Field(default_factory=list[Declared], max_length=MAX_SERVERS)

    @property
    def remote(self) -> list[OutsideServer]:
        """Those that the gateway calls directly."""
        return [server.as_upstream() for server in self.servers if isinstance(server, RemoteServer)]

    @property
    def adapted(self) -> list[Adapted]:
        """Those that the network presents itself."""
        return [server for server in self.servers if not isinstance(server, RemoteServer)]


def load_declarations(path: Path | None) -> Declarations:
    """The servers in `path`; none without a path. Raises `ConfigurationError` that names file and field, no value."""
    if path is None:
        return Declarations()
    try:
        data = yaml.safe_load(_text(path))
        declared = Declarations.model_validate(_with_secrets(data or {}, path.parent))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigurationError(f"{path}{where} is not YAML.") from None
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:5]]
        raise ConfigurationError(f"{path}: {'; '.join(problems)}.") from None
    except (ValueError, RecursionError) as error:  # a date that is none, an alias inside of itself
        raise ConfigurationError(f"{path} cannot be read: {type(error).__name__}.") from None
    names = [server.name for server in declared.servers]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ConfigurationError(f"{path}: two servers have the name {min(twice)!r}.")
    return declared


def _with_secrets(data: Any, folder: Path, within: str = "") -> Any:
    """`data` with the texts of the files that secrets name."""
    if isinstance(data, list):
        return [_with_secrets(item, folder) for item in data]
    if not isinstance(data, dict):
        return data
    return {
        key: _text(folder / value["file"]).rstrip("\r\n")
        if (key in SECRETS or within == ENVIRONMENT) and _names_file(value)
        else _with_secrets(value, folder, key)
        for key, value in data.items()
    }


def _names_file(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"file"} and isinstance(value["file"], str)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_FILE_BYTES + 1)
        if len(body) > MAX_FILE_BYTES:
            raise ConfigurationError(f"{path} is over the limit of {MAX_FILE_BYTES} bytes.")
        return body.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
