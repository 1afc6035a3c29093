"""`agentnet push`: notifications that could not be delivered, through the gateway; their key, at the database."""

from typing import TYPE_CHECKING, Annotated

import typer

from agentnet.cli.command.options import AsJson, Url

if TYPE_CHECKING:
    from agentnet.database import Database

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Push notifications: list, retry, rotate-key.")


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


@app.command("rotate-key")
def rotate_key() -> None:
    """Make a new key that signs notifications. Needs DATABASE_URL and AGENTNET_SECRET as the services have them."""
    from agentnet.cli.admin.database import at_database
    from agentnet.identity.sealing import Seal
    from agentnet.identity.secret import known_secret
    from agentnet.push.signing import PUBLISHED_BEFORE_SECONDS, REFRESH_SECONDS, RETIRES_AFTER_SECONDS, KeyRing
    from agentnet.settings import load_settings

    settings = load_settings()
    seal = Seal(known_secret(settings))

    async def rotate(database: "Database") -> str:
        return await KeyRing(database, seal).rotate()

    kid = at_database(settings, rotate)
    minutes = (PUBLISHED_BEFORE_SECONDS + REFRESH_SECONDS) / 60
    hours = RETIRES_AFTER_SECONDS / 3600
    typer.echo(
        f"Key {kid} is published now and signs within {minutes:g} minutes; "
        f"the one before it stays published for {hours:g} hours."
    )
