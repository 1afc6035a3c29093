"""Web pages of other origins that may call the gateway from a browser (CORS, the Fetch standard): those that are named.

Without credentials mode: a page shows a key of its own, and no cookie is ever meant.
"""

from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from agentnet.errors import ConfigurationError

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ANY_HEADER = ("*",)
"""A preflight is answered with the headers that it asks for: those of `Mcp-Param-*` are the tools' own."""
# Scripts see no other header of an answer from another origin (Fetch: CORS-exposed header-name list).
EXPOSED = ("mcp-session-id", "mcp-protocol-version", "www-authenticate", "retry-after", "a2a-version", "a2a-extensions")
MAX_AGE_SECONDS = 600


def admit_pages(app: ASGIApp, origins: list[str]) -> ASGIApp:
    """`app` for pages of `origins` too; as it is where there are none. Raises `ConfigurationError`."""
    if not origins:
        return app
    for origin in origins:
        check(origin)
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=METHODS,
        allow_headers=ANY_HEADER,
        expose_headers=EXPOSED,
        max_age=MAX_AGE_SECONDS,
    )


def check(origin: str) -> None:
    """Raises `ConfigurationError` for what no browser sends as an origin, and for `*`."""
    # The header is compared as a text: with a path, a slash at its end or a capital it would never match, and silently.
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin or not parts.hostname:
        raise ConfigurationError(
            f"AGENTNET_ALLOWED_ORIGINS has {origin!r}, which is no origin.",
            hint="An origin is scheme, host and port, in lower case: https://app.example.com",
        )
