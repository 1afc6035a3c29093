"""The command line. `main` is the console script; what a command needs is imported when it runs.

May import all of `agentnet`, and nothing of `agentnet` imports it. Start with `app`, then `commands`.
"""


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    from agentnet.cli.app import app

    app()
