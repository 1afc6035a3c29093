"""What a command writes to its standard error, into the log: so many lines a minute, each so long."""

import asyncio
import logging
import re
from asyncio.subprocess import Process
from collections import deque

LINES_PER_MINUTE = 120
LINE_CHARACTERS = 1000
CHUNK_BYTES = 64 * 1024

logger = logging.getLogger(__name__)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class _Allowance:
    """Lines of one minute."""

    def __init__(self) -> None:
        self._until = 0.0
        self._left = 0
        self.dropped = 0

    def take(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            self._until, self._left = now + 60.0, LINES_PER_MINUTE
        self._left -= 1
        if self._left < 0:
            self.dropped += 1
        return self._left >= 0


async def log_stderr(name: str, process: Process, last: deque[str]) -> None:
    """Log until the command closes its standard error, and keep its last lines. Never stops reading: a full pipe would
    stop the command."""
    assert process.stderr is not None
    allowance = _Allowance()
    rest = ""
    while chunk := await process.stderr.read(CHUNK_BYTES):
        *lines, rest = (rest + chunk.decode(errors="replace")).split("\n")
        # A line without an end would grow for ever.
        rest = rest[:LINE_CHARACTERS]
        _log(name, lines, allowance, last)
    _log(name, [rest], allowance, last)
    if allowance.dropped:
        logger.info("%s wrote %d more lines to its standard error", name, allowance.dropped)


def _log(name: str, lines: list[str], allowance: _Allowance, last: deque[str]) -> None:
    for line in filter(str.strip, lines):
        # A command must not move the cursor, or write lines of its own, in a log that is read in a terminal.
        shown = _CONTROL.sub("", line)[:LINE_CHARACTERS]
        last.append(shown)
        if allowance.take():
            logger.info("%s: %s", name, shown)
