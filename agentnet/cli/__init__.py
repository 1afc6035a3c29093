"""The command line. `main` is the console script; what a command needs is imported when it runs."""


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    from agentnet.cli.app import app

    app()
