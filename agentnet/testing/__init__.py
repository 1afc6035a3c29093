"""Test doubles that are shipped: an OpenAI-compatible server with faults, and a way to serve any application.

Beside them, for the tests of this repository alone: `faults` done to parts that run, and `insides` of them to look at.

May import `agentnet.http`, `agentnet.models`, `agentnet.process`, `agentnet.push`, `agentnet.runs`, `agentnet.signals`
and `agentnet.tasks`. Start with `openai_server`; nothing of the product imports this.
"""

from agentnet.testing.openai_server import Fault, OpenAIServer, Scenario
from agentnet.testing.serving import serving
from agentnet.testing.turns import Call, Decision, Request

__all__ = ["Call", "Decision", "Fault", "OpenAIServer", "Request", "Scenario", "serving"]
