"""How long a client says that it waits: `Request-Timeout: <seconds>`, or `Prefer: wait=<seconds>` (RFC 7240)."""

import math
import re

_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d+(?:\.\d+)?)", re.IGNORECASE)


def stated_wait(request_timeout: str, prefer: str) -> float | None:
    """Seconds, of the first of the two headers that says them; None for neither, NaN for a timeout that is none."""
    if request_timeout.strip():
        try:
            seconds = float(request_timeout)
        except ValueError:
            return math.nan
        return seconds if seconds >= 0 else math.nan
    preferred = _WAIT.search(prefer)
    return float(preferred[1]) if preferred else None
