"""The command line. `main` is the console script; what a command needs is imported when it runs.

May import all of `agentnet`, and nothing of `agentnet` imports it. Start with `app`, then `commands`.
"""

from agentnet.process.collector import rare_collector
from agentnet.process.imports import COMMAND_OF_HTTPX, without


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    rare_collector()
    with without(COMMAND_OF_HTTPX):
        from agentnet.cli.app import app

        app()
