"""What an endpoint lists as its models: `GET /models` under its base URL, read within bounds. Costs no token.

Lists differ: mostly `{"data": [{"id"}]}`, a bare list at some (Together), `{"models": [{"name"}]}` at others. An id may
be longer than the name that requests take: Gemini says `models/gemini-…`, Ollama `llama3.2:latest`.
"""

import asyncio
import json
import os
import re
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
import httpx2

from agentnet.errors import TooLargeError
from agentnet.http.json_scan import JsonLimits, check_json
from agentnet.http.uncompressed import IDENTITY, is_encoded
from agentnet.models.endpoints.address import shown
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.refusals import failure_of, redirected
from agentnet.models.endpoints.sentences import payload_of, sentence_of
from agentnet.settings import LOOPBACK_HOSTS

ANSWER_SECONDS = 15.0
"""For the whole list: routers with hundreds of models need some."""
CONNECT_SECONDS = 5.0
MAX_BYTES = 4 * 1024 * 1024
LIMITS = JsonLimits(depth=50, values=500_000)
MOST_NAMED = 20
VECTORS = re.compile(r"embed|rerank", re.IGNORECASE)
NAMES = ("id", "name", "model")
LISTS = ("data", "models")
OTHER_FORMS = (("models/", ""), ("", ":latest"))
"""What a list may have before and after the name that requests take: Gemini's, Ollama's."""


async def listed_models(
    base_url: str,
    key: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """The names that the endpoint lists, in its order and each once; none at a server that has no model loaded.

    Raises `ModelError`: `AWAY` where nothing answers, `SILENT` where no answer ends, `KEY`, `LOADING`, `BUSY`,
    `SERVER`, `REQUEST` where there is no list at this address (404), `GARBLED` for a page, or JSON that is no list.
    None of the secrets is in what it says.
    """
    try:
        return await _listed(base_url, key, headers or {}, query or {})
    except ModelError as error:
        secrets = [key or "", *(headers or {}).values(), *(query or {}).values()]
        raise error.without(secrets) from error.__cause__


async def _listed(
    base_url: str, key: str | None, headers: Mapping[str, str], query: Mapping[str, str]
) -> tuple[str, ...]:
    where = shown(base_url)
    if key and not (key.isascii() and key.isprintable()):
        raise ModelError(Kind.KEY, "The key holds characters that no key has.", hint="Check the key of this model.")
    sent = {"accept": "application/json", **({"authorization": f"Bearer {key}"} if key else {}), **headers, **IDENTITY}
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    try:
        # The user's proxy leads to endpoints elsewhere, never back to this machine.
        outside = (urlsplit(base_url).hostname or "") not in LOOPBACK_HOSTS
        async with (
            asyncio.timeout(ANSWER_SECONDS),
            httpx.AsyncClient(
                # The trust of the client that turns go through, which is the system's: httpx has its own.
                verify=httpx2.create_ssl_context(),
                timeout=timeout,
                trust_env=outside,
                follow_redirects=False,
            ) as http,
            http.stream("GET", f"{base_url.rstrip('/')}/models", headers=sent, params=query or None) as response,
        ):
            return _names(response, await _body(response, where), where, keyed=bool(key))
    except (TimeoutError, httpx.TimeoutException):
        hint = "Is it still loading a model, or is the address another program's?"
        raise ModelError(Kind.SILENT, f"{where} does not answer within {ANSWER_SECONDS:g} s.", hint=hint) from None
    except (httpx.TransportError, httpx.InvalidURL, ValueError, OSError) as error:
        raise _away(where, error) from error


async def only_model(endpoint: Endpoint) -> str:
    """The name of the one model of `endpoint` that answers; models that only make vectors are none.

    Raises `ModelError` where there is none, or several, which it names.
    """
    where = shown(endpoint.base_url)
    names = await listed_models(
        endpoint.base_url,
        endpoint.api_key.get_secret_value() if endpoint.api_key else None,
        headers={name: value.get_secret_value() for name, value in endpoint.headers},
        query={name: value.get_secret_value() for name, value in endpoint.query},
    )
    # LM Studio comes with a model for vectors, and lists it beside whatever is loaded.
    answering = [name for name in names if not VECTORS.search(name)] or names
    if len(answering) == 1:
        return answering[0]
    if not answering:
        raise ModelError(Kind.REQUEST, f"{where} lists no model.", hint="Load one there.")
    more = f", and {len(answering) - MOST_NAMED} more" if len(answering) > MOST_NAMED else ""
    raise ModelError(
        Kind.REQUEST,
        f"{where} lists {len(answering)} models, and none of them is named: {', '.join(answering[:MOST_NAMED])}{more}.",
        hint="Set AGENTNET_MODEL, or `model` in models.yaml, to one of them.",
    )


def name_in(names: Collection[str], wanted: str) -> str | None:
    """How `names`, which an endpoint lists, has `wanted`; None where it has it not."""
    forms = [wanted, *(f"{before}{wanted}{after}" for before, after in OTHER_FORMS)]
    forms += [wanted.removeprefix(before).removesuffix(after) for before, after in OTHER_FORMS]
    return next((form for form in forms if form in names), None)


async def _body(response: httpx.Response, where: str) -> bytes:
    if is_encoded(response.headers):
        message = f"{where}/models answers compressed, which was not asked for."
        raise ModelError(Kind.GARBLED, message, hint="Have its server, or what stands before it, compress nothing.")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_BYTES:
            most = f"{MAX_BYTES // 1024**2} MiB"
            raise ModelError(Kind.GARBLED, f"{where}/models answers with more than {most}: that is no list of models.")
    return bytes(body)


def _names(response: httpx.Response, body: bytes, where: str, *, keyed: bool) -> tuple[str, ...]:
    if response.is_redirect:
        raise redirected(response.status_code, response.headers.get("location"))
    if not response.is_success:
        raise _refused(response, body, where, keyed=keyed)
    try:
        check_json(body, LIMITS)  # first: two letters a value make fifty times their size
        value = json.loads(body)
    except (ValueError, RecursionError, TooLargeError):
        raise _no_list(where, body) from None
    entries = _entries(value)
    if entries is None:
        raise _other_json(where, value)
    names = tuple(dict.fromkeys(_named(entries)))
    if entries and not names:
        raise _other_json(where, value)
    return names


def _entries(value: Any) -> Sequence[Any] | None:
    """The entries of a list of models; None where there is no list."""
    if isinstance(value, Mapping):
        if value.get("object") == "list" and value.get("data", ...) is None:  # Ollama without a model
            return []
        # llama.cpp has both, of which only the first is OpenAI's.
        value = next((value[key] for key in LISTS if isinstance(value.get(key), list)), None)
    return value if isinstance(value, list) else None


def _named(entries: Sequence[Any]) -> Iterator[str]:
    for entry in entries:
        if isinstance(entry, str) and entry:
            yield entry
        elif isinstance(entry, Mapping):
            name = next((found for key in NAMES if isinstance(found := entry.get(key), str) and found), None)
            if name:
                yield name


def _refused(response: httpx.Response, body: bytes, where: str, *, keyed: bool) -> ModelError:
    failure = failure_of(response.status_code, response.headers, body)
    said = sentence_of(payload_of(body))
    words = f" It says: {said}{'' if said.endswith('.') else '.'}" if said else ""
    if failure.kind is Kind.KEY and not keyed:
        return ModelError(Kind.KEY, f"{where} wants a key, and none is set.{words}", hint="Set the key of this model.")
    if failure.kind is Kind.KEY:
        return ModelError(Kind.KEY, f"{where} refuses the key.{words}", hint="Check the key of this model.")
    if response.status_code in (404, 405):
        return ModelError(
            Kind.REQUEST,
            f"{where} has no list of models: {where}/models answers {response.status_code}.{words}",
            hint=_path_hint(where),
        )
    message = f"{where} does not list its models: {where}/models answers {response.status_code}.{words}"
    return ModelError(failure.kind, message, wait=failure.wait, hint=failure.hint)


def _no_list(where: str, body: bytes) -> ModelError:
    text = body[:512].lstrip().lower()
    if not text:
        found = "with nothing"
    elif text.startswith((b"<!doctype", b"<html", b"<")):
        title = sentence_of(payload_of(body))
        found = f"with a page for people ({title})" if title else "with a page for people"
    else:
        found = "with text that is no JSON"
    message = f"{where}/models answers {found}, not with a list of models."
    return ModelError(Kind.GARBLED, message, hint=_path_hint(where))


def _other_json(where: str, value: Any) -> ModelError:
    # LM Studio answers any wrong path with 200 and an error.
    said = sentence_of({"error": value["error"]}) if isinstance(value, Mapping) and value.get("error") else ""
    words = f" It says: {said}{'' if said.endswith('.') else '.'}" if said else ""
    return ModelError(
        Kind.GARBLED, f"{where}/models answers with JSON that is no list of models.{words}", hint=_path_hint(where)
    )


def _path_hint(where: str) -> str:
    if where.endswith("/v1"):
        return "Is it the address of an OpenAI-compatible API?"
    return "Check its path: with most servers the address ends in /v1."


def _away(where: str, error: Exception) -> ModelError:
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError)):
        why = "it cannot be read" if isinstance(error, ValueError) else str(error).rstrip(".")
        message = f"{where} is no address of an endpoint: {why}."
        return ModelError(Kind.REQUEST, message, hint="It looks like http://127.0.0.1:8000/v1.")
    causes = [*causes_of(error)]
    if tls := next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None):
        why = getattr(tls, "verify_message", None) or tls.reason or "it failed"
        hint = "Is it http, not https?" if "VERSION" in str(tls.reason) else None
        return ModelError(Kind.AWAY, f"{where} cannot be reached over TLS: {why.replace('_', ' ').lower()}.", hint=hint)
    return ModelError(Kind.AWAY, f"Nothing answers at {where}: {_why(error, causes)}.", hint="Is the server started?")


def _why(error: Exception, causes: Sequence[BaseException]) -> str:
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "its name is not known"
    if isinstance(error, httpx.RemoteProtocolError):
        return "what is there does not speak HTTP"
    if isinstance(error, httpx.TooManyRedirects):
        return "it leads from one address to another"
    number = next((cause.errno for cause in causes if isinstance(cause, OSError) and cause.errno), None)
    return os.strerror(number).lower() if number else str(error).rstrip(".") or type(error).__name__


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """`error` and all that led to it: an attempt for each address of a name is one of a group."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [each for each in (cause.__cause__, cause.__context__) if each is not None]
        waiting += cause.exceptions if isinstance(cause, BaseExceptionGroup) else ()
