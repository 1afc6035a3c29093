"""`agentnet keys`: through the gateway, but for what must work without one."""

from typing import Annotated

import typer

from agentnet.cli.command.options import AsJson, Url

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="API keys: list, create, revoke.")


@app.command("list")
def list_keys(url: Url = None, json: AsJson = False) -> None:
    """List the keys of your tenant."""
    from agentnet.cli.gateway import listings

    listings.show_keys(url, json)


@app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    scope: Annotated[list[str] | None, typer.Option("--scope", help="use or admin; repeatable.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Yours, or unset; others: agentnet tenants.")] = None,
    days: Annotated[int | None, typer.Option("--days", min=1, help="Days until it expires.")] = None,
    url: Url = None,
    json: AsJson = False,
) -> None:
    """Create a key and print it, for the only time."""
    from agentnet.cli.gateway import listings

    wanted = {"name": name, "scopes": scope or ["use"], "tenant": tenant, "days": days}
    listings.create_key(url, {field: value for field, value in wanted.items() if value is not None}, json)


@app.command("revoke")
def revoke_key(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As `agentnet keys list` shows it.")],
    url: Url = None,
) -> None:
    """Revoke a key for good."""
    from agentnet.cli.gateway import listings

    listings.revoke_key(url, identifier)


@app.command("show-admin")
def show_admin() -> None:
    """Print the admin key of this machine's network."""
    from agentnet.errors import NotFoundError
    from agentnet.identity.secret import admin_key_path, read_key
    from agentnet.settings import load_settings

    settings = load_settings()
    # From the file, not through the gateway: who asks for the key has none to show yet.
    key = read_key(settings)
    if key is None:
        raise NotFoundError(
            f"There is no admin key at {admin_key_path(settings)} yet.",
            hint="`agentnet up` makes it at its first start.",
        )
    typer.echo(key)


@app.command("generate")
def generate() -> None:
    """Print a new key that is stored nowhere yet, for AGENTNET_API_KEY of containers."""
    from agentnet.identity.keys import generate_key

    typer.echo(generate_key())
