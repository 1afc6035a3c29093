"""The offline model: deterministic, stateless, made of rules. It lets the network do real work with no account."""

from offline_model.model import OfflineModel

__all__ = ["OfflineModel"]
