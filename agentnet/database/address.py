"""Addresses of servers in settings, read before any library sees them: an error of a library repeats a password."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from agentnet.errors import ConfigurationError

HIDDEN = "(an address that cannot be read)"
ENCODED = "Write @ / ? # : and % in a password as %40 %2F %3F %23 %3A and %25."


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting may hold."""

    setting: str
    schemes: tuple[str, ...]
    example: str


POSTGRES = Kind(
    "DATABASE_URL",
    ("postgresql", "postgres", "postgresql+asyncpg"),
    "postgresql://user:password@host:5432/agentnet",
)
REDIS = Kind("REDIS_URL", ("redis", "rediss", "unix"), "redis://:password@host:6379/0")


def check_address(url: str, kind: Kind) -> None:
    """Raises `ConfigurationError`, which names the setting and never repeats what it holds."""
    wrong = _wrong(url, kind)
    if wrong:
        raise ConfigurationError(f"{kind.setting} {wrong}.", hint=f"It looks like {kind.example}. {ENCODED}")


def unreadable(error: Exception, kind: Kind) -> ConfigurationError:
    """What a library has against an address, without its words."""
    return ConfigurationError(
        f"{kind.setting} cannot be read ({type(error).__name__}).", hint=f"It looks like {kind.example}."
    )


def safe_url(url: str) -> str:
    """`url` without its user, its password and its query; nothing of one that cannot be read."""
    parts = _split(url)
    if parts is None or "://" not in url or _is_split_amiss(parts):
        return HIDDEN
    host = parts.netloc.rpartition("@")[2] or "the local socket"
    return f"{parts.scheme}://{host}{parts.path or '/'}"


def _wrong(url: str, kind: Kind) -> str:
    begins = tuple(f"{scheme}://" for scheme in kind.schemes)
    if not url.lower().startswith(begins):
        return f"must begin with {' or '.join(begins)}"
    if any(character.isspace() or not character.isprintable() for character in url):
        return "holds white space"
    parts = _split(url)
    if parts is None:
        return "is no URL: its host is wrong, or its password holds a bracket that is not encoded"
    if _is_split_amiss(parts):
        return "holds a user or password that is not encoded, or a port that is none"
    return ""


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _is_split_amiss(parts: SplitResult) -> bool:
    """Whether a sign of the password's took the rest of it for host, port, path or query."""
    try:
        _ = parts.port
    except ValueError:
        return True
    rest = f"{parts.path}{parts.query}"
    return parts.netloc.count("@") > 1 or bool(parts.fragment) or ("@" in rest and "@" not in parts.netloc)
