"""The order in which instances are tried: in turn, those that lately failed last."""

import itertools
import time
from collections.abc import Sequence

from cachetools import LRUCache

DOWN_SECONDS = 2.0
MAX_TURNS = 4096


class Rotation:
    """Of all instances of one kind, by URL."""

    def __init__(self) -> None:
        self._begun = itertools.count()
        self._turns: LRUCache[str, itertools.count[int]] = LRUCache(MAX_TURNS)
        """Of each service: with one for all, calls to two services by turns would always reach the same instances."""
        self._down: dict[str, float] = {}

    def ordered(self, urls: Sequence[str]) -> Sequence[str]:
        """`urls`, the instances of one service, in the order to try them."""
        if len(urls) == 1:
            return urls
        first = next(self._turn(urls)) % len(urls)
        ordered = [*urls[first:], *urls[:first]]
        if self._down:
            now = time.monotonic()
            # The sort is stable: those that failed are in turn among themselves.
            ordered.sort(key=lambda url: self._down.get(url, 0.0) > now)
        return ordered

    def mark_down(self, url: str) -> None:
        """Try the instance at `url` last for a while."""
        now = time.monotonic()
        # An instance that started again has another address: those of before would pile up.
        self._down = {known: until for known, until in self._down.items() if until > now}
        self._down[url] = now + DOWN_SECONDS

    def _turn(self, urls: Sequence[str]) -> "itertools.count[int]":
        service = min(urls)  # the registry names them in any order
        turn = self._turns.get(service)
        if turn is None:  # not all from 0: what is forgotten and begins again must not always begin at the first
            turn = self._turns[service] = itertools.count(next(self._begun))
        return turn
