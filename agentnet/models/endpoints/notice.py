"""What a model's turn tells of itself while people wait. It travels in the stream of the turn's events."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Notice:
    """A word for whoever waits, such as `waiting 30 s: rate limit`. It never reaches the SDK: the journal takes it."""

    text: str
    model: str = ""
    """Whose name is shown beside it."""
    seconds: float = 0.0
    """For how long it has been so."""
    type: Literal["agentnet.notice"] = "agentnet.notice"
