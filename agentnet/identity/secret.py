"""Secrets on disk: files that only their owner can read, made once."""

import os
import secrets
from pathlib import Path

from agentnet.errors import ConfigurationError
from agentnet.settings import Settings, place_of

SECRET_BYTES = 32
SECRET_FILE = "secret"  # noqa: S105 - a file name
ADMIN_KEY_FILE = "admin.key"


def read_or_make(path: Path, make: str | None = None) -> str:
    """The text in `path`, written with mode 0600 if it is not there yet. Safe when several processes start together."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # By one process only, and with its mode from the first moment: chmod afterwards would leave it open a while.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"Cannot write {path}: {error.strerror}.", hint="Set AGENTNET_HOME.") from None
    text = make or secrets.token_urlsafe(SECRET_BYTES)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    return text


def signing_secret(settings: Settings) -> str:
    """The secret that signs tokens between services.

    Raises `ConfigurationError` when it is too short, or when services are reachable from outside and none is set.
    """
    if settings.secret is not None:
        return _long_enough(settings.secret.get_secret_value())
    if not settings.is_loopback:
        raise ConfigurationError(
            f"Refusing to bind to {settings.host} without AGENTNET_SECRET.",
            hint="Set it to 32 random bytes or more, the same for every service, or bind to 127.0.0.1.",
        )
    return read_or_make(settings.home / SECRET_FILE)


def known_secret(settings: Settings) -> str:
    """The secret that the services have, for a command beside them. It is not made: a new one would open nothing.

    Raises `ConfigurationError` when there is none, or it is too short.
    """
    if settings.secret is not None:
        return _long_enough(settings.secret.get_secret_value())
    path = settings.home / SECRET_FILE
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(
            f"AGENTNET_SECRET is not set, and {path} cannot be read: {error.strerror}.",
            hint="Set it, or AGENTNET_HOME, as the services have it.",
        ) from None


def _long_enough(secret: str) -> str:
    if len(secret.encode()) < SECRET_BYTES:
        raise ConfigurationError(f"AGENTNET_SECRET is shorter than {SECRET_BYTES} bytes.")
    return secret


def admin_key_path(settings: Settings) -> Path:
    """Where the admin key lies."""
    return settings.home / ADMIN_KEY_FILE


def key_place(settings: Settings) -> str:
    """Where the key comes from that the CLI uses: a variable, with the file that holds it, or the admin key's file."""
    if settings.api_key is None:
        return str(admin_key_path(settings))
    return place_of("api_key") or "AGENTNET_API_KEY"


def read_key(settings: Settings) -> str | None:
    """The key that the CLI uses: the one that is set, or the admin key. None if there is neither.

    Raises `ConfigurationError` when the file is another user's.
    """
    if settings.api_key is not None:
        return settings.api_key.get_secret_value()
    path = admin_key_path(settings)
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read the admin key {path}: {error.strerror}.", hint="Set AGENTNET_API_KEY to a key of your own."
        ) from None
