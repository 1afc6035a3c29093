"""How a command ends: its exit codes, and the one exception that is not an error."""

OK = 0
"""Done; of a task: it completed."""
TASK_FAILED = 1
"""A task failed, was canceled or ran out of time; `doctor` found something."""
ERROR = 2
"""The command could not be carried out: wrong usage, no gateway, no such thing."""
QUESTION = 3
"""A task waits for an answer."""
REFUSED = 4
"""An agent refused the task."""
SOFTWARE = 70
"""Something that should not happen (sysexits.h)."""
INTERRUPTED = 130


class Interrupted(Exception):  # noqa: N818 - not an error
    """A signal stopped the command, and everything that it had opened is closed."""
