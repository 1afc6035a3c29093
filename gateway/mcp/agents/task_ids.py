"""Ids of MCP tasks: the agent, its A2A task and the owner, sealed: any replica answers, none keeps anything."""

import time
from dataclasses import dataclass

from agentnet.identity import Principal
from agentnet.identity.sealing import Seal
from gateway.mcp.messages.sealed import sealed, unsealed

PREFIX = "agent-task."
KIND = "mcp task"
MAX_CHARACTERS = 2048


@dataclass(frozen=True, slots=True)
class TaskRef:
    """What an id stands for."""

    id: str
    agent: str
    task_id: str
    """At the agent."""
    created: float
    """Unix time in seconds at which the client got the id."""


class TaskIds:
    """Makes ids and reads them again."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def make(self, principal: Principal, agent: str, task_id: str) -> TaskRef:
        """A new id, for `principal` alone."""
        created = round(time.time(), 3)
        made = sealed(self._seal, [KIND, principal.tenant, principal.subject, agent, task_id, created])
        return TaskRef(PREFIX + made, agent, task_id, created)

    def read(self, principal: Principal, text: str) -> TaskRef | None:
        """What an id stands for; None for one that is no id, or another's."""
        if not is_task_id(text):
            return None
        opened = unsealed(self._seal, text.removeprefix(PREFIX), MAX_CHARACTERS)
        # Another's id is as unknown as one that was made up: neither is told apart.
        if not isinstance(opened, list) or opened[:3] != [KIND, principal.tenant, principal.subject]:
            return None
        _, _, _, agent, task_id, created = opened
        return TaskRef(text, agent, task_id, created)


def is_task_id(text: str) -> bool:
    """Whether a text looks like an id of a task of an agent."""
    return text.startswith(PREFIX)
