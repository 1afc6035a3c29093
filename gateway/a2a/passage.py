"""A stream of events on its way through: cut between events only, so that another replica can go on with it.

Only streams whose events have our ids are held to that; those of foreign agents pass as they come.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

MAX_HELD_BYTES = 64 * 1024 * 1024
"""Of an event that is not complete. A longer one passes as it comes, and cannot be taken up."""
TERMINAL = frozenset({"COMPLETED", "FAILED", "CANCELED", "REJECTED"})
INTERRUPTED = frozenset({"INPUT_REQUIRED", "AUTH_REQUIRED"})
_END = b"\n\n"
_ID = b"id: "
_COMMENT = b":"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream broke off."""

    task_id: str
    event_id: str


class Passage:
    """Of one stream. `is_subscription` tells whether it goes on behind a question, unlike that of a message."""

    __slots__ = ("_held", "_held_bytes", "_is_ours", "_is_subscription", "_last", "at_boundary")

    def __init__(self, is_subscription: Callable[[], bool]) -> None:
        self._is_subscription = is_subscription
        self._is_ours: bool | None = None
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._last = b""
        """What was sent last, up to the end of an event. Looked into only when the stream has ended."""
        self.at_boundary = True
        """Whether what was sent ends with an event: in the middle of one, an error would be read as a part of it."""

    @property
    def is_ours(self) -> bool:
        """Whether its events have ids of ours, as far as was seen."""
        return self._is_ours is True

    def take(self, chunk: bytes) -> bytes:
        """What of the stream can be sent on with `chunk`."""
        if chunk.endswith(_END) and not self._held:
            self.at_boundary = True
            if not chunk.startswith(_COMMENT):
                self._last = chunk
                if self._is_ours is None:
                    self._is_ours = chunk.startswith(_ID)
            return chunk
        if self._is_ours is None and (self._held or not chunk.startswith(_COMMENT)):
            chunk = self._released() + chunk
            if len(chunk) < len(_ID) and _ID.startswith(chunk):
                self._hold(chunk)
                return b""
            self._is_ours = chunk.startswith(_ID)
        if not self._is_ours:
            self.at_boundary = chunk.endswith((_END, b"\r\n\r\n"))
            return chunk
        return self._complete(chunk)

    def _complete(self, chunk: bytes) -> bytes:
        end = chunk.rfind(_END) + len(_END)
        if end < len(_END):
            end = 1 if chunk.startswith(b"\n") and self._held and self._held[-1].endswith(b"\n") else 0
        if not end:
            self._hold(chunk)
            if self._held_bytes <= MAX_HELD_BYTES:
                return b""
            self._is_ours, self.at_boundary = False, False
            return self._released()
        self._hold(chunk[:end])
        whole = self._last = self._released()
        if chunk[end:]:
            self._hold(chunk[end:])
        return whole

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._held_bytes += len(data)

    def _released(self) -> bytes:
        data = b"".join(self._held)
        self._held, self._held_bytes = [], 0
        return data

    def broken_off(self) -> Place | None:
        """Where it broke off, if it came to no end and can be gone on with: what was held back is forgotten."""
        if not (self._is_ours and self._last):
            return None
        place, is_over = self._end()
        if is_over or place is None:
            return None
        self._released()
        return place

    def has_ended(self) -> bool:
        """Whether nothing more was to come."""
        return self.is_ours and self._end()[1]

    def is_at_question(self) -> bool:
        """Whether a message's stream ends here with a question: the subscription that goes on with it does not."""
        # A text may hold the word too: then the look was for nothing.
        return b"_REQUIRED" in self._last and self._end()[1]

    def _end(self) -> tuple[Place | None, bool]:
        """The place of the last event, and whether it is the stream's last."""
        event_id = data = ""
        for block in reversed(self._last.split(_END)):
            fields = dict(line.split(": ", 1) for line in block.decode("utf-8", "replace").split("\n") if ": " in line)
            if fields.get("event") == "error":
                return None, True
            if "id" in fields and "data" in fields:
                event_id, data = fields["id"], fields["data"]
                break
        told = _told(data)
        task_id, state = str(told.get("taskId") or told.get("id") or ""), _state(told)
        is_over = state in TERMINAL or told.get("final") is True
        is_over = is_over or (state in INTERRUPTED and not self._is_subscription())
        return (Place(task_id, event_id) if task_id and event_id else None), is_over


def _told(data: str) -> dict[str, Any]:
    """The task or the update in an event, of either version in either binding."""
    try:
        document: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    found = document.get("result", document) if isinstance(document, dict) else {}
    for key in ("task", "statusUpdate", "artifactUpdate"):
        found = found.get(key, found) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}


def _state(told: dict[str, Any]) -> str:
    status = told.get("status")
    state = status.get("state") if isinstance(status, dict) else None
    return state.upper().replace("-", "_").removeprefix("TASK_STATE_") if isinstance(state, str) else ""
