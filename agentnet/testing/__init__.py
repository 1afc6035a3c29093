"""Test doubles that are shipped: an OpenAI-compatible server with faults, and a way to serve any application.

May import `agentnet.models` and `agentnet.process`. Start with `openai_server`.
"""

from agentnet.testing.openai_server import Fault, OpenAIServer, Scenario
from agentnet.testing.serving import serving
from agentnet.testing.turns import Call, Decision, Request

__all__ = ["Call", "Decision", "Fault", "OpenAIServer", "Request", "Scenario", "serving"]
