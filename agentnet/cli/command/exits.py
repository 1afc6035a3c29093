"""How a command ends: its exit codes, and the one exception that is not an error."""

OK = 0
TASK_FAILED = 1
ERROR = 2
QUESTION = 3
"""A task waits for an answer."""
SOFTWARE = 70
"""Something that should not happen (sysexits.h)."""
INTERRUPTED = 130


class Interrupted(Exception):  # noqa: N818 - not an error
    """A signal stopped the command, and everything that it had opened is closed."""
