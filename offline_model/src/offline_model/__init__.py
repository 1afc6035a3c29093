"""The offline model: deterministic, made of rules. Imports nothing of the network. Start with `model`."""

from offline_model.model import OfflineModel

__all__ = ["OfflineModel"]
