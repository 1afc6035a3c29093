"""Signals: hints that something changed. PostgreSQL holds the truth; a lost signal costs time, never data.

Imports no other folder. Start with `local`, which has the seam; `watch` waits for them and looks when they are lost.
"""

from agentnet.signals.local import LocalSignals, Signal, Signals, Topic
from agentnet.signals.watch import LOOK_SECONDS, Wakeup, Watch

__all__ = ["LOOK_SECONDS", "LocalSignals", "Signal", "Signals", "Topic", "Wakeup", "Watch"]
