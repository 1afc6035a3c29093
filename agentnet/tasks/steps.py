"""Steps: what a run tells of itself while it works. They ride on A2A status updates as metadata, as an A2A extension.

A step's event is a `TaskStatusUpdateEvent` in state WORKING without a message, whose metadata holds the step under
`STEPS`. A delegation passes its child's steps on, so a root task's stream tells of the whole tree.
"""

from dataclasses import dataclass
from typing import Any, Literal

STEPS = "https://agentnet.dev/extensions/steps/v1"
"""URI of the extension, and the metadata key."""

SOURCE = "https://agentnet.dev/extensions/source/v1"
"""Metadata key of an artifact that a delegation passed on: the path of agents that it came from."""

ANSWER = "response"
"""Id of the artifact that holds a specialist's answer; that of a later one in the same task goes on behind it."""

StepKind = Literal["model", "tool", "delegation", "handoff", "question"]
StepPhase = Literal["start", "end"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one agent's run."""

    id: str
    """The same for start and end; unique in the tree."""
    kind: StepKind
    phase: StepPhase
    name: str
    """Tool name, peer's name, or model name."""
    path: tuple[str, ...]
    """Agents from the root to the one whose step this is."""
    task_id: str
    """The task of the agent whose step this is."""
    summary: str = ""
    """Arguments at the start, outcome at the end, shortened."""
    ms: int | None = None
    """Duration, at the end; of a wait that goes on, so far."""
    ok: bool = True
    peer_task_id: str | None = None
    """The child task of a delegation, once known."""

    @property
    def agent(self) -> str:
        """Whose step this is."""
        return self.path[-1]

    def as_metadata(self) -> dict[str, Any]:
        """The metadata of its event."""
        return {STEPS: {name: getattr(self, name) for name in self.__slots__} | {"path": list(self.path)}}


def step_of(metadata: dict[str, Any]) -> Step | None:
    """The step in an event's metadata, if there is one that can be read."""
    data = metadata.get(STEPS)
    if not isinstance(data, dict):
        return None
    # A peer may be of another version: what is not known here is left out.
    known: dict[str, Any] = {key: data[key] for key in Step.__slots__ if key in data}
    try:
        ms = known.get("ms")
        known.update(path=tuple(known["path"]), ms=None if ms is None else int(ms))
        return Step(**known)
    except (TypeError, KeyError, ValueError):
        return None
