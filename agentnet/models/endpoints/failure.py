"""What goes wrong with a turn of a model, told as what it is: the one error that every layer below a run raises."""

from enum import StrEnum

from agentnet.errors import UnavailableError


class Kind(StrEnum):
    """Why a turn was not done."""

    AWAY = "away"
    """Nothing answers at the address, or the connection broke before the first token."""
    LOADING = "loading"
    """The server is there, its model is not yet."""
    BUSY = "busy"
    """A rate limit; `wait` is how long the server asks for."""
    QUOTA = "quota"
    """Paid for no longer: asking again changes nothing."""
    KEY = "key"
    """The key is refused."""
    REQUEST = "request"
    """The server refuses what was asked, in its own words."""
    OVERFLOW = "overflow"
    """The prompt is longer than the model's context."""
    SERVER = "server"
    """An error of the server, before or within the stream."""
    BROKEN = "broken"
    """The stream ended before its answer did."""
    GARBLED = "garbled"
    """An answer that is no answer of this API: HTML, another JSON."""
    EMPTY = "empty"
    """Nothing said and nothing called."""
    SILENT = "silent"
    """No byte for longer than the endpoint may be silent."""
    TOO_LONG = "too long"
    """Longer in all than a turn may take."""
    LENGTH = "length"
    """Cut at its length, with nothing that could be used."""
    FILTERED = "filtered"
    """A content filter of the provider held the answer back."""
    REFUSED = "refused"
    """The model declined."""
    RUNAWAY = "runaway"
    """It repeats itself, or writes without end."""


AGAIN = frozenset(
    {Kind.AWAY, Kind.LOADING, Kind.BUSY, Kind.SERVER, Kind.BROKEN, Kind.GARBLED, Kind.EMPTY, Kind.SILENT, Kind.TOO_LONG}
)
"""Kinds that another try may mend: nothing of the turn was executed, whatever was read of it."""


class ModelError(UnavailableError):
    """A turn that was not done. The message is for people: it names the endpoint's own words where there are any."""

    def __init__(self, kind: Kind, message: str, *, wait: float | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.wait = wait
        """Seconds that the server asks to wait before the next try."""

    @property
    def again(self) -> bool:
        """Whether another try may mend it."""
        return self.kind in AGAIN
