"""`agentnet retention`: how long ended tasks are kept, through the gateway."""

from typing import Annotated

import typer

from agentnet.cli.command.options import AsJson, Url

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="How long ended tasks are kept: show, set, reset.")

State = Annotated[str, typer.Argument(metavar="STATE", help="completed, failed, canceled, rejected or all.")]


@app.command("show")
def show(url: Url = None, json: AsJson = False) -> None:
    """Show what holds for your tenant."""
    from agentnet.cli.gateway import listings

    listings.show_retention(url, json)


@app.command("set")
def set_rule(
    state: State,
    days: Annotated[int | None, typer.Option("--days", min=1, help="Days that a task is kept.")] = None,
    count: Annotated[int | None, typer.Option("--count", min=0, help="Tasks of each agent that are kept.")] = None,
    url: Url = None,
) -> None:
    """Set a rule; what is over one of its limits goes. Without any everything is kept."""
    from agentnet.cli.gateway import listings

    listings.set_retention(url, state, days, count)


@app.command("reset")
def reset(state: State, url: Url = None) -> None:
    """Let the network's default hold again."""
    from agentnet.cli.gateway import listings

    listings.reset_retention(url, state)
