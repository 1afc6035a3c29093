"""Many timers of an event loop upon one of its own: nearly all are taken back before their time has come."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from heapq import heapify, heappop, heappush
from math import inf
from typing import Any

EARLY_SECONDS = 0.001
"""uvloop's timers know whole milliseconds."""
FEW = 64
"""So many that were taken back are kept, however few others there are."""


class Alarm:
    """One of them."""

    __slots__ = ("_alarms", "argument", "call", "context")

    def __init__(self, alarms: "Alarms", call: Callable[..., object], argument: tuple[Any, ...]) -> None:
        self._alarms = alarms
        self.call: Callable[..., object] | None = call
        self.argument = argument
        self.context = copy_context()  # as asyncio's timers do

    def cancel(self) -> None:
        """Take it back, if it has not rung."""
        if self.call is not None:
            self.call, self.argument = None, ()
            self._alarms.taken_back()


class Alarms:
    """Those of one loop, whose own cost 2 µs each: every message sets three."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._set: list[tuple[float, int, Alarm]] = []
        self._count = 0
        self._taken_back = 0
        """How many of them only wait to be forgotten."""
        self._timer: asyncio.Handle | None = None
        self._rings_at = inf

    def __len__(self) -> int:
        """How many are kept, those that were taken back among them."""
        return len(self._set)

    def after(self, seconds: float, call: Callable[..., object], *argument: Any) -> Alarm:
        """Have `call` called then, as the loop's `call_later`."""
        return self.at(self.loop.time() + seconds, call, *argument)

    def at(self, when: float, call: Callable[..., object], *argument: Any) -> Alarm:
        """Have `call` called at that moment of the loop's clock, as its `call_at`."""
        alarm = Alarm(self, call, argument)
        self._count += 1
        heappush(self._set, (when, self._count, alarm))
        if when < self._rings_at:
            self._ring_at(when)
        return alarm

    def taken_back(self) -> None:
        """One was: they are forgotten when they are most."""
        self._taken_back += 1
        if self._taken_back > FEW and self._taken_back * 2 > len(self._set):
            self._set = [each for each in self._set if each[2].call is not None]
            heapify(self._set)
            self._taken_back = 0

    def _ring_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = when
        self._timer = self.loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer, self._rings_at = None, inf
        now = self.loop.time() + EARLY_SECONDS
        while self._set and (self._set[0][0] <= now or self._set[0][2].call is None):
            alarm = heappop(self._set)[2]
            if alarm.call is None:
                self._taken_back -= 1
            else:  # by the loop: what it raises is its own
                self.loop.call_soon(alarm.call, *alarm.argument, context=alarm.context)
                alarm.call = None
        if self._set:
            self._ring_at(self._set[0][0])


_latest: Alarms | None = None


def alarms_of(loop: asyncio.AbstractEventLoop) -> Alarms:
    """Those of a loop; of several in turn each time new ones, which is as good."""
    global _latest
    if _latest is None or _latest.loop is not loop:
        _latest = Alarms(loop)
    return _latest
