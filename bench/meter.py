"""A meter: CPU of the server, of PostgreSQL and of the load generator itself over one measurement."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from bench.processes import Bed, Server


@dataclass(slots=True)
class Usage:
    """Seconds that passed, and CPU seconds used while they did."""

    seconds: float = 0.0
    server: float = 0.0
    database: float = 0.0
    load: float = 0.0
    machine: float = 0.0
    """All cores, everybody's processes."""

    @property
    def foreign(self) -> float:
        """CPU seconds that others took from this machine."""
        return max(0.0, self.machine - self.server - self.database - self.load)


def machine_seconds() -> float:
    """CPU seconds that everybody on this machine has used."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


@contextmanager
def metered(bed: Bed, server: Server) -> Iterator[Usage]:
    """Measures what is done inside the block; the figures are there behind it."""
    usage = Usage()
    began = time.monotonic(), server.cpu_seconds(), bed.cpu_seconds(), time.process_time(), machine_seconds()
    yield usage
    usage.seconds = time.monotonic() - began[0]
    usage.server = server.cpu_seconds() - began[1]
    usage.database = bed.cpu_seconds() - began[2]
    usage.load = time.process_time() - began[3]
    usage.machine = machine_seconds() - began[4]
