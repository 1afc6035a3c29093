"""Signals: hints that something changed. PostgreSQL holds the truth; a lost signal costs time, never data."""

from agentnet.signals.local import LocalSignals, Signal, Signals

__all__ = ["LocalSignals", "Signal", "Signals"]
