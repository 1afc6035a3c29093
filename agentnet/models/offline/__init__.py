"""The offline model: deterministic, stateless, made of rules. It lets the network do real work with no account."""

from agentnet.models.offline.conversation import Request
from agentnet.models.offline.deciding import decide
from agentnet.models.offline.ledger import Call, Decision
from agentnet.models.offline.model import OFFLINE_MODEL, OfflineModel

__all__ = ["OFFLINE_MODEL", "Call", "Decision", "OfflineModel", "Request", "decide"]
