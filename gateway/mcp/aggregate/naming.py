"""Names under which many servers' tools and prompts stand beside one another: `server__tool`, unique, 64 at most."""

import re
from collections.abc import Container
from hashlib import sha256

MAX_NAME = 64
DIGEST_CHARACTERS = 8
# MCP allows "." and "/" too; the APIs of models do not.
_UNUSUAL = re.compile(r"[^A-Za-z0-9_-]")


def may_show(prefix: str, shown: str) -> bool:
    """Whether a provider with that prefix may be the one that shows the name `shown`, whatever it lists."""
    return not prefix or shown.startswith(_UNUSUAL.sub("_", f"{prefix}__")[: MAX_NAME - DIGEST_CHARACTERS - 1])


def shown_name(prefix: str, own: str, taken: Container[str]) -> str:
    """The name to show for `own`: the same on every replica, whatever else is there, unless that name is taken.

    A name that is too long, unusual or taken ends with a digest of the full one.
    """
    full = f"{prefix}__{own}" if prefix else own
    plain = _UNUSUAL.sub("_", full)
    if len(plain) <= MAX_NAME and plain not in taken:
        return plain
    # Parted by what no name holds: "a" and "b__c" are not "a__b" and "c".
    digest = sha256(f"{prefix}\0{own}".encode("utf-8", "replace")).hexdigest()[:DIGEST_CHARACTERS]
    return f"{plain[: MAX_NAME - DIGEST_CHARACTERS - 1]}_{digest}"
