"""Settings: the one place where the environment is read.

Every setting is `AGENTNET_<NAME>`; the names that the field already knows (`DATABASE_URL`, `REDIS_URL`,
`OPENAI_API_KEY`, `OPENAI_BASE_URL`) work without the prefix. Services get a `Settings` through their constructors.
"""

import os
from functools import cached_property
from pathlib import Path

import platformdirs
from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from agentnet.errors import ConfigurationError

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
GATEWAY_PORT = 8700
REGISTRY_PORT = 8701
SERVICE_PORTS = range(8710, 8800)
LEASE_SECONDS = 10.0
MAX_WAIT_SECONDS = 600.0
MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_JSON_DEPTH = 100
MAX_JSON_VALUES = 20_000
MAX_HEADER_BYTES = 64 * 1024
MAX_HEADERS = 200
HEADER_SECONDS = 20.0
BODY_SECONDS = 60.0


def default_home() -> Path:
    """Where data lives by default. Never under root's home: PostgreSQL runs as its own user and must reach it."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/agentnet")
    return platformdirs.user_data_path("agentnet")


class Settings(BaseSettings):
    """All settings of all services; each has a default that works on a laptop."""

    model_config = SettingsConfigDict(
        env_prefix="AGENTNET_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(default_factory=default_home, description="Directory for embedded data, keys and secrets.")
    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("AGENTNET_DATABASE_URL", "DATABASE_URL", "database_url"),
        description="PostgreSQL 15 or newer; unset starts the embedded PostgreSQL.",
    )
    database_pool: int = Field(default=20, ge=2, le=200, description="Connections of one process.")
    redis_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("AGENTNET_REDIS_URL", "REDIS_URL", "redis_url"),
        description="Redis for signals between processes; unset uses PostgreSQL LISTEN/NOTIFY.",
    )
    host: str = Field(default="127.0.0.1", description="Address that services bind to.")
    port: int = Field(default=GATEWAY_PORT, ge=0, le=65535, description="Port of the gateway.")
    registry_port: int = Field(default=REGISTRY_PORT, ge=0, le=65535, description="Port of the registry.")
    grpc_port: int = Field(
        default=0, ge=0, le=65535, description="gRPC port of the first agent of a process; 0 means no gRPC."
    )
    public_url: str | None = Field(default=None, description="URL at which the outside reaches the gateway.")
    registry_url: str | None = Field(default=None, description="URL of the registry; unset means this host's.")
    advertise_host: str | None = Field(
        default=None, description="Host name that other services use to reach this one; unset means `host`."
    )
    secret: SecretStr | None = Field(
        default=None, description="Signs tokens between services, 32 bytes or more; unset is made once in `home`."
    )
    lease_seconds: float = Field(default=LEASE_SECONDS, gt=0.5, le=3600, description="Lease of a task or a service.")
    max_file_bytes: int = Field(default=MAX_FILE_BYTES, gt=0, description="Largest file part that is taken.")
    max_body_bytes: int = Field(default=MAX_BODY_BYTES, gt=0, description="Largest request body that is taken.")
    max_json_depth: int = Field(
        default=MAX_JSON_DEPTH, ge=10, le=500, description="Objects and arrays inside one another in a request body."
    )
    max_json_values: int = Field(
        default=MAX_JSON_VALUES,
        ge=1000,
        description="Values in a request body: objects, arrays, texts, numbers, names.",
    )
    max_header_bytes: int = Field(default=MAX_HEADER_BYTES, ge=4096, description="Largest head of a request.")
    max_headers: int = Field(default=MAX_HEADERS, ge=16, description="Headers of one request.")
    header_seconds: float = Field(default=HEADER_SECONDS, gt=0, description="Time in which a head must have arrived.")
    body_seconds: float = Field(
        default=BODY_SECONDS, gt=0, description="Time in which a body must have arrived; large ones have more."
    )
    max_connections_per_address: int | None = Field(
        default=None, ge=1, description="Connections of one address to one service; unset: half of all open files."
    )
    max_depth: int = Field(default=6, ge=1, le=64, description="Longest chain of delegations.")
    concurrency: int = Field(default=64, ge=1, le=10_000, description="Tasks that one replica runs at once.")
    max_wait_seconds: float = Field(
        default=MAX_WAIT_SECONDS, gt=0, le=86_400, description="Longest wait of a blocking call for its task to rest."
    )
    retention_days: int | None = Field(
        default=None, ge=1, le=36_500, description="Days that ended tasks are kept, unless a tenant says else."
    )
    retention_count: int | None = Field(
        default=None, ge=0, le=1_000_000_000, description="Ended tasks of an agent that are kept for each state."
    )
    model: str | None = Field(default=None, description="Model name; `offline` forces the built-in offline model.")
    openai_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key"), description="Model key."
    )
    openai_base_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("OPENAI_BASE_URL", "openai_base_url"),
        description="Any OpenAI-compatible endpoint.",
    )
    model_timeout_seconds: float = Field(default=120.0, gt=0, description="Longest wait for one model call.")
    api_key: SecretStr | None = Field(
        default=None, description="Key that the CLI uses; unset reads the admin key file."
    )
    agents_dirs: list[Path] = Field(default_factory=list[Path], description="Folders with your own specialists.")
    mcp_dirs: list[Path] = Field(default_factory=list[Path], description="Folders with your own MCP servers.")
    mcp_servers_file: Path | None = Field(
        default=None, description="YAML file that declares upstream MCP servers, commands and OpenAPI documents."
    )
    mcp_commands: bool = Field(
        default=False, description="Run the commands that `mcp_servers_file` declares; they run as this user."
    )
    allowed_hosts: list[str] = Field(
        default_factory=list[str],
        description="More host names under which MCP servers and the MCP door are called.",
    )
    allowed_origins: list[str] = Field(
        default_factory=list[str],
        description="Origins of web pages that may call the gateway from a browser, such as https://app.example.com.",
    )
    knowledge_dirs: list[Path] = Field(
        default_factory=list[Path], description="Folders that the knowledge server ingests at start."
    )
    data_roots: list[Path] = Field(
        default_factory=list[Path], description="Folders that the data server may read files from."
    )
    mcp_profiles: Path | None = Field(
        default=None, description="YAML file with profiles of the MCP door, for every tenant."
    )
    mcp_list_limit: int = Field(
        default=100, ge=1, le=10_000, description="Tools that are listed; beyond it hosts get find_tools and call_tool."
    )
    mcp_call_seconds: float = Field(
        default=300.0, gt=0, le=86_400, description="Longest time of one call through the MCP door."
    )
    mcp_progress_per_second: int = Field(
        default=20, ge=1, le=10_000, description="Progress and log messages of one call that reach a host in a second."
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_format: str = Field(default="auto", pattern="^(auto|json|text)$", description="auto: text on a terminal.")
    allow_private_urls: bool = Field(
        default=False, description="Let the SSRF guard pass private addresses; for closed networks only."
    )

    @cached_property
    def is_loopback(self) -> bool:
        """Whether services bind to this machine only."""
        return self.host in LOOPBACK_HOSTS

    @property
    def gateway_url(self) -> str:
        """URL at which clients reach the gateway."""
        return (self.public_url or f"http://{self.reachable_host}:{self.port}").rstrip("/")

    @property
    def registry_base_url(self) -> str:
        """URL at which services reach the registry."""
        return (self.registry_url or f"http://{self.reachable_host}:{self.registry_port}").rstrip("/")

    @property
    def reachable_host(self) -> str:
        """Host name under which this process's services are reached."""
        if self.advertise_host:
            return self.advertise_host
        return "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104


def load_settings() -> Settings:
    """Read the environment and `.env`.

    Raises `ConfigurationError` that names each wrong variable; the values are not repeated, they may be secrets.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ConfigurationError(f"Wrong settings: {problems}.") from None
