"""Errors over HTTP for every service: one shape (`agentnet.errors.error_body`), never a stack trace."""

import json
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Send

from agentnet.database.retry import DATABASE_AWAY
from agentnet.errors import AgentNetError, InvalidInputError, TooLargeError, UnavailableError, error_body

logger = logging.getLogger(__name__)

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "FAILED_PRECONDITION",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    408: "DEADLINE_EXCEEDED",
    429: "RESOURCE_EXHAUSTED",
    431: "INVALID_ARGUMENT",
    503: "UNAVAILABLE",
}
MAX_PROBLEMS = 5
AWAY_SECONDS = 2.0
"""When to try again what stands on something that is away, where nobody knows better."""
CHALLENGE = 'Bearer realm="agentnet"'
"""What a credential is asked for with (RFC 9110 section 11.6.1)."""


def error_headers(error: AgentNetError) -> dict[str, str]:
    """The headers that the status of `error` asks for."""
    headers: dict[str, str] = {}
    if error.http_status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = CHALLENGE
    if retry_after := error.data.get("retry_after", AWAY_SECONDS if isinstance(error, UnavailableError) else None):
        # Whole seconds (RFC 9110 section 10.2.3), and never 0, which asks to try again at once.
        headers["retry-after"] = str(max(1, round(float(retry_after))))
    return headers


def error_response(error: AgentNetError) -> Response:
    """`error` as JSON."""
    return JSONResponse(error_body(error), error.http_status, error_headers(error))


async def send_error(send: Send, error: AgentNetError) -> None:
    """Answer with `error` as JSON."""
    headers = [(b"content-type", b"application/json")]
    headers += [(name.encode(), value.encode()) for name, value in error_headers(error).items()]
    body = json.dumps(error_body(error)).encode()
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": error.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def invalid_input(error: ValidationError) -> InvalidInputError:
    """What pydantic refused, said with field names and without the values, which may be secrets."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    said = [_problem(item["loc"], item["msg"]) for item in problems[:MAX_PROBLEMS]]
    return InvalidInputError("; ".join(said) + ".")


async def json_object(request: Request) -> dict[str, Any]:
    """The request's body, a JSON object. Raises `InvalidInputError`."""
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise InvalidInputError("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise InvalidInputError("The body must be a JSON object.")
    return body


def _problem(location: tuple[int | str, ...], message: str) -> str:
    field = ".".join(str(part) for part in location)
    message = message.removeprefix("Value error, ").rstrip(".")  # pydantic's mark of our own sentences
    return f"{field}: {message}" if field else message


async def _agentnet_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, AgentNetError)
    return error_response(error)


async def _validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    return error_response(invalid_input(error))


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = error.status_code
    body = {
        "code": code,
        "status": STATUS_NAMES.get(code, "INTERNAL" if code >= HTTPStatus.INTERNAL_SERVER_ERROR else "UNKNOWN"),
        "message": _http_message(request, error),
        "details": [],
    }
    return JSONResponse({"error": body}, code, dict(error.headers or {}))


def _http_message(request: Request, error: HTTPException) -> str:
    # No path: behind the gateway it would be another than the one that was asked for.
    if error.status_code == HTTPStatus.NOT_FOUND and error.detail == HTTPStatus.NOT_FOUND.phrase:
        return "There is nothing at this address."
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return f"This address does not take {request.method}."
    return error.detail


async def _disconnected(_request: Request, _error: Exception) -> Response:
    return error_response(TooLargeError("The request body broke off, or is over the limit."))


async def _unavailable(request: Request, error: Exception) -> Response:
    logger.warning("%s %s: PostgreSQL is away: %r", request.method, request.url.path, error)
    return error_response(UnavailableError("The database does not answer."))


async def _unexpected(request: Request, _error: Exception) -> Response:
    # Starlette raises it again after this answer, so the server logs its traceback.
    logger.error("%s %s failed", request.method, request.url.path)
    return error_response(AgentNetError("Something went wrong inside this service; its log says what."))


EXCEPTION_HANDLERS: Mapping[Any, Callable[[Request, Exception], Any]] = {
    AgentNetError: _agentnet_error,
    ValidationError: _validation_error,
    HTTPException: _http_exception,
    ClientDisconnect: _disconnected,
    **dict.fromkeys((kind for kind in DATABASE_AWAY if kind is not OSError), _unavailable),
    **dict.fromkeys(
        (ConnectionError, TimeoutError), _unavailable
    ),  # no other OSError: a file is none of the database's
    Exception: _unexpected,
}
"""What `Frame.app` gives to Starlette."""
