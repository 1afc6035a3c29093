"""Ids of events of agents' calls, sealed: all that another replica needs to go on with the stream; none keeps anything.

2025-11-25, transports: resumability and redelivery.
"""

from dataclasses import dataclass

from agentnet.identity.sealing import Seal
from gateway.mcp.messages.era import Era
from gateway.mcp.messages.errors import Document
from gateway.mcp.messages.exchange import Exchange
from gateway.mcp.messages.jsonrpc import request
from gateway.mcp.messages.sealed import sealed, unsealed
from gateway.mcp.messages.session import Session

PREFIX = "agent-event."
KIND = "mcp event"
PRIMING_VERSION = "2025-11-25"
"""Clients of older versions read no event without data."""
MAX_CHARACTERS = 8192
"""Of an id; names, tokens and request ids that a client made longer get none."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """What an id stands for."""

    message: Document
    """The request to serve: a look at the task, under the id and progress token of the call that was cut off."""
    told: int
    """The number of the last progress that the client was told."""


class EventIds:
    """Makes ids and reads them again."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def make(self, exchange: Exchange, task_id: str, told: int) -> str | None:
        """The id of an event of a call that began `task_id`; None where nothing can be resumed."""
        if exchange.era is not Era.LEGACY or exchange.session is None or not task_id:
            return None
        call = [exchange.id, exchange.params.get("name"), exchange.progress_token]
        made = sealed(self._seal, [KIND, exchange.session.id, task_id, told, *call])
        return PREFIX + made if len(made) <= MAX_CHARACTERS else None

    def read(self, session: Session, text: str) -> Resumption | None:
        """What an id stands for; None for one that is no id, or another session's."""
        if not text.startswith(PREFIX):
            return None
        opened = unsealed(self._seal, text.removeprefix(PREFIX), MAX_CHARACTERS)
        if not isinstance(opened, list) or opened[:2] != [KIND, session.id]:
            return None
        _, _, task_id, told, identifier, name, token = opened
        params: Document = {"name": name, "arguments": {"message": "", "task_id": task_id}}
        params |= {} if token is None else {"_meta": {"progressToken": token}}
        return Resumption(request(identifier, "tools/call", params), told)
