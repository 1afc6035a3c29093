"""`agentnet push`: notifications that could not be delivered, through the gateway."""

from typing import Annotated

import typer

from agentnet.cli.command.options import AsJson, Url

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Push notifications: list, retry.")


@app.command("list")
def list_deliveries(
    state: Annotated[str, typer.Option("--state", help="pending, delivered, dead or all.")] = "dead",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="How many, newest first.")] = 50,
    url: Url = None,
    json: AsJson = False,
) -> None:
    """List deliveries to webhooks; those that were given up unless told otherwise."""
    from agentnet.cli.gateway import listings

    # The gateway knows no state `all`: left out it means any.
    listings.show_deliveries(url, None if state == "all" else state, limit, json)


@app.command("retry")
def retry_delivery(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As `agentnet push list` shows it.")],
    url: Url = None,
) -> None:
    """Try a dead delivery again."""
    from agentnet.cli.gateway import listings

    listings.retry_delivery(url, identifier)
