"""Agent Network: what every service stands on. Imports nothing from the services.

The modules `errors`, `settings` and `ids` are the ground: every folder may import them, and they import no folder.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("agentnet")
except PackageNotFoundError:  # running from a checkout that was never installed
    __version__ = "0.0.0"
