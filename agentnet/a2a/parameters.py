"""Service parameters (A2A 1.0 section 3.2.6) and what else comes beside a request: who calls, and how long it waits.

A client says how long it waits for a blocking answer with `Request-Timeout: <seconds>`, or with
`Prefer: wait=<seconds>` (RFC 7240 section 4.3); over gRPC the call's own deadline says it.
"""

import math
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from a2a.extensions.common import HTTP_EXTENSION_HEADER, get_requested_extensions
from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import AgentCard, SendMessageRequest
from a2a.utils.constants import PROTOCOL_VERSION_0_3, PROTOCOL_VERSION_1_0, VERSION_HEADER
from a2a.utils.errors import (
    ExtensionSupportRequiredError,
    InvalidParamsError,
    TaskNotFoundError,
    VersionNotSupportedError,
)

from agentnet.errors import ForbiddenError
from agentnet.http.waiting import stated_wait
from agentnet.identity import Principal
from agentnet.tasks.push_config import VERSION_0_3, VERSION_1_0
from agentnet.tasks.request import Circumstances, without_secrets

PRINCIPAL = "principal"
"""Key of the caller in the state of the call context."""
HEADERS = "headers"
"""Key of the request's headers, or metadata, in the state of the call context."""
EXTENSIONS = HTTP_EXTENSION_HEADER.lower()
DEADLINE_SECONDS = "deadline_seconds"
"""Key of the seconds that are left to answer, where the transport itself says them."""
SPOKEN_VERSIONS = (PROTOCOL_VERSION_1_0, PROTOCOL_VERSION_0_3)
ANSWER_SHARE = 0.1
"""The share of a transport's deadline, at most a second, that is left for the answer to reach the client."""

_VERSION = re.compile(r"(\d{1,4}\.\d{1,4})(\.\d{1,9})?")


def call_context(
    principal: Principal,
    headers: Mapping[str, str],
    deadline_seconds: float | None = None,
) -> ServerCallContext:
    """The context of a call. `headers` have lower-case names, and commas between the values of one name."""
    state = {PRINCIPAL: principal, HEADERS: headers, DEADLINE_SECONDS: deadline_seconds}
    stated = headers.get(EXTENSIONS)
    wanted = get_requested_extensions([stated]) if stated else set[str]()
    return ServerCallContext(state=state, requested_extensions=wanted)


def spoken_version(stated: str) -> str:
    """`Major.Minor` of a stated version; a patch number counts for nothing, and no version means 0.3 (section 3.6.2).

    Raises `VersionNotSupportedError`.
    """
    if not stated.strip():
        return PROTOCOL_VERSION_0_3
    found = _VERSION.fullmatch(stated.strip())
    if found is None or found[1] not in SPOKEN_VERSIONS:
        raise VersionNotSupportedError(
            f"A2A version {stated[:20]} is not supported; this agent speaks {' and '.join(SPOKEN_VERSIONS)}.",
            {"supportedVersions": ", ".join(SPOKEN_VERSIONS)},
        )
    return found[1]


def caller(context: ServerCallContext, request: Any = None) -> Principal:
    """Who calls. Raises `ForbiddenError` when path or request name a tenant that the credential is not of."""
    principal: Principal = context.state[PRINCIPAL]
    for named in (context.tenant, request.tenant if request is not None else ""):
        if named and named != principal.tenant:
            raise ForbiddenError(f"This credential is not of the tenant {named[:80]}.")
    return principal


class RequiredExtensions:
    """Those that every caller of an agent must declare, as its card says."""

    def __init__(self, card: AgentCard) -> None:
        self._uris = frozenset(extension.uri for extension in card.capabilities.extensions if extension.required)

    def check(self, context: ServerCallContext) -> None:
        """Raises `ExtensionSupportRequiredError` when the caller does not declare one."""
        if missing := ", ".join(sorted(self._uris - context.requested_extensions)):
            raise ExtensionSupportRequiredError(
                f"This agent requires {missing}; name it in {HTTP_EXTENSION_HEADER}.", {"extensions": missing}
            )


def circumstances_of(params: SendMessageRequest, context: ServerCallContext) -> Circumstances:
    """What a message comes with, as its executor is told."""
    return Circumstances(
        params.message.message_id,
        caller(context).subject,
        params,
        frozenset(context.requested_extensions),
        without_secrets(context.state.get(HEADERS) or {}),
    )


def patience(context: ServerCallContext, longest: float) -> float:
    """Seconds that the caller waits for a task to rest, at most `longest`. Raises `InvalidParamsError`."""
    left = context.state.get(DEADLINE_SECONDS)
    if left is not None:  # gRPC ends the call itself then, with an error in place of the task as it is
        longest = min(longest, max(0.0, left - min(1.0, left * ANSWER_SHARE)))
    headers = context.state.get(HEADERS) or {}
    timeout = headers.get("request-timeout", "")
    stated = stated_wait(timeout, headers.get("prefer", ""))
    if stated is None:
        return longest
    if math.isnan(stated):
        raise InvalidParamsError(
            f"Request-Timeout must be a number of seconds, not {timeout.strip()[:40]}.",
            {"errors": [{"field": "Request-Timeout", "message": "Must be a number of seconds, 0 or more."}]},
        )
    return min(longest, stated)


def protocol_version(context: ServerCallContext) -> str:
    """The version of A2A that a client speaks: without a word of it, 0.3 (A2A 1.0 section 3.6.2)."""
    headers = context.state.get("headers")
    if headers is None:
        return VERSION_1_0
    said = headers.get(VERSION_HEADER.lower()) or headers.get(VERSION_HEADER) or VERSION_0_3
    return VERSION_0_3 if said.startswith("0.") else VERSION_1_0


def task_id_in(text: str) -> UUID:
    """The id that a request names. Raises `TaskNotFoundError`: what is not an id of ours is no task of ours."""
    try:
        return UUID(text)
    except ValueError:
        raise TaskNotFoundError(f"There is no task {text[:80]}.") from None
