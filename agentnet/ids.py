"""Identifiers: time-ordered UUIDs (RFC 9562 version 7), so that tables stay partitionable by id; and one tenant's."""

import os
import time
import uuid

EVERYONE = "*"
"""Tenant of what every tenant may see: the network's own agents, tools and documents."""


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
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    return (value & ~(0x3 << 62)) | (0x2 << 62)
