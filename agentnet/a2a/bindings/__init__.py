"""The wire of A2A: JSON-RPC and HTTP+JSON on one address, 1.0 written for speed, 0.3 through a2a-sdk's adapters.

May import `agentnet.a2a`, `agentnet.tasks`, `agentnet.files` and `agentnet.http`. Start with `app`.
"""

from importlib import import_module

import_module("a2a.server.routes")  # first, because a2a.compat and a2a.server.routes import each other
