"""Settings: the one place where the environment is read.

Every setting is `AGENTNET_<NAME>`; the names that the field already knows (`DATABASE_URL`, `REDIS_URL`,
`OPENAI_API_KEY`, `OPENAI_BASE_URL`) work without the prefix. Services get a `Settings` through their constructors.
"""

import logging
import os
import socket
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated

import platformdirs
from dotenv.parser import parse_stream
from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from agentnet.errors import ConfigurationError
from agentnet.setting_kinds import OWN_NAME, Folders, Location, WebUrl, Words, bare_host, known_level, with_scheme

logger = logging.getLogger(__name__)

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
SILENCE_SECONDS = 120.0
TOTAL_SECONDS = 1800.0

PREFIX = "AGENTNET_"
ENV_FILE = ".env"
NEAR = 0.7
"""How alike two names must be for one to be taken for a misspelling of the other (`difflib`'s ratio)."""
OTHERS = frozenset(
    {
        *("AGENTNET_URL", "AGENTNET_PUBLISH", "AGENTNET_DOCS", "AGENTNET_IMAGE_TAG"),
        *("OPENAI_ORG_ID", "OPENAI_ORGANIZATION", "OPENAI_PROJECT", "OPENAI_PROJECT_ID", "OPENAI_LOG"),
        *("OPENAI_API_TYPE", "OPENAI_API_VERSION"),
    }
)
"""Variables that are no settings of services: the command line's, the compose file's, those of OpenAI's own client."""


def default_home() -> Path:
    """Where data lives by default. Never under root's home: PostgreSQL runs as its own user and must reach it."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/agentnet")
    return platformdirs.user_data_path("agentnet")


class Settings(BaseSettings):
    """All settings of all services; each has a default that works on a laptop."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Location = Field(
        default_factory=default_home,
        examples=["/var/lib/agentnet"],
        description="Directory for embedded data, keys and secrets.",
    )
    database_url: Annotated[str | None, with_scheme("postgresql", "postgres", "postgresql+asyncpg")] = Field(
        default=None,
        examples=["postgresql://user:password@host:5432/agentnet"],
        validation_alias=AliasChoices("AGENTNET_DATABASE_URL", "DATABASE_URL", "database_url"),
        description="PostgreSQL 15 or newer; unset starts the embedded PostgreSQL.",
    )
    database_pool: int = Field(default=20, ge=2, le=200, description="Connections of one process.")
    redis_url: Annotated[str | None, with_scheme("redis", "rediss", "unix")] = Field(
        default=None,
        examples=["redis://:password@host:6379/0"],
        validation_alias=AliasChoices("AGENTNET_REDIS_URL", "REDIS_URL", "redis_url"),
        description="Redis for signals between processes; unset uses PostgreSQL LISTEN/NOTIFY.",
    )
    host: Annotated[str, AfterValidator(bare_host)] = Field(
        default="127.0.0.1", description="Address that services bind to."
    )
    port: int = Field(default=GATEWAY_PORT, ge=0, le=65535, description="Port of the gateway.")
    registry_port: int = Field(default=REGISTRY_PORT, ge=0, le=65535, description="Port of the registry.")
    grpc_port: int = Field(
        default=0, ge=0, le=65535, description="gRPC port of the first agent of a process; 0 means no gRPC."
    )
    public_url: WebUrl = Field(
        default=None,
        examples=["https://agents.example.com"],
        description="URL at which the outside reaches the gateway.",
    )
    registry_url: WebUrl = Field(
        default=None, examples=["http://127.0.0.1:8701"], description="URL of the registry; unset means this host's."
    )
    advertise_host: Annotated[str | None, AfterValidator(bare_host)] = Field(
        default=None,
        examples=["agents.internal"],
        description="Host name that other services use to reach this one; unset means `host`, `hostname` its own.",
    )
    secret: SecretStr | None = Field(
        default=None,
        examples=["the output of `openssl rand -hex 32`"],
        description="Signs tokens between services, 32 bytes or more; unset is made once in `home`.",
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
        default=None,
        ge=1,
        examples=[1000],
        description="Connections of one address to one service; unset: half of all open files.",
    )
    max_depth: int = Field(default=6, ge=1, le=64, description="Longest chain of delegations.")
    concurrency: int = Field(default=64, ge=1, le=10_000, description="Tasks that one replica runs at once.")
    max_wait_seconds: float = Field(
        default=MAX_WAIT_SECONDS, gt=0, le=86_400, description="Longest wait of a blocking call for its task to rest."
    )
    retention_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        examples=[90],
        description="Days that ended tasks are kept, unless a tenant says else.",
    )
    retention_count: int | None = Field(
        default=None,
        ge=0,
        le=1_000_000_000,
        examples=[1000],
        description="Ended tasks of an agent that are kept for each state.",
    )
    model: str | None = Field(
        default=None,
        examples=["offline"],
        description="Model name, or several with commas in the order of fallbacks; `offline` forces the offline model.",
    )
    models_file: Location | None = Field(
        default=None,
        examples=["./models.yaml"],
        description="YAML file that declares named models; unset: models.yaml in the working folder, if it is there.",
    )
    openai_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key"),
        examples=["sk-…"],
        description="Model key.",
    )
    openai_base_url: WebUrl = Field(
        default=None,
        examples=["http://127.0.0.1:11434/v1"],
        validation_alias=AliasChoices("OPENAI_BASE_URL", "openai_base_url"),
        description="Any OpenAI-compatible endpoint.",
    )
    model_timeout_seconds: float = Field(
        default=SILENCE_SECONDS,
        gt=0,
        le=86_400,
        description="Longest time in which a model sends no byte, before its first word too.",
    )
    model_total_seconds: float = Field(
        default=TOTAL_SECONDS, gt=0, le=86_400, description="Longest turn of a model, without the wait for its turn."
    )
    model_concurrency: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        examples=[4],
        description="Turns of one model at once; unset: 4 on this machine, 1 at Ollama there, no limit elsewhere.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        examples=["the output of `agentnet keys generate`"],
        description="Key that the CLI uses; unset reads the admin key file.",
    )
    agents_dirs: Folders = Field(
        default_factory=list[Path], examples=["./my-agents"], description="Folders with your own specialists."
    )
    mcp_dirs: Folders = Field(
        default_factory=list[Path], examples=["./my-servers"], description="Folders with your own MCP servers."
    )
    mcp_servers_file: Location | None = Field(
        default=None,
        examples=["./servers.yaml"],
        description="YAML file that declares upstream MCP servers, commands and OpenAPI documents.",
    )
    mcp_commands: bool = Field(
        default=False, description="Run the commands that `mcp_servers_file` declares; they run as this user."
    )
    allowed_hosts: Words = Field(
        default_factory=list[str],
        examples=["agents.internal,gateway.internal"],
        description="More host names under which MCP servers and the MCP door are called.",
    )
    allowed_origins: Words = Field(
        default_factory=list[str],
        examples=["https://app.example.com"],
        description="Origins of web pages that may call the gateway from a browser, such as https://app.example.com.",
    )
    knowledge_dirs: Folders = Field(
        default_factory=list[Path],
        examples=[f"./docs{os.pathsep}./manuals"],
        description="Folders that the knowledge server ingests at start.",
    )
    data_roots: Folders = Field(
        default_factory=list[Path], examples=["./data"], description="Folders that the data server may read files from."
    )
    mcp_profiles: Location | None = Field(
        default=None,
        examples=["./profiles.yaml"],
        description="YAML file with profiles of the MCP door, for every tenant.",
    )
    mcp_list_limit: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="Tools that are listed; beyond it hosts and agents get find_tools and call_tool.",
    )
    mcp_call_seconds: float = Field(
        default=300.0, gt=0, le=86_400, description="Longest time of one call through the MCP door."
    )
    mcp_progress_per_second: int = Field(
        default=20, ge=1, le=10_000, description="Progress and log messages of one call that reach a host in a second."
    )
    log_level: Annotated[str, AfterValidator(known_level)] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )
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
            return socket.gethostname() if self.advertise_host == OWN_NAME else self.advertise_host
        return "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one variable, and what it takes. The value is not in it: it may be a secret."""

    variable: str
    wrong: str
    example: str
    file: Path | None = None
    """The `.env` that holds it; None for the environment."""

    def __str__(self) -> str:
        return f"{self.where}: {self.wrong}. Right is, for example, {self.variable}={self.example}"

    @property
    def where(self) -> str:
        """The variable, and the file that it stands in."""
        return _named_in(self.variable, self.file)


def load_settings() -> Settings:
    """Read the environment and `.env`.

    Raises `ConfigurationError` that names each wrong variable; the values are not repeated, they may be secrets.
    """
    settings, problems = read_settings()
    if problems:
        raise ConfigurationError(f"Wrong settings: {'; '.join(map(str, problems))}.")
    for name, near in misspelt().items():
        logger.warning("%s is no setting and does nothing. Did you mean %s?", name, near)
    return settings


def read_settings() -> tuple[Settings, list[Problem]]:
    """What can be read, with the defaults in place of what is wrong, and what that is.

    Raises `ConfigurationError` for a `.env` that cannot be read.
    """
    _environment()
    try:
        return Settings(), []
    except ValidationError as error:
        wrong = {_field_of(str(item["loc"][0])): str(item["msg"]) for item in reversed(error.errors())}
    defaults = {name: Settings.model_fields[name].get_default(call_default_factory=True) for name in wrong}
    problems = [
        Problem(name := variable_of(field), _sentence(message), example_of(field), _file_of(name))
        for field, message in wrong.items()
    ]
    return Settings(**defaults), problems[::-1]


def misspelt() -> dict[str, str]:
    """Variables of our prefix and OpenAI's that are no settings, each with the one that it looks like, if it does."""
    known = {_bare(name): name for field in Settings.model_fields for name in variables_of(field)}
    others = {_bare(name) for name in OTHERS}
    found: dict[str, str] = {}
    for name in sorted(_environment()):
        if name.startswith((PREFIX, "OPENAI_")) and name not in known.values() and _bare(name) not in others:
            near = get_close_matches(_bare(name), known, n=1, cutoff=NEAR)
            found |= {name: known[near[0]]} if near else {}
    return found


def missing_paths(settings: Settings) -> list[tuple[str, Path]]:
    """What settings name and is not there, with the variable that names it."""
    folders = [
        (name, path)
        for name in ("agents_dirs", "mcp_dirs", "knowledge_dirs", "data_roots")
        for path in getattr(settings, name)
        if not path.is_dir()
    ]
    files = [
        (name, path)
        for name in ("mcp_servers_file", "mcp_profiles", "models_file")
        if (path := getattr(settings, name)) and not path.is_file()
    ]
    return [(_where(variable_of(name)), path) for name, path in (*folders, *files)]


def variables_of(field: str) -> list[str]:
    """The names under which the environment may hold a setting, the one to advise first."""
    alias = Settings.model_fields[field].validation_alias
    choices = [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else []
    # Of DATABASE_URL and AGENTNET_DATABASE_URL the shorter is the one that people know.
    return sorted((name for name in choices if name.isupper()), key=len) or [f"{PREFIX}{field.upper()}"]


def variable_of(field: str) -> str:
    """The variable that holds a setting, or would."""
    names, there = variables_of(field), _environment()
    return next((name for name in names if name in there), names[0])


def place_of(field: str) -> str | None:
    """Where a setting comes from, as the user would find it; None where it has its default."""
    for name in variables_of(field):
        if os.environ.get(name):
            return f"the environment variable {name}"
    for name in variables_of(field):
        if variable(name):
            return f"{name} in {Path(ENV_FILE).absolute()}"
    return None


def variable(name: str) -> str | None:
    """The value of a variable that a file of ours names, in the environment or `.env`; None also where it is empty."""
    return os.environ.get(name) or DotEnvSettingsSource(Settings, case_sensitive=True).env_vars.get(name) or None


def example_of(field: str) -> str:
    """A value that a setting takes."""
    info = Settings.model_fields[field]
    value = info.examples[0] if info.examples else info.get_default(call_default_factory=True)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _file_of(name: str) -> Path | None:
    """The `.env` that a variable comes from; None where the environment has it, which comes first."""
    return None if name in {each.upper() for each in os.environ} else Path(ENV_FILE).absolute()


def _where(name: str) -> str:
    return _named_in(name, _file_of(name))


def _named_in(name: str, file: Path | None) -> str:
    return f"{name} in {file}" if file else name


def _field_of(location: str) -> str:
    """The setting that pydantic means: it names a field or the variable that it was read from."""
    fields = (field for field in Settings.model_fields if location in (field, *variables_of(field)))
    return next(fields, location)


def _bare(name: str) -> str:
    return name.removeprefix(PREFIX)


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{text[0].lower()}{text[1:]}"


def _check_lines(path: Path) -> None:
    """Raises `ConfigurationError` for a line that would be passed over, and the key in it not set."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        wrong = next((each.original.line for each in parse_stream(file) if each.error), None)
    if wrong is not None:
        hint = "Write it such as NAME=value, or close its quotes."
        raise ConfigurationError(f"{path} cannot be read: line {wrong} sets nothing.", hint=hint)


def _environment() -> set[str]:
    """Names of the variables, those of `.env` too. Raises `ConfigurationError` for a `.env` that cannot be read."""
    try:
        _check_lines(Path(ENV_FILE).absolute())
        return {name.upper() for name in (*DotEnvSettingsSource(Settings).env_vars, *os.environ)}
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8"
        raise ConfigurationError(
            f"{Path(ENV_FILE).absolute()} cannot be read: {why}.", hint="Mend it, or start from another folder."
        ) from None
