"""What one check of `agentnet doctor` found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `todo` says what to do when it is not well."""

    check: str
    ok: bool
    found: str
    todo: str = ""
