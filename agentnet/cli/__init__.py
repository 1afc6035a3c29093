"""The command line. `main` is the console script; what a command needs is imported when it runs.

May import all of `agentnet`, and nothing of `agentnet` imports it. Start with `app`, then `commands`.
"""

import sys

from agentnet.cli.command.exits import INTERRUPTED
from agentnet.cli.command.signals import deaf
from agentnet.process.collector import rare_collector
from agentnet.process.imports import COMMAND_OF_HTTPX, without


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    rare_collector()
    try:
        try:
            with without(COMMAND_OF_HTTPX):
                from agentnet.cli.app import app

                app()
        finally:
            deaf()
    except KeyboardInterrupt:  # before there was a command that could say so, or behind it
        deaf()
        sys.stderr.write("Interrupted.\n")
        sys.exit(INTERRUPTED)
