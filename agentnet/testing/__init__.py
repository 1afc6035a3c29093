"""Test doubles that are shipped: an OpenAI-compatible server with faults, and a way to serve any application."""

from agentnet.models.offline import Call, Decision
from agentnet.testing.openai_server import Fault, OpenAIServer, Scenario
from agentnet.testing.serving import serving

__all__ = ["Call", "Decision", "Fault", "OpenAIServer", "Scenario", "serving"]
