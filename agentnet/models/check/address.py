"""Base URLs as people write them: what cannot be one, and what was probably meant. Asks nobody."""

import re
from urllib.parse import urlsplit, urlunsplit

from agentnet.models.check.servers import AZURE_HOSTS, api_of
from agentnet.settings import LOOPBACK_HOSTS

OPERATIONS = re.compile(
    r"(?:/chat/completions|/completions|/responses|/embeddings|/messages|/models"
    r"|/api/(?:generate|chat|tags|show|ps|version)|/api)/*$",
    re.IGNORECASE,
)
"""Ends of addresses of single operations, and Ollama's own API: the base lies before them."""
VERSION = re.compile(r"/v\d+[a-z]*(?:/|$)", re.IGNORECASE)
USUAL = ("/v1", "/openai/v1", "/api/v1", "/v1beta/openai", "/api")
"""Where hosts have their OpenAI-compatible API, the most usual first: `/openai/v1` at Azure and Groq, `/api/v1` at
OpenRouter, `/v1beta/openai` at Gemini, `/api` at Open WebUI."""
MOST = 8


def unusable(url: str) -> str | None:
    """Why nothing can be asked at `url`; None where it can."""
    if not url.strip():
        return "is empty"
    if any(character.isspace() or not character.isprintable() for character in url):
        return "holds white space"
    if "://" not in url:
        return "has no scheme"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is no URL: its host or its port is wrong"
    if parts.scheme.lower() not in ("http", "https"):
        return f"begins with {parts.scheme}://, which is neither http:// nor https://"
    if not parts.hostname:
        return "names no host"
    if port == 0:
        return "names port 0, where nothing listens"
    if parts.query or parts.fragment:
        return "holds a query or a fragment, behind which no path can follow"
    return None


def mended(url: str) -> str | None:
    """What an unusable URL was probably meant to be; None where that cannot be told."""
    text = url.strip().strip("\"'").split("#")[0].split("?")[0]
    if "://" not in text:
        text = f"{_scheme_for(text.lstrip('/'))}://{text.lstrip('/')}"
    if unusable(text):
        return None
    parts = urlsplit(text)
    host = parts.hostname or ""
    if "." not in host and host != "localhost" and parts.port is None:  # a key, perhaps: not to be repeated
        return None
    text = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], *parts[2:]))
    if host.endswith(AZURE_HOSTS):
        return urlunsplit((*parts[:2], "/openai/v1", "", ""))
    return _base(text)


def flipped(url: str) -> str:
    """`url` with https for http, and the reverse."""
    parts = urlsplit(url)
    return urlunsplit(("http" if parts.scheme.lower() == "https" else "https", *parts[1:]))


def others(url: str) -> list[str]:
    """Base URLs at the same host that may be meant by `url`, the likeliest first, without itself."""
    parts = urlsplit(url)
    if api := api_of(parts.hostname or ""):
        found = [api]
    else:
        found = [_base(url), *(_joined(url, path) for path in _paths(urlsplit(_base(url)).path))]
    given = url.rstrip("/") if not url.endswith("//") else url
    return [each for each in dict.fromkeys(found) if each != given][:MOST]


def host_of(url: str) -> str:
    """The host that it names; empty where it names none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def is_loopback(url: str) -> bool:
    """Whether it leads to this machine."""
    host = host_of(url)
    return host in LOOPBACK_HOSTS or host.startswith("127.") or host in ("0.0.0.0", "::")  # noqa: S104


def _paths(path: str) -> list[str]:
    """Paths of a base, where `path` is the one without the operation."""
    found = [] if VERSION.search(path) else [f"{path}/v1"]
    if re.fullmatch(r".*/v1beta\d*", path, re.IGNORECASE):
        found.append(f"{path}/openai")
    return [*found, *USUAL]


def _base(url: str) -> str:
    """`url` up to the base: without the operation behind it, empty segments and a repeated `/v1`."""
    parts = urlsplit(url)
    path = re.sub(r"/{2,}", "/", parts.path)
    while OPERATIONS.search(path):
        path = OPERATIONS.sub("", path)
    path = re.sub(r"(?:/v1){2,}$", "/v1", path.rstrip("/"), flags=re.IGNORECASE)
    return urlunsplit((parts.scheme.lower(), parts.netloc, path, "", ""))


def _joined(url: str, path: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme.lower(), parts.netloc, path, "", ""))


def _scheme_for(rest: str) -> str:
    """http for this machine, its neighbours and a port of one's own; https for names of the internet."""
    host = re.split(r"[/:]", rest, maxsplit=1)[0].lower()
    is_number = re.fullmatch(r"[\d.]+", host) is not None
    port = re.match(r"[^/]*:(\d+)", rest)
    near = host in LOOPBACK_HOSTS or is_number or "." not in host or host.endswith((".local", ".lan", ".internal"))
    return "http" if near or (port and port[1] != "443") else "https"
