"""An HTTP answer that is an error, as one of the project's own errors."""

import httpx

from agentnet.errors import (
    AgentNetError,
    BusyError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)
from agentnet.settings import place_of

_ERRORS: dict[int, type[AgentNetError]] = {
    400: InvalidInputError,
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: TooLargeError,
}


def error_of(response: httpx.Response) -> AgentNetError:
    """The gateway's error as ours, with its own words."""
    # It may be a date (RFC 9110, section 10.2.3): read as a number it was a traceback in place of a sentence.
    said = response.headers.get("retry-after", "")
    if response.status_code == 401 and "authorization" not in response.request.headers:
        hint = "Set AGENTNET_API_KEY; `agentnet keys show-admin` prints that of a network of this machine."
        return UnauthenticatedError(f"No key was sent to the gateway: {_message(response)}", hint=hint)
    return error_for(_message(response), response.status_code, float(said) if said.isdigit() else 1.0)


def error_for(message: str, status: int, retry_after: float) -> AgentNetError:
    """The error of our own kind that a status of HTTP stands for."""
    if status == 429:
        return BusyError(message, retry_after=retry_after)
    if status == 401:
        place = place_of("api_key")
        hint = (
            f"It is {place}: set it to one that holds, or remove it to use the admin key of this machine."
            if place
            else "It is the admin key of this machine: set AGENTNET_API_KEY to one that holds."
        )
        return UnauthenticatedError(f"The gateway does not take the key: {message}", hint=hint)
    kind = _ERRORS.get(status, UnavailableError)
    return kind(message)


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"The gateway answered {response.status_code} {response.reason_phrase}."
