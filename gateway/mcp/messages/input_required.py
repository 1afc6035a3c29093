"""Questions to a modern client: the call ends with them, and the client calls again with the answers (MRTR).

`requestState` passes through the client's hands: it is sealed, and holds for the caller and the request that it was
made for, for a while.
"""

import base64
import time
from hashlib import sha256
from typing import Any

from mcp_types.jsonrpc import INVALID_PARAMS, MISSING_REQUIRED_CLIENT_CAPABILITY

from agentnet.identity.sealing import Seal
from gateway.mcp.messages.errors import Document, McpError
from gateway.mcp.messages.exchange import Exchange, InputRequired, Question
from gateway.mcp.messages.jsonrpc import object_or_empty, write
from gateway.mcp.messages.sealed import sealed, unsealed

STATE_SECONDS = 3600.0
"""How long a client may take to answer."""
MAX_STATE_CHARACTERS = 64 * 1024
CAPABILITY_OF = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}
MAY_ASK = frozenset({"tools/call", "prompts/get", "resources/read"})
"""Requests that may be answered with questions (2026-07-28, MRTR)."""
UNBOUND = frozenset({"_meta", "inputResponses", "requestState"})
"""Parameters that differ between a call and its retry."""


class Retries:
    """`Answering` of the modern era."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    async def ask(self, exchange: Exchange, questions: dict[str, Question], state: Document) -> dict[str, Document]:
        """The answers that the call brought; raises `InputRequired` with the questions that are still open."""
        check_capabilities(exchange, questions)
        given = object_or_empty(exchange.params.get("inputResponses"))
        answers = {key: object_or_empty(given[key]) for key in questions if key in given}
        if len(answers) < len(questions):
            raise InputRequired({key: value for key, value in questions.items() if key not in answers}, state)
        return answers

    def state(self, exchange: Exchange) -> Document | None:
        """The state that `close` sealed."""
        given = exchange.params.get("requestState")
        if given is None:
            return None
        kept = object_or_empty(unsealed(self._seal, given, MAX_STATE_CHARACTERS) if isinstance(given, str) else None)
        # Sealed is not enough: it may be another caller's, or of another call, brought here (2026-07-28, MRTR).
        if kept.get("for") != _binding(exchange) or kept["until"] < time.time():
            raise _wrong_state()
        state: Document = kept["state"]
        return state

    def close(self, exchange: Exchange, required: InputRequired) -> Document:
        """The result that asks the client."""
        kept = {"for": _binding(exchange), "until": time.time() + STATE_SECONDS, "state": required.state}
        questions = {key: {"method": each.method, "params": each.params} for key, each in required.questions.items()}
        state = sealed(self._seal, kept)
        return {"resultType": "input_required", "inputRequests": questions, "requestState": state}


def check_capabilities(exchange: Exchange, questions: dict[str, Question]) -> None:
    """Raises `McpError` (-32021 in the modern era) when the client did not declare that it can answer."""
    # A server asks nothing that its client did not declare.
    missing = {CAPABILITY_OF[each.method] for each in questions.values()} - exchange.capabilities.keys()
    if missing:
        detail: dict[str, Any] = {"requiredCapabilities": {name: {} for name in sorted(missing)}}
        named = ", ".join(sorted(missing))
        raise McpError(MISSING_REQUIRED_CLIENT_CAPABILITY, f"This needs a client that offers {named}.", detail=detail)


def can_be_asked(capabilities: Document) -> bool:
    """Whether a client that declared `capabilities` answers questions of any kind."""
    return any(name in capabilities for name in CAPABILITY_OF.values())


def _binding(exchange: Exchange) -> str:
    """Stands for the caller and the request, without what differs in a retry."""
    principal = exchange.principal
    params = {key: value for key, value in exchange.params.items() if key not in UNBOUND}
    bound = [principal.tenant, principal.subject, exchange.profile.name, exchange.method, params]
    return base64.b64encode(sha256(write(bound)).digest()).decode()


def _wrong_state() -> McpError:
    return McpError(INVALID_PARAMS, "requestState is not one of this server, for this call, or has expired.")
