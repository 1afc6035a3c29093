"""What a benchmark gets: the bed of servers, and how thorough it is to be."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.processes import Bed
from bench.report import Result


@dataclass(frozen=True, slots=True)
class Plan:
    """How to run."""

    bed: Bed
    quick: bool
    say: Callable[[str], None]
    """Tell the person who waits."""

    def pick(self, full: int, quick: int) -> int:
        """`full`, or `quick` when the whole must take minutes only."""
        return quick if self.quick else full


Benchmark = Callable[[Plan], Awaitable[Result]]
