"""What goes wrong with a turn of a model, told as what it is: the one error that every layer below a run raises."""

import re
from base64 import b64encode
from collections.abc import Iterable
from enum import StrEnum
from math import ceil

from agentnet.errors import UnavailableError

UNNAMED = re.compile(r"\b[Tt]he model\b")
SHORTEST_SECRET = 8
"""Characters under which a key is a placeholder, such as `none`, that words may hold by chance."""
TOLD_BY = 12
"""So many characters of a key in a row are a piece of it: words are cut, and some servers show its halves."""
LONG_WAIT_SECONDS = 60.0
"""The longest wait that a server may ask for and is given."""


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


AGAIN = frozenset({Kind.AWAY, Kind.LOADING, Kind.BUSY, Kind.SERVER, Kind.BROKEN, Kind.GARBLED, Kind.EMPTY, Kind.SILENT})
"""Kinds that another try may mend: nothing of the turn was executed, whatever was read of it."""
ELSEWHERE = AGAIN | {Kind.QUOTA, Kind.KEY, Kind.TOO_LONG, Kind.RUNAWAY}
"""Kinds that another model may mend: the request itself is not at fault."""


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` without `secrets`: neither whole nor in pieces, in capitals, or in base64."""
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            for form in (secret, b64encode(secret.encode("utf-8", "replace")).decode().rstrip("=")):
                text = _without(text, form)
    return text


def _without(text: str, secret: str) -> str:
    pieces = [secret[start : start + TOLD_BY] for start in range(max(len(secret) - TOLD_BY, 0) + 1)]
    low = text.lower()
    if not any(piece.lower() in low for piece in pieces):
        return text
    told: set[int] = set()
    for piece in pieces:
        for found in re.finditer(re.escape(piece), text, re.IGNORECASE):
            told.update(range(*found.span()))
    return "".join(
        "" if number in told and number - 1 in told else "…" if number in told else character
        for number, character in enumerate(text)
    )


class ModelError(UnavailableError):
    """A turn that was not done. The message is for people: it names the endpoint's own words where there are any.

    It says `the model`, and whoever knows which one it is puts the name there (`named`).
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        *,
        wait: float | None = None,
        hint: str | None = None,
        answered: int | None = None,
        may_come: bool | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.wait = wait
        """Seconds that the server asks to wait before the next try."""
        self.answered = answered
        """The HTTP status that it answered with, where that is what went wrong."""
        self.may_come = kind is Kind.LOADING if may_come is None else may_come
        """Whether it is worth a long wait: a server that starts, a model that loads."""

    @property
    def again(self) -> bool:
        """Whether another try may mend it."""
        return self.kind in AGAIN

    @property
    def elsewhere(self) -> bool:
        """Whether another model may mend it. A path or a model that is not there (404, 410) is this endpoint's own."""
        return self.kind in ELSEWHERE or (self.kind is Kind.REQUEST and self.answered in (404, 410))

    def named(self, name: str, *, tries: int = 1) -> "ModelError":
        """The same, told of the model of that name, after so many tries."""
        message = UNNAMED.sub(lambda found: f"{found[0]} {name}", self.message, count=1)
        if tries > 1:
            message += f" It was asked {tries} times."
        if (self.wait or 0.0) > LONG_WAIT_SECONDS:
            message += f" It is to be left alone for {ceil(self.wait or 0.0)} s."
        return self._saying(message)

    def without(self, secrets: Iterable[str]) -> "ModelError":
        """The same, and none of `secrets` in its words: some servers put the key that they refuse into their answer."""
        message = masked(self.message, secrets)
        return self if message == self.message else self._saying(message)

    def _saying(self, message: str) -> "ModelError":
        said = ModelError(
            self.kind, message, wait=self.wait, hint=self.hint, answered=self.answered, may_come=self.may_come
        )
        said.__cause__ = self.__cause__
        return said
