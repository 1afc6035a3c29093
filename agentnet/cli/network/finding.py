"""What one check found, and how findings are shown."""

import sys
from collections.abc import Sequence

from agentnet.cli.show import screen
from agentnet.models.check.finding import Finding

__all__ = ["Finding", "print_findings"]


def print_findings(findings: Sequence[Finding]) -> None:
    """A table; below it once more and whole what it may break into pieces: an address is there to be copied."""
    rows = [("✓" if each.ok else "✗", each.check, each.found, each.todo) for each in findings]
    screen.print_rows(("", "Check", "Found", "What to do"), rows)
    if not sys.stdout.isatty():
        return
    long = [each for each in findings if any(len(word) > screen.LONGEST_WORD for word in each.todo.split())]
    for each in long:
        screen.say(f"\n{each.check}: {each.todo}")
