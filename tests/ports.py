"""Ports for what is started later, of those that the system gives to nobody who asks for any."""

import random
import socket

FIRST, LAST = 20_000, 32_000
"""Below the range from which Linux gives ports away."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody has right now."""
    found: set[int] = set()
    while len(found) < count:
        port = random.SystemRandom().randrange(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.add(port)
    return list(found)
