"""Identifiers: time-ordered UUIDs (RFC 9562 version 7), so that tables stay partitionable by id; and one tenant's."""

import os
import time
import uuid

RANDOM_BYTES = 10
AT_ONCE = 256
"""So many ids' random bytes are read in one system call."""
EVERYONE = "*"
"""Tenant of what every tenant may see: the network's own agents, tools and documents."""

_random: list[bytes] = []
"""Those that were read and are in no id yet; to take one is atomic, so that no two threads get the same."""
if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_random.clear)


def uuid7() -> uuid.UUID:
    """A new UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    return uuid.UUID(int=_number())


def new_id() -> str:
    """A new identifier in its text form."""
    digits = f"{_number():032x}"  # by hand: half the price of a UUID that is only written down
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _number() -> int:
    milliseconds = time.time_ns() // 1_000_000
    # uuid.uuid7 comes with Python 3.14.
    value = (milliseconds << 80) | int.from_bytes(_ten_bytes(), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    return (value & ~(0x3 << 62)) | (0x2 << 62)


def _ten_bytes() -> bytes:
    try:
        return _random.pop()
    except IndexError:
        read = os.urandom(RANDOM_BYTES * AT_ONCE)
        _random.extend(read[start : start + RANDOM_BYTES] for start in range(RANDOM_BYTES, len(read), RANDOM_BYTES))
        return read[:RANDOM_BYTES]
