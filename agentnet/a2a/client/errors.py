"""What comes of asking an agent, besides its answer.

AgentNetError
├── RefusedError              the agent's own error: JSON-RPC's, or one in an HTTP answer's body
└── UnavailableError          it does not answer, its stream broke off, or what came cannot be read
    └── HttpAnswerError       what came is an HTTP error without words of the agent's: a proxy's, say
"""

from http import HTTPStatus
from typing import Any

from agentnet.errors import AgentNetError, UnavailableError

TASK_NOT_FOUND = -32001
UNSUPPORTED = -32004
"""A2A 1.0, section 5.4."""


class RefusedError(AgentNetError):
    """The agent refused, in its own words. `code` is the error's, `details` its data, `answered` the status of HTTP.

    Whether another try may help is for the caller to say: the code is the agent's, who may mean anything by it.
    """

    http_status = 400
    status = "FAILED_PRECONDITION"

    def __init__(self, message: str, *, code: int | None, details: Any = None, answered: int = 200, retry: float = 1):
        super().__init__(message, code=code)
        self.code = code
        self.details = details
        self.answered = answered
        self.retry_after = retry

    @property
    def is_unknown_task(self) -> bool:
        """Whether it says that there is no such task, or none of this tenant's."""
        return self.code == TASK_NOT_FOUND


class HttpAnswerError(UnavailableError):
    """An HTTP error, `answered` its status, whose body is no A2A error. `retry_after` in seconds."""

    def __init__(self, answered: int, retry: float = 1) -> None:
        known = answered in HTTPStatus.__members__.values()
        super().__init__(f"The agent answered {answered}{f' {HTTPStatus(answered).phrase}' if known else ''}.")
        self.answered = answered
        self.retry_after = retry
