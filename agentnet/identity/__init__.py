"""Who is calling: principals, API keys, tokens between services, and what is sealed under the network's secret.

May import `agentnet.database`. Start with `principal`, then `keys` (from outside) and `tokens` (between services).
"""

from agentnet.identity.principal import Budget, Delegation, Principal

__all__ = ["Budget", "Delegation", "Principal"]
