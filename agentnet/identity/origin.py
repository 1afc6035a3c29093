"""For which task a tool is called: this network's agents say it in the `_meta` of the call.

Anybody may write such names into `_meta`. Whether it was an agent of this network, only the call's token tells, see
`mcp_servers/hosting/caller.py:origin_of`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

TASK_META = "agentnet.dev/task_id"
CONTEXT_META = "agentnet.dev/context_id"
ORIGIN_META = frozenset({TASK_META, CONTEXT_META})


@dataclass(frozen=True, slots=True)
class Origin:
    """A task, and the context that it belongs to."""

    task_id: UUID
    context_id: str

    def as_meta(self) -> dict[str, str]:
        """What a call says of it."""
        return {TASK_META: str(self.task_id), CONTEXT_META: self.context_id}

    @classmethod
    def in_meta(cls, meta: Mapping[str, Any] | None) -> "Origin | None":
        """What a call said of it; None where it said nothing that can be read."""
        said = meta or {}
        try:
            return cls(UUID(str(said[TASK_META])), str(said[CONTEXT_META]))
        except (KeyError, ValueError):
            return None
