"""Exceptions of the OpenAI client, its HTTP client, the Agents SDK and LiteLLM, told as the failure of a turn."""

import errno
import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any

from agents.exceptions import AgentsException, ModelBehaviorError, ModelRefusalError, ModelTimeoutError, UserError
from openai import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    OpenAIError,
)

from agentnet.errors import AgentNetError
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.refusals import failure_of, failure_said
from agentnet.models.endpoints.sentences import shortened
from agentnet.settings import LOOPBACK_HOSTS

DEEP = 10
"""How far back a chain of causes is followed."""
CONNECTING = ("ConnectTimeout", "PoolTimeout")
UNSENDABLE = ("UnsupportedProtocol", "InvalidURL", "LocalProtocolError", "CookieConflict")
REDIRECTED = ("TooManyRedirects",)
FILTER_WORDS = "content filter"
"""What the SDK says in place of a refusal that a provider gave without words."""


def failure_in(error: BaseException, *, has_begun: bool = False) -> ModelError:
    """What `error`, which ended a turn that `has_begun` to be answered or not, means. Its cause is `error`."""
    told = _told(error, has_begun)
    if told is not error and told.__cause__ is None:
        told.__cause__ = error
    return told


def _told(error: BaseException, has_begun: bool) -> ModelError:
    for each in _chain(error):
        if isinstance(each, ModelError):
            return each
        if isinstance(each, AgentNetError):  # of our own parts under the client, made to be read
            return ModelError(Kind.REQUEST, each.message, hint=each.hint)
    match error:
        case APIStatusError():
            return _of_status(error)
        case APITimeoutError() | ModelTimeoutError() | TimeoutError():
            return _of_timeout(error)
        case APIConnectionError():
            return _of_connection(error, has_begun)
        case APIResponseValidationError():
            return _garbled(error)
        case APIError():
            return failure_said(error.body or {"message": error.message})
        case ModelRefusalError():
            return refused(error.refusal)
        case ModelBehaviorError():
            return _of_behavior(str(error))
        case UserError() | OpenAIError():
            return ModelError(Kind.REQUEST, f"The model cannot be asked so: {shortened(str(error))}")
        case _:
            return _of_others(error, has_begun)


def refused(words: str) -> ModelError:
    """The model, or the filter before it, said no."""
    if FILTER_WORDS in words:
        return filtered()
    return ModelError(Kind.REFUSED, f"The model declined: {shortened(words)}")


def filtered(words: str = "") -> ModelError:
    """A filter held the answer back."""
    return ModelError(
        Kind.FILTERED,
        "The model's answer was held back by its provider's content filter"
        + (f": {shortened(words)}" if words else "."),
    )


def cut_short(max_tokens: int | None) -> ModelError:
    """The answer ended at its length before there was any."""
    limit = "its limit" if max_tokens is None else f"its limit of {max_tokens:,} tokens"
    return ModelError(
        Kind.LENGTH,
        f"The model reached {limit} before it had answered; what it thinks counts too.",
        hint="Raise limits.max_output_tokens of the agent, or its model's context.",
    )


def _of_status(error: APIStatusError) -> ModelError:
    try:
        body = error.response.content
    except Exception:  # noqa: BLE001 - LiteLLM makes responses up, and a body may be unread
        body = b""
    if not body:
        body = _as_bytes(error.body or error.message)
    return failure_of(error.status_code, error.response.headers, body)


def _as_bytes(body: object) -> bytes:
    try:
        return json.dumps(body).encode()
    except (TypeError, ValueError):
        return str(body).encode("utf-8", "replace")


def _of_timeout(error: BaseException) -> ModelError:
    names = {type(each).__name__ for each in _chain(error)}
    if names.intersection(CONNECTING):
        return ModelError(Kind.AWAY, f"The model's server{_place(error)} takes no connection: no answer in time.")
    return ModelError(
        Kind.SILENT,
        "The model said nothing for as long as it is waited for.",
        hint="A server that reads long prompts slowly needs more: raise AGENTNET_MODEL_TIMEOUT_SECONDS.",
    )


def _of_connection(error: BaseException, has_begun: bool) -> ModelError:
    causes = list(_chain(error))
    names = {type(each).__name__ for each in causes}
    place = _place(error)
    if any(isinstance(each, OSError) and each.errno == errno.ECONNREFUSED for each in causes):
        return ModelError(
            Kind.AWAY, f"The model's server{place} is not there: the connection is refused.", may_come=not has_begun
        )
    if any(isinstance(each, socket.gaierror) for each in causes):
        return ModelError(Kind.AWAY, f"The model's server{place} is not known: its name has no address.")
    if tls := next((each for each in causes if isinstance(each, ssl.SSLError)), None):
        return ModelError(Kind.AWAY, f"The model's server{place} cannot be trusted: {shortened(str(tls))}")
    if names.intersection(UNSENDABLE):
        return ModelError(
            Kind.REQUEST, f"The model's server{place} cannot be asked: its URL, or the key, cannot be sent as it is."
        )
    if names.intersection(REDIRECTED):
        return ModelError(Kind.REQUEST, f"The model's server{place} sends in a circle.", hint="Check its URL.")
    if has_begun:
        return ModelError(Kind.BROKEN, "The model's answer broke off: its server closed the connection.")
    return ModelError(Kind.AWAY, f"The model's server{place} closed the connection without an answer.")


def _of_behavior(words: str) -> ModelError:
    if "finish_reason='length'" in words:
        return cut_short(None)
    if "before receiving a finish_reason" in words or "did not produce a final response" in words:
        return broken()
    return ModelError(Kind.GARBLED, f"The model answered what cannot be used: {shortened(words)}")


def _of_others(error: BaseException, has_begun: bool) -> ModelError:
    module = type(error).__module__.partition(".")[0]
    if module in ("httpx", "httpx2", "httpcore", "httpcore2", "aiohttp") or isinstance(error, OSError):
        return _of_timeout(error) if "Timeout" in type(error).__name__ else _of_connection(error, has_begun)
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status >= 400:  # of a client that is not known here
        return failure_of(status, {}, _as_bytes(str(error)))
    if isinstance(error, AgentsException):
        return ModelError(Kind.GARBLED, f"The model answered what cannot be used: {shortened(str(error))}")
    return _garbled(error)


def broken() -> ModelError:
    """Its end is missing."""
    return ModelError(Kind.BROKEN, "The model's answer broke off before its end.")


def _garbled(error: BaseException) -> ModelError:
    return ModelError(
        Kind.GARBLED,
        f"The model's server answered what cannot be read ({type(error).__name__}).",
        hint="Check that its URL leads to an OpenAI-compatible API.",
    )


def _place(error: BaseException) -> str:
    """` at http://localhost:1`, for servers of this machine alone: where others are is not for every client to know."""
    for each in _chain(error):
        try:
            url: Any = each.request.url  # type: ignore[attr-defined]
            port = f":{url.port}" if url.port else ""
            return f" at {url.scheme}://{url.host}{port}" if url.host in LOOPBACK_HOSTS else ""
        except Exception:  # noqa: BLE001, S112 - errors without a request, or with one that has no URL
            continue
    return ""


def _chain(error: BaseException, depth: int = DEEP) -> Iterator[BaseException]:
    """The error and what caused it, groups included, and what HTTP clients keep back of it (`from None`)."""
    if depth <= 0:
        return
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _chain(each, depth - 1)
    before = error.__cause__ or error.__context__
    if before is not None:
        yield from _chain(before, depth - 1)
