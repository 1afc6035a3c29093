"""`--timeout TOOL=SECONDS`, as servers and profiles take it."""

from agentnet.errors import InvalidInputError


def seconds_by_tool(given: list[str] | None) -> dict[str, float]:
    """Seconds by tool or pattern. Raises `InvalidInputError` for what is not of that form."""
    return dict(_pair(text) for text in given or [])


def _pair(text: str) -> tuple[str, float]:
    tool, _, seconds = text.rpartition("=")
    try:
        return tool, float(seconds)
    except ValueError:
        raise InvalidInputError(f"--timeout {text} is not TOOL=SECONDS.", hint="Such as 'report*=120'.") from None
