"""A bounded cache of what the registry and the agents say: one load at a time per key, stale while they are away."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import cachetools
from cachetools import LRUCache

from agentnet.errors import UnavailableError

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

MAX_KEYS = 4096


def peek(kept: LRUCache[Key, Value], key: Key) -> Value | None:
    """What is kept under `key`. It does not count as used by that: for what is kept anew every moment while it is used.

    `get` is six calls in Python, and a relayed call asks ten caches.
    """
    try:
        return cachetools.Cache.__getitem__(kept, key)
    except KeyError:
        return None


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Value]):
    value: Value
    loaded_at: float


class Cache(Generic[Key, Value]):
    """Keeps a value for `seconds`. When its source does not answer, the old value serves for `grace_seconds` more."""

    def __init__(self, seconds: float, *, grace_seconds: float = 0.0, max_keys: int = MAX_KEYS) -> None:
        self._seconds = seconds
        self._grace_seconds = grace_seconds
        self._kept: LRUCache[Key, _Kept[Value]] = LRUCache(max_keys)
        self._loading: dict[Key, asyncio.Task[Value]] = {}

    async def get(self, key: Key, load: Callable[[], Awaitable[Value]]) -> Value:
        """The value of `key`, loaded when it is not fresh. Raises what `load` raises."""
        kept = self._kept.get(key)
        now = time.monotonic()
        if kept is not None and now - kept.loaded_at < self._seconds:
            return kept.value
        try:
            return await self._load_once(key, load)
        except UnavailableError:
            if kept is not None and now - kept.loaded_at < self._seconds + self._grace_seconds:
                return kept.value
            raise

    def at_hand(self, key: Key) -> Value | None:
        """The value of `key` if it is fresh."""
        kept = peek(self._kept, key)
        return kept.value if kept is not None and time.monotonic() - kept.loaded_at < self._seconds else None

    def forget(self, key: Key) -> None:
        """Load `key` anew at the next `get`."""
        self._kept.pop(key, None)

    async def _load_once(self, key: Key, load: Callable[[], Awaitable[Value]]) -> Value:
        task = self._loading.get(key)
        if task is None:
            task = asyncio.create_task(self._load(key, load))
            task.add_done_callback(_look_at)
            self._loading[key] = task
        return await asyncio.shield(task)  # a caller that leaves must not take the load from the others

    async def _load(self, key: Key, load: Callable[[], Awaitable[Value]]) -> Value:
        try:
            value = await load()
        finally:
            self._loading.pop(key, None)
        self._kept[key] = _Kept(value, time.monotonic())
        return value


def _look_at(task: "asyncio.Task[Any]") -> None:
    """Those who waited may all have left; asyncio would complain of an error that nobody saw."""
    if not task.cancelled():
        task.exception()
