"""The Typer app: the error boundary around every command, and the options that stand before them."""

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import Abort, Exit

from agentnet.cli import commands
from agentnet.cli.admin import keys, partitions, push, retention, tenants
from agentnet.cli.command import exits
from agentnet.cli.mcp import commands as mcp
from agentnet.cli.network import models
from agentnet.cli.show import screen
from agentnet.errors import AgentNetError


class Boundary(TyperGroup):
    """What every command's errors become: one line on stderr and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which they are declared: the everyday ones first."""
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except AgentNetError as error:
            _say(error.message, error.hint)
            raise Exit(exits.ERROR) from None
        except (exits.Interrupted, KeyboardInterrupt):  # the other one where no loop runs: amid imports
            typer.echo("Interrupted.", err=True)
            raise Exit(exits.INTERRUPTED) from None
        # Typer ends with these by itself; a pipe whose reader has gone is no error of ours.
        except (Exit, Abort, BrokenPipeError):
            raise
        except Exception as error:  # the boundary of the program: nobody above could tell the user
            # Wrong usage: Typer says it, with the way to the help and exit code 2.
            if type(error).__module__.startswith("typer."):
                raise
            if os.environ.get("AGENTNET_LOG_LEVEL", "").upper() == "DEBUG":
                raise
            _say(f"Unexpected {type(error).__name__}: {error}", "Set AGENTNET_LOG_LEVEL=DEBUG for the trace.")
            raise Exit(exits.SOFTWARE) from None


def _say(message: str, hint: str | None) -> None:
    # https://no-color.org; in a pipe or a log the word stands for the colour.
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    text = " ".join(filter(None, ("" if colour else f"Error: {message}", hint)))
    screen.say(text, error=True, red=message if colour else "")


app = typer.Typer(
    name="agentnet",
    cls=Boundary,
    no_args_is_help=True,
    rich_markup_mode=None,  # the help with boxes costs 0.2 s of imports
    pretty_exceptions_enable=False,
    # -h too: Typer knows --help alone.
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A network of specialist AI agents. Start it with `agentnet up`, ask it with `agentnet ask`.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from agentnet import __version__

        typer.echo(f"agentnet {__version__}")
        raise Exit(0)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


for command in commands.ALL:
    app.command()(command)
app.add_typer(commands.agents, name="agents")
app.add_typer(models.app, name="models")
app.add_typer(mcp.app, name="mcp")
app.add_typer(commands.serve, name="serve")
app.add_typer(commands.new, name="new")
app.add_typer(keys.app, name="keys")
app.add_typer(tenants.app, name="tenants")
app.add_typer(push.app, name="push")
app.add_typer(retention.app, name="retention")
app.add_typer(partitions.app, name="partitions")
