"""The line before an endpoint: how many turns it does at once, and what it may be asked in a minute.

One line for each endpoint and process: all agents that run here wait in it, first come, first served.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from math import ceil
from weakref import WeakKeyDictionary

from agentnet.models.endpoints.endpoint import Endpoint

MINUTE = 60.0
SAY_AFTER_SECONDS = 1.0
"""How long one waits before a word is said of it."""
SAY_EVERY_SECONDS = 5.0

_lines: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, Line]]" = WeakKeyDictionary()


def line_of(endpoint: Endpoint) -> "Line":
    """The line before `endpoint`, the same for all who ask in this event loop."""
    lines = _lines.setdefault(asyncio.get_running_loop(), {})
    limits = endpoint.concurrency, endpoint.requests_per_minute, endpoint.tokens_per_minute
    key = endpoint.base_url, endpoint.model, endpoint.api_key, *limits
    if key not in lines:
        lines[key] = Line(*limits)
    return lines[key]


class Line:
    """Who waits for an endpoint and who is at it. No limit that is None holds anybody up."""

    def __init__(
        self,
        concurrency: int | None = None,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
    ) -> None:
        self._concurrency = concurrency
        self._requests = _Minute(requests_per_minute, "requests")
        self._tokens = _Minute(tokens_per_minute, "tokens")
        self._returning: deque[Place] = deque()
        """Those whose turn failed and is tried again: they have waited before."""
        self._waiting: deque[Place] = deque()
        self._inside = 0
        self._closed_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.out_until = 0.0
        """Until when nobody need ask here who can ask elsewhere: it has failed for good."""

    def join(self, *, again: bool = False) -> "Place":
        """A place at the end of the line, or `again` before all who have not been in."""
        place = Place(self)
        (self._returning if again else self._waiting).append(place)
        self._admit()
        return place

    def close(self, seconds: float) -> None:
        """Let nobody in for so long: the endpoint asked for it."""
        self._closed_until = max(self._closed_until, _now() + seconds)

    def use(self, tokens: int) -> None:
        """Count what a turn used."""
        self._tokens.add(_now(), tokens)

    def before(self, place: "Place") -> int:
        """How many are at the endpoint, or go there first."""
        queued = [*self._returning, *self._waiting]
        return self._inside + (queued.index(place) if place in queued else 0)

    def why_closed(self) -> str | None:
        """Why it is not only others that one waits for; None where it is."""
        now = _now()
        if (wait := self._closed_until - now) > 0:
            return f"waiting {ceil(wait)} s: the model's server asked for it"
        for limit in (self._requests, self._tokens):
            if (wait := limit.wait(now)) > 0:
                return f"waiting {ceil(wait)} s: this network's own limit of {limit.words()}"
        return None

    def leave(self, place: "Place") -> None:
        """Take `place` out of the line, or out of the endpoint."""
        if place.is_in:
            self._inside -= 1
        else:
            for queue in (self._returning, self._waiting):
                if place in queue:
                    queue.remove(place)
        self._admit()

    def _admit(self) -> None:
        while queue := self._returning or self._waiting:
            if self._concurrency is not None and self._inside >= self._concurrency:
                return
            now = _now()
            wait = max(self._closed_until - now, self._requests.wait(now), self._tokens.wait(now))
            if wait > 0:
                self._look_again(now + wait)
                return
            self._requests.add(now, 1)
            self._inside += 1
            queue.popleft().enter()

    def _look_again(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._admit)


class Place:
    """One turn's place, from the end of the line until it leaves the endpoint."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._has_left = False

    @property
    def is_in(self) -> bool:
        """Whether it is its turn."""
        return self._entered.done()

    def enter(self) -> None:
        """It is its turn."""
        self._entered.set_result(None)

    def leave(self) -> None:
        """Make way, wherever in the line it is. Once is enough, and more do no harm."""
        if not self._has_left:
            self._has_left = True
            self._line.leave(self)

    async def wait(self) -> AsyncIterator[str]:
        """Wait for its turn, with a word now and then of what for."""
        told, seconds = "", SAY_AFTER_SECONDS
        while not self.is_in:
            await asyncio.wait([self._entered], timeout=seconds)
            if not self.is_in and (words := self._words()) != told:
                yield words
                told = words
            seconds = SAY_EVERY_SECONDS

    def _words(self) -> str:
        before = self._line.before(self)
        closed = None if before > self._line._inside else self._line.why_closed()
        return closed or f"waiting for the model: {before} before this one"


def _now() -> float:
    return asyncio.get_running_loop().time()  # not kept: the lines of a loop must not keep it alive


class _Minute:
    """What was used within the last minute, against a limit."""

    def __init__(self, limit: int | None, what: str) -> None:
        self._limit = limit
        self._what = what
        self._used: deque[tuple[float, int]] = deque()
        self._sum = 0

    def add(self, now: float, amount: int) -> None:
        """Count it."""
        if self._limit is not None and amount > 0:
            self._used.append((now, amount))
            self._sum += amount

    def wait(self, now: float) -> float:
        """Seconds until more may be used."""
        if self._limit is None:
            return 0.0
        while self._used and self._used[0][0] + MINUTE <= now:
            self._sum -= self._used.popleft()[1]
        left = self._sum
        for moment, amount in self._used:
            if left < self._limit:
                break
            left -= amount
            if left < self._limit:
                return moment + MINUTE - now
        return 0.0

    def words(self) -> str:
        """The limit."""
        return f"{self._limit:,} {self._what} a minute"
