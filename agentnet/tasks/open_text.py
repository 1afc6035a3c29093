"""Text that is streamed: a text event that still grows, shown in pieces, and stored once it is closed."""

from a2a.types.a2a_pb2 import StreamResponse

from agentnet.tasks.parts import continues


class OpenText:
    """The event that `first` begins."""

    __slots__ = ("_event", "_first", "_pieces", "length")

    def __init__(self, first: StreamResponse) -> None:
        text = first.artifact_update.artifact.parts[0].text
        self._first = self._event = first
        self._pieces = [text]
        self.length = len(text)

    def continues_with(self, event: StreamResponse) -> bool:
        """Whether `event` is nothing but more text for this one."""
        if event.WhichOneof("payload") != "artifact_update":
            return False
        update, first = event.artifact_update, self._event.artifact_update
        return (
            update.append
            and update.artifact.artifact_id == first.artifact.artifact_id
            and len(update.artifact.parts) == 1
            and not update.HasField("metadata")
            and not update.artifact.HasField("metadata")
            and continues(first.artifact.parts[0], update.artifact.parts[0])
        )

    def add(self, event: StreamResponse) -> None:
        """More text."""
        if len(self._pieces) == 1:
            self._event = StreamResponse()
            self._event.CopyFrom(self._first)  # that is shown as it is, and rendered later
        text = event.artifact_update.artifact.parts[0].text
        self._pieces.append(text)
        self.length += len(text)
        self._event.artifact_update.last_chunk |= event.artifact_update.last_chunk

    def close(self) -> StreamResponse:
        """The whole event."""
        if len(self._pieces) > 1:
            self._event.artifact_update.artifact.parts[0].text = "".join(self._pieces)
        return self._event


def is_text(event: StreamResponse) -> bool:
    """Whether `event` is an artifact of nothing but one text, of which more may come."""
    if event.WhichOneof("payload") != "artifact_update":
        return False
    update = event.artifact_update
    parts = update.artifact.parts
    return len(parts) == 1 and parts[0].HasField("text") and not update.last_chunk
