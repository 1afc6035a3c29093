"""In which version the artifacts of a task are, the same whether it is read as a whole or heard in pieces.

Beside the `Projection` and not made of it: a version is wanted behind every chunk, and a digest goes on where it ended.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from a2a.types.a2a_pb2 import Part, StreamResponse, Task, TaskArtifactUpdateEvent

from agentnet.tasks.events import TERMINAL_STATES


class ArtifactVersions:
    """Of one task. A version is a digest of the content, which does not show where one piece ends."""

    def __init__(self) -> None:
        self._digests: dict[str, Any] = {}
        self.is_over = False

    @classmethod
    def of(cls, task: Task) -> "ArtifactVersions":
        """Those of a task as it is."""
        versions = cls()
        versions._take(task)
        return versions

    def feed(self, event: StreamResponse) -> None:
        """Take one event in."""
        if event.HasField("task"):
            self._take(event.task)
        elif event.HasField("artifact_update"):
            self._append(event.artifact_update)
        elif event.HasField("status_update"):
            self.is_over = event.status_update.status.state in TERMINAL_STATES

    def version(self, artifact_id: str) -> str:
        """Another one when the task has ended, for then it stays; empty for an artifact that is not there."""
        digest = self._digests.get(artifact_id)
        return digest.hexdigest() + ("." if self.is_over else "") if digest else ""

    def _take(self, task: Task) -> None:
        self._digests = {
            artifact.artifact_id: digested(hashlib.sha256(), artifact.parts) for artifact in task.artifacts
        }
        self.is_over = task.status.state in TERMINAL_STATES

    def _append(self, event: TaskArtifactUpdateEvent) -> None:
        artifact = event.artifact
        kept = self._digests.get(artifact.artifact_id) if event.append else None
        self._digests[artifact.artifact_id] = digested(kept or hashlib.sha256(), artifact.parts)


def digested(digest: Any, parts: Iterable[Part]) -> Any:
    """`digest` with the content of `parts` added."""
    for part in parts:
        if part.HasField("data"):
            # Maps have no order: else replicas write the same data differently, and tell of changes that never were.
            digest.update(part.data.SerializeToString(deterministic=True))
        else:
            # No marks between parts: what is streamed in a hundred pieces is read as one.
            digest.update(part.raw or (part.text or part.url).encode())
    return digest
