"""Who is calling: principals, API keys, tokens between services, and the middleware that asks for them."""

from agentnet.identity.principal import Budget, Delegation, Principal

__all__ = ["Budget", "Delegation", "Principal"]
