"""Python's garbage collector in a server: measured in bench/pauses.py, its defaults cost 7 % and the longest pauses."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (50_000, 20, 100)
"""New objects before the young are looked through, and how often that happens before the older are."""


def rare_collector() -> None:
    """For a process that starts: to look through what it imports, which stays, is a sixth of the time."""
    gc.set_threshold(*THRESHOLDS)


@contextmanager
def steady_collector() -> Iterator[None]:
    """For a process whose services have started: what lives now is not looked through again, the rest more rarely."""
    before = gc.get_threshold()
    gc.collect()  # or garbage would be frozen too, for ever
    gc.freeze()
    rare_collector()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
