"""A2A over HTTP: JSON-RPC and HTTP+JSON on one address, 1.0 written for speed, 0.3 through a2a-sdk's adapters."""

import a2a.server.routes  # noqa: F401 - first, because a2a.compat and a2a.server.routes import each other
