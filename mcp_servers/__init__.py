"""Tool servers of the network: one sub-package each, stateless, over streamable HTTP."""
