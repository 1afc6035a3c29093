"""The address of an endpoint as people write it: what is taken, and what is said of the rest."""

from urllib.parse import urlsplit, urlunsplit

OPERATIONS = ("/chat/completions", "/completions", "/responses", "/models", "/messages", "/embeddings")
"""What addresses are copied with that name one request of the API."""


def endpoint_address(value: str) -> str:
    """`value` without a slash at its end. Raises `ValueError` that does not repeat it: it may hold a password."""
    if any(character.isspace() for character in value):
        raise ValueError("holds a space")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is no address, such as http://127.0.0.1:8000/v1") from None
    if parts.scheme.lower() not in ("http", "https") or not value.lower().startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    if not host:
        raise ValueError("names no host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a user or a password; write the key as key_env or key_file")
    if parts.query:
        raise ValueError("holds a query; write what is behind the ? under `query`")
    if parts.fragment:
        raise ValueError("ends in a fragment, which is never sent")
    address = value.rstrip("/")
    operation = next((each for each in OPERATIONS if parts.path.rstrip("/").endswith(each)), None)
    if operation is not None:
        raise ValueError(f"names one request of the API; leave {operation} off")
    return address


def shown(url: str) -> str:
    """`url` as it may be told: without a user, a password and a query."""
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")).rstrip("/")
    except ValueError:
        return "the address"
