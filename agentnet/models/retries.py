"""When a turn that failed is tried again: how often, after which pause, and what is said of it meanwhile."""

import random
from math import ceil

from agentnet.models.endpoints.failure import LONG_WAIT_SECONDS, Kind, ModelError

MOST_REPEATS = 4
MOST_SILENCES = 1
"""Repeats after a timeout: the same prompt takes its time again."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 20.0
LOOK_SECONDS = 5.0
"""How often it is looked whether a server or its model has come."""
PATIENCE_SECONDS = 60.0
"""How long a server or its model that may come is waited for where another model could do the turn."""
SAID_FROM_SECONDS = 1.0
SAID_EVERY_SECONDS = 15.0

REASONS = {
    Kind.AWAY: "nothing answers",
    Kind.LOADING: "the model is not ready yet",
    Kind.BUSY: "rate limit",
    Kind.SERVER: "an error of the model's server",
    Kind.BROKEN: "the answer broke off",
    Kind.GARBLED: "the answer could not be read",
    Kind.EMPTY: "the model said nothing",
    Kind.SILENT: "the model fell silent",
}


class Retries:
    """The tries of one turn at one endpoint."""

    def __init__(self, *, is_last: bool) -> None:
        self._is_last = is_last
        """Whether no other model could do the turn."""
        self.tries = 1
        self._repeats = 0
        self._silences = 0
        self._waited = 0.0
        """Seconds for what may come."""
        self._said_at = 0.0

    def pause(self, error: ModelError, left: float) -> float | None:
        """Seconds until the next try, of the `left` ones; None where there is none."""
        seconds = self._pause(error)
        if seconds is None or seconds >= left:
            return None
        self.tries += 1
        return seconds

    def words(self, error: ModelError, seconds: float) -> str | None:
        """What to say of the pause; None where it is not worth a word, or one was said."""
        reason = REASONS.get(error.kind, "another try")
        if not error.may_come:
            return f"waiting {ceil(seconds)} s: {reason}" if seconds >= SAID_FROM_SECONDS else None
        if self._said_at and self._waited - self._said_at < SAID_EVERY_SECONDS:
            return None
        self._said_at = self._waited
        return f"waiting for the model: {reason}"

    def _pause(self, error: ModelError) -> float | None:
        asked = error.wait
        if not error.again or (asked is not None and asked > LONG_WAIT_SECONDS):
            return None
        if error.may_come:
            return self._until_it_comes(asked)
        self._repeats += 1
        self._silences += error.kind is Kind.SILENT
        if self._repeats > MOST_REPEATS or self._silences > MOST_SILENCES:
            return None
        return asked or _growing(self._repeats, LONGEST_PAUSE_SECONDS)

    def _until_it_comes(self, asked: float | None) -> float | None:
        if not self._is_last and self._waited >= PATIENCE_SECONDS:
            return None
        seconds = asked or _growing(self.tries, LOOK_SECONDS)
        self._waited += seconds
        return seconds


def _growing(number: int, longest: float) -> float:
    """The pause before the repeat of that number; with a share of chance, or all would come back at one moment."""
    seconds: float = min(FIRST_PAUSE_SECONDS * 2.0 ** min(number - 1, 16), longest)
    return seconds * random.uniform(0.75, 1.0)  # noqa: S311
