"""How settings are written, and what their values must be: the types of the fields of `agentnet.settings`."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

OWN_NAME = "hostname"
"""As `advertise_host`: the name that this machine or container has itself, so that replicas can be told apart."""
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def split_at(*separators: str) -> Callable[[Any], Any]:
    """Reads a JSON list, or plain words between `separators`. What is no text is left to pydantic."""

    def split(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            try:
                return json.loads(value)
            except ValueError:
                raise ValueError("it begins as a JSON list and is none") from None
        for separator in separators:
            value = value.replace(separator, "\n")
        return [part.strip() for part in value.split("\n") if part.strip()]

    return split


def with_scheme(*schemes: str) -> AfterValidator:
    """Takes URLs of these schemes."""

    # The address is not repeated: it may hold a password.
    def check(value: str | None) -> str | None:
        if value is None:
            return None
        try:
            scheme = urlsplit(value).scheme.lower()
        except ValueError:
            raise ValueError("is no URL") from None
        if scheme not in schemes or "://" not in value:
            raise ValueError(f"must begin with {' or '.join(f'{each}://' for each in schemes)}")
        return value

    return AfterValidator(check)


def bare_host(value: str | None) -> str | None:
    """Takes a host, without what an address has besides."""
    if value is not None and (not value.strip() or set(value) & set("/@ \t")):
        raise ValueError("must be an address or a host name, without scheme and port")
    return value


def known_level(value: str) -> str:
    """Takes a level of logs, in any case."""
    if value.upper() not in LOG_LEVELS:
        raise ValueError(f"must be {', '.join(LOG_LEVELS[:-1])} or {LOG_LEVELS[-1]}")
    return value


# A shell expands ~, but `.env` and compose files are read by no shell.
Location = Annotated[Path, AfterValidator(Path.expanduser)]
Folders = Annotated[list[Location], NoDecode, BeforeValidator(split_at(os.pathsep, ","))]
# Not at colons: an origin has two, and an address of IPv6 more.
Words = Annotated[list[str], NoDecode, BeforeValidator(split_at(","))]
WebUrl = Annotated[str | None, with_scheme("http", "https")]
